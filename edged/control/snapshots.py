"""Takes snapshots: finds a job that sees the source, waits for its picture, publishes it.

A request stands in the specification of the worker that runs the job for as long as it is waited
for, so it reaches a worker that is still starting, or another that the job moved to meanwhile. A
worker that dies takes its requests with it: what killed it might have been one of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edged.control.commands.request import CommandFailed
from edged.control.device import Device
from edged.control.onlookers import WORKER, Onlookers, is_onlooker
from edged.control.publisher import Publisher
from edged.control.sight import check_job, check_source, choose_job, why_late
from edged.model.clock import rfc3339
from edged.model.messages import SnapshotReport, SnapshotRequest
from edged.model.output import Output
from edged.mqtt.topics import Topics
from edged.supervise.process import ChildExit

DEADLINE_S = 15.0
"""For one snapshot, a worker's start and the wait for a keyframe included."""
MOST_AT_ONCE = 4
"""Different ones; the same wish at the same time is one snapshot."""
KEEP_S = 10.0
"""So long after a picture its source is looked at still: the next one needs no process to start."""
_CHOSEN_S = 5.0
"""So long the picture of a job that nobody named is waited for; then one without boxes must do."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked for."""

    source: str
    job: str | None
    quality: int
    max_width: int | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A JPEG, and what is known of it."""

    job: str
    jpeg: bytes
    report: SnapshotReport


@dataclass(slots=True)
class _Pending:
    request: SnapshotRequest
    done: asyncio.Future[Snapshot]
    jpeg: bytes = b""


class Snapshots:
    """Belongs to main's loop. The device asks and tells it, from `start` on."""

    def __init__(
        self,
        device: Device,
        publisher: Publisher,
        topics: Topics,
        *,
        deadline_s: float = DEADLINE_S,
        keep_s: float = KEEP_S,
    ) -> None:
        self._device = device
        self._publisher = publisher
        self._topics = topics
        self._deadline_s = deadline_s
        self._onlookers = Onlookers(device, keep_s)
        self._numbers = itertools.count(1)
        self._taking: dict[Wish, asyncio.Task[dict[str, Any]]] = {}
        self._pending: dict[int, _Pending] = {}

    def start(self) -> None:
        self._device.snapshots = self

    async def stop(self) -> None:
        """Whoever waits still is told so."""
        tasks = tuple(self._taking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._onlookers.close()
        self._device.snapshots = None

    async def take(
        self, source: str, job: str | None = None, quality: int = 80, max_width: int | None = None
    ) -> Mapping[str, Any]:
        """Publish a JPEG of ``source`` and return what to say of it.

        With ``job`` its boxes are drawn on it; without, those of a job that runs often, if there is
        one. Raises `CommandFailed`.
        """
        wish = Wish(source, job, quality, max_width)
        task = self._taking.get(wish)
        if task is None:
            if len(self._taking) >= MOST_AT_ONCE:
                raise CommandFailed(
                    "busy", f"{MOST_AT_ONCE} snapshots are being taken already: ask again in a moment"
                )
            task = asyncio.create_task(self._take(wish), name=f"snapshot of {source}")
            self._taking[wish] = task
            task.add_done_callback(lambda ended: self._taken(wish, ended))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise CommandFailed("interrupted", "the daemon is stopping") from None
            raise

    # ---- the device's questions and news ----

    def wanted_of(self, worker: str) -> tuple[SnapshotRequest, ...]:
        """The requests that stand in the specification of a worker."""
        return tuple(
            pending.request
            for pending in self._pending.values()
            if self._worker_of(pending.request.job) == worker and not pending.done.done()
        )

    def came(self, output: Output) -> None:
        """A JPEG; its report comes next."""
        pending = self._pending.get(output.seq)
        if pending is not None:
            pending.jpeg = output.payload

    def reported(self, report: SnapshotReport) -> None:
        pending = self._pending.get(report.id)
        if pending is None or pending.done.done():
            return
        if report.code:
            pending.done.set_exception(CommandFailed(report.code, report.error))
        else:
            pending.done.set_result(Snapshot(pending.request.job, pending.jpeg, report))

    def worker_died(self, worker: str, death: ChildExit) -> None:
        """Its process ended; of all that it was asked nothing more comes."""
        for pending in self._pending.values():
            if self._worker_of(pending.request.job) in (worker, None) and not pending.done.done():
                pending.done.set_exception(
                    CommandFailed("interrupted", f"its worker {death.reason} meanwhile: ask again")
                )

    # ---- one snapshot ----

    async def _take(self, wish: Wish) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self._deadline_s):
                snapshot, boxes_of = await self._picture(wish)
        except TimeoutError:
            raise why_late(self._device, wish.source, wish.job, self._deadline_s) from None
        topic = self._topics.snapshot(wish.source)
        self._publisher.publish(topic, snapshot.jpeg, 0)
        answer = {
            "topic": topic,
            "bytes": len(snapshot.jpeg),
            "width": snapshot.report.width,
            "height": snapshot.report.height,
            "time": rfc3339(snapshot.report.captured_wall_ns),
        }
        return answer | ({"job": boxes_of} if boxes_of is not None else {})

    async def _picture(self, wish: Wish) -> tuple[Snapshot, str | None]:
        """The picture, and the job whose boxes are on it."""
        check_source(self._device, wish.source)
        if wish.job is not None:
            check_job(self._device, wish.job, wish.source)
            return await self._of(wish, wish.job), wish.job
        chosen = choose_job(self._device, wish.source)
        if chosen is not None:
            with contextlib.suppress(CommandFailed, TimeoutError):
                async with asyncio.timeout(min(_CHOSEN_S, self._deadline_s / 2)):
                    return await self._of(wish, chosen), chosen
            check_source(self._device, wish.source)
        demand = self._device.sources[wish.source].spec.demand
        with self._onlookers.looking_at(wish.source, demand) as onlooker:
            return await self._of(wish, onlooker), None

    async def _of(self, wish: Wish, job: str) -> Snapshot:
        """The next run of ``job``. Raises `CommandFailed`."""
        request = SnapshotRequest(
            next(self._numbers), job, wish.source, time.monotonic_ns(), wish.quality, wish.max_width
        )
        pending = _Pending(request, asyncio.get_running_loop().create_future())
        self._pending[request.id] = pending
        self._tell(job)
        try:
            return await pending.done
        finally:
            del self._pending[request.id]
            self._tell(job)

    def _tell(self, job: str) -> None:
        worker = self._device.workers.get(self._worker_of(job) or "")
        if worker is not None:
            worker.refresh()

    def _worker_of(self, job: str) -> str | None:
        if is_onlooker(job):
            return WORKER
        record = self._device.find_job(job)
        return record.plan.worker if record is not None else None

    def _taken(self, wish: Wish, task: asyncio.Task[dict[str, Any]]) -> None:
        del self._taking[wish]
        if not task.cancelled():
            task.exception()  # those who waited may be gone: it was theirs
