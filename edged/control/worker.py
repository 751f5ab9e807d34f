"""One worker as main sees it: the process, its specification, and what comes out of it."""

from __future__ import annotations

import asyncio
import logging
import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from edged.control.tracks import FrameTrack
from edged.model.messages import ClipWish, JobReport, JobStats, SnapshotReport, TrackGone, WorkerSpec
from edged.model.output import Output, unpack_output
from edged.supervise.channel import RAW, Packet
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.process import ChildExit, ProcessKind
from edged.supervise.supervisor import Supervisor
from edged.supervise.wire import Decoder

_DECODER = Decoder((JobReport, JobStats, SnapshotReport, ClipWish))
_AGAIN_S = 0.1

log = logging.getLogger("edged.worker")


class WorkerOwner(Protocol):
    """Who knows the jobs of all workers, and what becomes of what they say."""

    def worker_spec(self, worker: str) -> WorkerSpec:
        """All that the worker should do now."""

    def tracks_of(self, worker: str) -> Iterable[FrameTrack]:
        """The tracks that it reads."""

    def route(self, worker: str, output: Output) -> None:
        """A payload for the broker."""

    def job_reported(self, worker: str, report: JobReport) -> None:
        """A job changed its state."""

    def job_counted(self, worker: str, stats: JobStats) -> None:
        """A job's counters, about once a second."""

    def snapshot_reported(self, report: SnapshotReport) -> None:
        """What became of a picture that was asked for."""

    def clip_wished(self, wish: ClipWish) -> None:
        """An event came that its job records."""

    def worker_died(self, worker: str, death: ChildExit) -> None:
        """Its process ended; all that it had sent was delivered."""


class WorkerControl:
    """Owns one worker process. Told the whole specification; passes on what comes back.

    What it should be told is noted and sent once a turn of the loop, as it is by then: jobs that are
    proved one after the other would otherwise fill the channel of a worker that is still starting.
    """

    def __init__(self, name: str, supervisor: Supervisor, kind: ProcessKind, owner: WorkerOwner) -> None:
        self.name = name
        self.process = f"worker:{name}"
        self._supervisor = supervisor
        self._kind = kind
        self._owner = owner
        self._revision = 0
        self._spec_due = False
        self._tracks_due: dict[str, bool] = {}
        """By source; True: the track before must go first."""
        self._telling: asyncio.Handle | None = None

    def start(self) -> None:
        self._supervisor.start(self.process, self._kind, self, stagger=False)

    def stop(self) -> None:
        self._forget_due()
        self._supervisor.stop(self.process)

    def refresh(self) -> None:
        """Its jobs changed: tell it all of them again."""
        self._spec_due = True
        self._tell_soon()

    def offer(self, source: str) -> None:
        """A source that it reads has a new track."""
        self._tracks_due.setdefault(source, False)
        self._tell_soon()

    def drop(self, source: str) -> None:
        """A source that it read is gone."""
        self._tracks_due[source] = True
        self._tell_soon()

    def on_start(self, name: str) -> None:
        self._forget_due()
        self._spec_due = True
        self._tracks_due = {track.offer.source: False for track in self._owner.tracks_of(self.name)}
        self._tell()

    def on_packet(self, name: str, packet: Packet) -> None:
        for fd in packet.fds:
            os.close(fd)
        if packet.kind == RAW:
            self._route(packet.body)
            return
        message = _DECODER.decode(packet.body)
        if isinstance(message, JobReport):
            self._owner.job_reported(self.name, message)
        elif isinstance(message, JobStats):
            self._owner.job_counted(self.name, message)
        elif isinstance(message, SnapshotReport):
            self._owner.snapshot_reported(message)
        elif isinstance(message, ClipWish):
            self._owner.clip_wished(message)

    def on_exit(self, death: ChildExit, heartbeat: Heartbeat) -> None:
        self._owner.worker_died(self.name, death)

    def _forget_due(self) -> None:
        self._spec_due = False
        self._tracks_due.clear()
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None

    def _tell_soon(self) -> None:
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        """All that is due; what its channel has no room for, a little later."""
        self._telling = None
        if not self._supervisor.is_running(self.process):
            self._forget_due()  # it is told everything when it starts
        elif not (self._tell_spec() and self._tell_tracks()):
            self._telling = asyncio.get_running_loop().call_later(_AGAIN_S, self._tell)

    def _tell_spec(self) -> bool:
        if self._spec_due:
            spec = replace(self._owner.worker_spec(self.name), revision=self._revision + 1)
            self._spec_due = not self._send(spec)
            self._revision += not self._spec_due
        return not self._spec_due

    def _tell_tracks(self) -> bool:
        tracks = {track.offer.source: track for track in self._owner.tracks_of(self.name)}
        for source, gone in tuple(self._tracks_due.items()):
            track = tracks.get(source)
            if (gone or track is None) and not self._send(TrackGone(source)):
                return False
            self._tracks_due[source] = False
            if track is not None and not self._send(track.offer, track.worker_fds(self.name)):
                return False
            del self._tracks_due[source]
        return True

    def _send(self, message: object, fds: Sequence[int] = ()) -> bool:
        return self._supervisor.send(self.process, message, fds, will_retry=True)

    def _route(self, body: bytes) -> None:
        try:
            output = unpack_output(body)
        except (ValueError, struct.error) as error:
            log.error("%s sent what is no output: %s", self.process, error)
            return
        self._owner.route(self.name, output)
