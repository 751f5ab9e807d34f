"""One worker as main sees it: the process, its specification, and what comes out of it."""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from edged.control.tracks import FrameTrack
from edged.model.messages import JobReport, JobStats, TrackGone, WorkerSpec
from edged.model.output import Output, unpack_output
from edged.supervise.channel import RAW, Packet
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.process import ChildExit, ProcessKind
from edged.supervise.supervisor import Supervisor
from edged.supervise.wire import Decoder

_DECODER = Decoder((JobReport, JobStats))

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

    def worker_died(self, worker: str, death: ChildExit) -> None:
        """Its process ended; all that it had sent was delivered."""


class WorkerControl:
    """Owns one worker process. Told the whole specification; passes on what comes back."""

    def __init__(self, name: str, supervisor: Supervisor, kind: ProcessKind, owner: WorkerOwner) -> None:
        self.name = name
        self.process = f"worker:{name}"
        self._supervisor = supervisor
        self._kind = kind
        self._owner = owner
        self._revision = 0

    def start(self) -> None:
        self._supervisor.start(self.process, self._kind, self, stagger=False)

    def stop(self) -> None:
        self._supervisor.stop(self.process)

    def refresh(self) -> None:
        """Its jobs changed: tell it all of them again."""
        self._revision += 1
        self._supervisor.send(
            self.process, replace(self._owner.worker_spec(self.name), revision=self._revision)
        )

    def offer(self, track: FrameTrack) -> None:
        """A source that it reads has a new track."""
        self._supervisor.send(self.process, track.offer, track.worker_fds(self.name))

    def drop(self, source: str) -> None:
        """A source that it read is gone."""
        self._supervisor.send(self.process, TrackGone(source))

    def on_start(self, name: str) -> None:
        self.refresh()
        for track in self._owner.tracks_of(self.name):
            self.offer(track)

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

    def on_exit(self, death: ChildExit, heartbeat: Heartbeat) -> None:
        self._owner.worker_died(self.name, death)

    def _route(self, body: bytes) -> None:
        try:
            output = unpack_output(body)
        except (ValueError, struct.error) as error:
            log.error("%s sent what is no output: %s", self.process, error)
            return
        self._owner.route(self.name, output)
