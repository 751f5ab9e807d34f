"""Asks captures for clips: at events that jobs record, and for whoever sends `record`.

A request stands in the specification of the source's capture until its report came. A capture that dies takes
its requests with it; what it had written by then the next one finds, and its clip is told of then.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edged.control.clip_notes import ClipNotes
from edged.control.commands.request import CommandFailed
from edged.control.device import Device
from edged.control.open_clip import OpenClip, joined
from edged.control.publisher import Publisher
from edged.control.sight import check_source
from edged.control.told_clips import ToldClips
from edged.model.capturing import ClipCause, ClipReport, ClipRequest, SourceState
from edged.model.messages import ClipOrder, ClipWish
from edged.model.recordings import CLIPS, clip_name, note_of
from edged.mqtt.codec import clip_event_payload, clip_told
from edged.mqtt.message import Worth
from edged.mqtt.topics import Topics
from edged.supervise.process import ChildExit

MOST_OF_SOURCE = 8
MOST_OPEN = 64
"""At once, of all sources."""
FINISH_S = 15.0
"""From the end of a clip to the word that it is on the disk; and more for a long one, see `_finish_s`."""
_FINISH_SHARE = 0.1
"""Of its length: it is written a second time, its index in front, and read to be hashed."""

_UNMASK = "take them out of it, or have the camera itself hide that"
_UNCOMPRESSED = ("generated", "rawvideo")
"""As a capture names the codec of patterns, and of cameras on this device."""
_REMEMBERED = 256
_DISK_S = 30.0
_STOP_S = 0.5

log = logging.getLogger("edged.recordings")


@dataclass(slots=True)
class _Pending:
    clip: OpenClip
    done: asyncio.Future[ClipReport] | None = None
    """Who sent `record` waits for it; None: it is of a job's events."""

    def is_late(self, now_ns: int, finish_s: float) -> bool:
        request = self.clip.request
        return now_ns > self.clip.end_ns + _finish_s(request.before_s, request.after_s, finish_s) * 1e9


