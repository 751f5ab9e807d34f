"""Remembers which topics the broker keeps for this device, over restarts.

A job that was taken out of the file while the daemon was down would otherwise stay on the broker for
ever, with a status that nobody keeps true any more.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Collection, Iterable
from functools import partial
from pathlib import Path

from edged.control.publisher import Publisher
from edged.errors import EdgedError
from edged.storage.database import Database
from edged.storage.whole_file import WholeFile

_MOST = 10_000
_READ_S = 2.0
"""For a disk to tell; the start does not wait for it any longer."""

log = logging.getLogger("edged.retained")


class RetainedMemory:
    """Written when the set of topics changes, and not otherwise."""

    def __init__(self, database: Database, path: Path, publisher: Publisher) -> None:
        self._database = database
        self._file = WholeFile(path)
        self._publisher = publisher
        self._known: frozenset[str] = frozenset()

    async def clear_all_but(self, topics: Callable[[], Collection[str]]) -> None:
        """At the start: clear what an earlier run left on the broker and nobody tells any more."""
        try:
            async with asyncio.timeout(_READ_S):
                content = await self._database.background(self._file.read)
        except (EdgedError, OSError):  # TimeoutError is one
            content = None
        self._known = frozenset(_topics_in(content))
        for topic in sorted(self._known - frozenset(topics())):
            self._publisher.retain(topic, b"")

    async def note(self, topics: Collection[str]) -> None:
        """These are kept by the broker now, or may be."""
        now = frozenset(topics)
        if now == self._known:
            return
        content = json.dumps(sorted(now)[:_MOST]).encode()
        try:
            await self._database.background(partial(self._file.write, content))
        except (EdgedError, OSError) as error:
            log.debug("which topics the broker keeps is not remembered: %s", error)
        else:
            self._known = now


def _topics_in(content: bytes | None) -> Iterable[str]:
    try:
        topics = json.loads(content or b"[]")
    except ValueError:
        return ()
    return [topic for topic in topics if isinstance(topic, str)] if isinstance(topics, list) else ()
