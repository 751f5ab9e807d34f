"""Takes away the notes beside clips, in a thread of its own: no disk that hangs holds up the loop."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path

from edged.mqtt.blocking import BlockingCall

log = logging.getLogger("edged.recordings")


class ClipNotes:
    """Belongs to main's loop."""

    def __init__(self) -> None:
        self._call: BlockingCall[None] | None = None

    @property
    def is_busy(self) -> bool:
        """With those before; what hangs in the disk hangs for ever."""
        return self._call is not None and self._call.running

    async def remove(self, notes: Iterable[Path], within_s: float) -> None:
        """As many as can be removed in time; of the others the next daemon tells once more."""
        paths = tuple(notes)
        if not paths or self.is_busy:
            return
        self._call = BlockingCall(lambda: _remove(paths), "clip-notes")
        try:
            await self._call.wait(within_s)
        except TimeoutError:
            log.warning("the disk of recordings does not answer: clips may be told of twice")


def _remove(notes: Iterable[Path]) -> None:
    for note in notes:
        with contextlib.suppress(OSError):  # one that is left is told of once more
            note.unlink(missing_ok=True)
