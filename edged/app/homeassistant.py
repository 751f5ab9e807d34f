"""Keeps Home Assistant's picture of this device: announced when it changes, taken back when it is gone."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edged.control.announced import (
    Announced,
    Seen,
    announced_bytes,
    bounded,
    counted_by,
    counted_in,
    read_announced,
)
from edged.control.discovery import (
    BIRTH,
    BIRTH_TOPIC,
    Counted,
    Facts,
    device_components,
    device_payload,
    discovery_topic,
)
from edged.control.hardware import hardware
from edged.control.publisher import Publisher
from edged.errors import EdgedError
from edged.mqtt.message import Received, Worth
from edged.mqtt.topics import Topics
from edged.settings.spec import Spec
from edged.storage.database import Database
from edged.storage.whole_file import WholeFile

_AT_MOST_EVERY_S = 1.0
"""A job that sees ever new labels does not announce the device anew for each of them."""
_GREETING_WITHIN_S = 3.0
"""Home Assistant came up: a thousand devices do not answer in the same instant."""

log = logging.getLogger("edged.homeassistant")


class HomeAssistant:
    """Used from the loop's thread only; `run` as long as the daemon runs, also when nothing is announced:
    what an earlier run announced is taken back then.
    """

    def __init__(
        self,
        topics: Topics,
        publisher: Publisher,
        database: Database,
        path: Path | None,
        *,
        enabled: bool,
        draw: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """``path`` is where the last announcement is remembered; None: not at all."""
        self._topics = topics
        self._publisher = publisher
        self._database = database
        self._file = WholeFile(path) if path is not None else None
        self._enabled = enabled
        self._topic = discovery_topic(topics)
        self._spec: Spec | None = None
        self._seen: dict[str, dict[str, Counted]] = {}
        self._announced = Announced()
        self._payload = b""
        self._took_back = False
        self._news = asyncio.Event()
        self._draw = draw
        self._greeting: asyncio.TimerHandle | None = None
        """One at a time: anybody may say over and over that Home Assistant came."""

    def update(self, spec: Spec) -> None:
        """What runs from now on. A job that looks for something else has its labels to show anew."""
        if self._spec is not None:
            for job in self._spec.jobs:
                if job not in spec.jobs or _chain(spec, job) != _chain(self._spec, job):
                    self._seen.pop(job, None)
        self._spec = spec
        self._news.set()

    def on_counts(self, job: str, source: str, payload: bytes) -> None:
        """A ``…/counts`` was published: a label or zone that was never seen before gets its sensor."""
        if not self._enabled:
            return
        sources = self._seen.setdefault(job, {})
        known = sources.get(source, Counted())
        now = bounded(known | counted_in(payload))
        if now != known:
            sources[source] = now
            self._news.set()

    def heard(self, received: Received) -> bool:
        """A message from the broker; False: it is not Home Assistant's."""
        if received.topic != BIRTH_TOPIC:
            return False
        received.acknowledge()
        if self._enabled and received.payload.strip() == BIRTH and self._greeting is None:
            delay_s = self._draw(0.0, _GREETING_WITHIN_S)
            self._greeting = asyncio.get_running_loop().call_later(delay_s, self._greet)
        return True

    async def run(self) -> None:
        """Announce what `update` and `on_counts` bring, until cancelled."""
        self._announced = read_announced(await self._recall())
        self._seen = _merged(self._announced.seen, self._seen)
        if self._announced.topic not in ("", self._topic) or not self._enabled:
            await self._take_back()
        while True:
            await self._news.wait()
            self._news.clear()
            if self._enabled and self._spec is not None:
                await self._announce(self._spec)
                await asyncio.sleep(_AT_MOST_EVERY_S)

    async def _take_back(self) -> None:
        """The name, the prefix or the wish has changed."""
        if self._announced.topic:
            self._publisher.retain(self._announced.topic, b"")
        if self._enabled:
            self._announced = Announced()

    async def _announce(self, spec: Spec) -> None:
        jobs = counted_by(spec, self._seen)
        self._seen = _kept(self._seen, jobs)
        facts = Facts(
            topics=self._topics,
            version=version("edged"),
            model=str(hardware().get("model") or ""),
            sources=tuple(spec.sources),
            jobs=jobs,
        )
        components = {key: one["platform"] for key, one in device_components(facts).items()}
        removed = {
            key: platform for key, platform in self._announced.components.items() if key not in components
        }
        self._publish(device_payload(facts), device_payload(facts, removed) if removed else b"")
        now = Announced(self._topic, components, _kept(self._seen, jobs))
        if now != self._announced:
            self._announced = now
            await self._remember(now)

    def _publish(self, payload: bytes, taking_back: bytes) -> None:
        """What is taken back goes through the outbox, because the broker keeps only the last payload.

        Once it did so, what comes later follows it on the same way: it may still wait there, and Home
        Assistant has to hear the newest last.
        """
        if taking_back:
            self._took_back = True
            self._publisher.publish(self._topic, taking_back, 1, Worth.EVENT)
        if self._took_back and payload != self._payload:
            self._publisher.publish(self._topic, payload, 1, Worth.EVENT)
        self._payload = payload
        self._publisher.retain(self._topic, payload)

    def _greet(self) -> None:
        self._greeting = None
        if self._payload:
            self._publisher.publish(self._topic, self._payload, 0)

    async def _recall(self) -> bytes | None:
        if self._file is None:
            return None
        try:
            return await self._database.background(self._file.read)
        except (EdgedError, OSError):
            return None

    async def _remember(self, announced: Announced) -> None:
        if self._file is None:
            return
        try:
            await self._database.background(partial(self._file.write, announced_bytes(announced)))
        except (EdgedError, OSError) as error:
            log.debug("what Home Assistant was told is not remembered: %s", error)


def _chain(spec: Spec, job: str) -> list[tuple[str, dict[str, Any]]]:
    return [(link.algorithm, link.params) for link in (spec.jobs[job], *spec.jobs[job].then)]


def _merged(one: Seen, other: Seen) -> dict[str, dict[str, Counted]]:
    nothing = Counted()
    return {
        job: {
            source: bounded(one.get(job, {}).get(source, nothing) | other.get(job, {}).get(source, nothing))
            for source in {**one.get(job, {}), **other.get(job, {})}
        }
        for job in {**one, **other}
    }


def _kept(seen: Seen, jobs: Seen) -> dict[str, dict[str, Counted]]:
    """What was seen, of jobs and sources that there still are."""
    return {
        job: {source: each for source, each in sources.items() if source in jobs[job]}
        for job, sources in seen.items()
        if job in jobs
    }