class Clips:
    """Belongs to main's loop. The device asks and tells it, from `start` on."""

    def __init__(
        self,
        device: Device,
        publisher: Publisher,
        topics: Topics,
        *,
        is_kept: Callable[[], bool] = lambda: True,
        finish_s: float = FINISH_S,
    ) -> None:
        """``is_kept``: whether what is published comes to the disk now."""
        self.made = 0
        """Clips that are on the disk, since the start."""
        self.failed: Counter[str] = Counter()
        """Events whose clip there is not, by code."""
        self._device = device
        self._publisher = publisher
        self._topics = topics
        self._finish_s = finish_s
        self._numbers = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._newest: dict[tuple[str, str], int] = {}
        """By (job, source): the clip that its next event may join."""
        self._complained: dict[tuple[str, str], str] = {}
        self._paths: deque[str] = deque(maxlen=_REMEMBERED)
        """Given out last."""
        self._to_tell: set[str] = set()
        self._told = ToldClips()
        self._notes = ClipNotes()
        self._removing: asyncio.Task[None] | None = None
        self._is_kept = is_kept

    def start(self) -> None:
        self._device.record_with(self, self.wished)

    def stats(self) -> Mapping[str, Any]:
        """For `health`."""
        return {"made": self.made, "open": len(self._pending), "failed": dict(self.failed)}

    # ---- who wants some ----

    def wished(self, wish: ClipWish) -> None:
        """An event came that its job records."""
        job = self._device.find_job(wish.job)
        order = job.plan.spec.clips if job is not None else None
        if order is None:
            return  # its worker has not heard yet that nothing is recorded any more
        newest = self._pending.get(self._newest.get((wish.job, wish.source), 0))
        longer = joined(newest.clip, wish, order.after_s, time.monotonic_ns()) if newest is not None else None
        if newest is not None and longer is not None:
            is_longer = longer.request != newest.clip.request
            newest.clip = longer
            if is_longer:
                self._tell(wish.source)
            return
        try:
            self._begin_at(wish, order)
        except CommandFailed as failed:
            self._complain(wish.job, wish.source, failed.code, str(failed))

    async def record(self, source: str, before_s: float, after_s: float) -> Mapping[str, Any]:
        """A clip of the last and the next seconds; returns when it is on the disk. Raises `CommandFailed`."""
        check_source(self._device, source)
        self._check(source)
        request = self._request(source, "", time.monotonic_ns(), time.time_ns(), before_s, after_s)
        done: asyncio.Future[ClipReport] = asyncio.get_running_loop().create_future()
        self._pending[request.id] = _Pending(OpenClip(source, request, time.time_ns()), done)
        self._tell(source)
        try:
            async with asyncio.timeout(after_s + _finish_s(before_s, after_s, self._finish_s)):
                report = await done
        except TimeoutError:
            raise self._why_late(source, after_s) from None
        finally:
            # given up: what there is of it is kept
            if self._pending.pop(request.id, None) is not None:
                self._tell(source)
        self.made += 1
        return {**clip_told(report, _below(report.path)), "path": report.path}

    # ---- the device's questions and news ----

    def wanted_of(self, source: str) -> tuple[ClipRequest, ...]:
        """The requests that stand in the specification of a capture."""
        return tuple(each.clip.request for each in self._pending.values() if each.clip.source == source)

    def reported(self, source: str, report: ClipReport) -> None:
        pending = self._pending.get(report.id)
        if pending is None or pending.clip.source != source:
            if not report.code:  # of a capture before, or given up too soon
                self._event(source, report.cause, report)
            return
        del self._pending[report.id]
        if pending.done is None:
            cause = pending.clip.request.cause
            self._event(source, cause and replace(cause, events=pending.clip.events), report)
        elif not pending.done.done():
            if report.code:
                pending.done.set_exception(CommandFailed(report.code, f"{source}: {report.error}"))
            else:
                pending.done.set_result(report)
        self._tell(source)

    def capture_died(self, source: str, death: ChildExit) -> None:
        """Its process ended; of all that it was asked nothing more comes from it."""
        what = "the source was stopped or changed" if death.ordered else f"the capture {death.reason}"
        error = f"{what} meanwhile; what was written by then is kept"
        for number in [number for number, each in self._pending.items() if each.clip.source == source]:
            self._give_up(self._pending.pop(number), "interrupted", error)

    def tick(self) -> None:
        """Give up what no capture speaks of any more, and forget what was told of; called about twice a
        second.
        """
        self._forget_told()
        now_ns = time.monotonic_ns()
        late = [number for number, each in self._pending.items() if each.is_late(now_ns, self._finish_s)]
        for number in late:
            if self._pending[number].done is None:
                pending = self._pending.pop(number)
                self._give_up(pending, "timeout", "the disk does not answer")
                self._tell(pending.clip.source)

    def _forget_told(self) -> None:
        if self._is_kept() and not self._notes.is_busy:
            due = self._told.take_due(time.monotonic())
            if due:
                self._removing = asyncio.create_task(self._notes.remove(due, _DISK_S))

    async def forget_all_told(self) -> None:
        """The captures have ended, and what was told is on the disk: the next daemon tells of none of it."""
        if self._removing is not None:
            await asyncio.wait({self._removing}, timeout=_STOP_S)
        await self._notes.remove(self._told.take_all(), _STOP_S)

    # ---- one clip ----

    def _begin_at(self, wish: ClipWish, order: ClipOrder) -> None:
        """Raises `CommandFailed`."""
        self._check(wish.source)
        request = self._request(
            wish.source, wish.job, wish.captured_ns, wish.captured_wall_ns, order.before_s, order.after_s
        )
        boot = self._device.identity.boot
        cause = ClipCause(uuid.uuid4().hex, boot, wish.job, wish.event, wish.captured_wall_ns)
        request = replace(request, cause=cause)
        clip = OpenClip(wish.source, request, wish.captured_wall_ns, wish.job, wish.event, 1)
        self._pending[request.id] = _Pending(clip)
        self._newest[wish.job, wish.source] = request.id
        self._tell(wish.source)

    def _check(self, source: str) -> None:
        """Raises `CommandFailed` when no clip of it can be made now."""
        control = self._device.sources.get(source)
        if control is None:
            raise CommandFailed("not_found", f"there is no source {source} any more")
        if control.spec.masks:
            message = f"{source} has masks, and is recorded as it comes, with what they hide: {_UNMASK}"
            raise CommandFailed("not_allowed", message)
        if control.report.codec in _UNCOMPRESSED:
            message = f"{source} sends pictures that are not compressed: there is nothing to keep as it came"
            raise CommandFailed("source_failed", message)
        if not self._device.plan.keeping.folder:
            raise CommandFailed("not_allowed", "recordings.path is not set on this device")
        if len(self.wanted_of(source)) >= MOST_OF_SOURCE or len(self._pending) >= MOST_OPEN:
            raise CommandFailed("busy", f"{len(self._pending)} clips are being made already: ask again later")

    def _request(
        self, source: str, job: str, at_ns: int, wall_ns: int, before_s: float, after_s: float
    ) -> ClipRequest:
        folder = Path(self._device.plan.keeping.folder, source, CLIPS)
        while (path := str(folder / clip_name(wall_ns, job, self._device.identity.boot))) in self._paths:
            wall_ns += 1_000_000
        self._paths.append(path)
        return ClipRequest(next(self._numbers), at_ns, before_s, after_s, path)

    def _event(self, source: str, cause: ClipCause | None, report: ClipReport) -> None:
        """Tell of it; or say why not."""
        if cause is None:
            return
        if report.code:
            self._complain(cause.job, source, report.code, report.error)
        elif self._told.add(cause.id, note_of(Path(report.path)), time.monotonic()):
            self.made += 1
            self._complained.pop((cause.job, source), None)
            self._publish(source, cause, report)
        self._tell(source)

    def _publish(self, source: str, cause: ClipCause, report: ClipReport) -> None:
        data = clip_told(report, _below(report.path)) | {"events": cause.events, "first": cause.first}
        device, boot = self._device.identity.device, self._device.identity.boot

        def encoded(seq: int) -> bytes:
            return clip_event_payload(
                device=device,
                boot=cause.boot,
                seq=seq,
                job=cause.job,
                source=source,
                event_id=cause.id,
                moment_ns=cause.moment_wall_ns,
                data=data,
            )

        if cause.boot == boot:
            self._device.say_event(cause.job, source, encoded)
        else:  # the numbers of that boot ended with it
            self._publisher.publish(self._topics.event(cause.job, source), encoded(0), 1, Worth.EVENT)

    def _give_up(self, pending: _Pending, code: str, error: str) -> None:
        if pending.done is None:
            self._complain(pending.clip.job, pending.clip.source, code, error)
        elif not pending.done.done():
            pending.done.set_exception(CommandFailed(code, error))

    def _complain(self, job: str, source: str, code: str, error: str) -> None:
        """Aloud the first time, until one is made again."""
        self.failed[code] += 1
        level = logging.DEBUG if self._complained.get((job, source)) == code else logging.WARNING
        self._complained[job, source] = code
        what = "a clip is cut short, that" if code == "interrupted" else "no clip"
        log.log(level, "%s of an event of %s on %s: %s", what, job, source, error)

    def _why_late(self, source: str, after_s: float) -> CommandFailed:
        control = self._device.sources.get(source)
        if control is not None and control.report.state is not SourceState.RUNNING:
            error = f": {control.report.error}" if control.report.error else ""
            return CommandFailed("source_failed", f"{source} is {control.report.state}{error}")
        return CommandFailed("timeout", f"the clip was not on the disk long after its {after_s:g} s")

    def _tell(self, source: str) -> None:
        """Once a turn of the loop, as it is by then: many events may come at once."""
        if not self._to_tell:
            asyncio.get_running_loop().call_soon(self._tell_all)
        self._to_tell.add(source)

    def _tell_all(self) -> None:
        sources, self._to_tell = self._to_tell, set()
        for source in sources & set(self._device.sources):
            self._device.sources[source].refresh_clips()


def _finish_s(before_s: float, after_s: float, least_s: float) -> float:
    return least_s + _FINISH_SHARE * (before_s + after_s)


def _below(path: str) -> str:
    """From the folder of recordings on: ``gate/clips/….mp4``."""
    return "/".join(Path(path).parts[-3:])
