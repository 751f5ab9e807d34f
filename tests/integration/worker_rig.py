"""A worker in a thread of the test, and cameras that write real frame tracks for it."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from edged.errors import ChannelClosed
from edged.model.capturing import TrackOffer
from edged.model.frame import FrameFormat, FrameHeader
from edged.model.messages import JobReport, JobSpec, JobStats, Library, LinkSpec, Pictures, Stop, WorkerSpec
from edged.model.output import Output, OutputKind, unpack_output
from edged.model.sampling import Sampling
from edged.supervise.channel import RAW, Channel
from edged.supervise.heartbeat import Heartbeat, make_page
from edged.supervise.wire import Decoder
from edged.track.memory import allocate
from edged.track.writer import TrackWriter
from edged.types import MonotonicNs, PtsUs, WallNs
from edged.worker.process import run
from tests.stopwatch import HANGS_S, Stopwatch

DECODER = Decoder((JobReport, JobStats))
SMALL = FrameFormat(64, 48)
EVERY = Sampling(interval_us=0)
T = TypeVar("T")


def job(name: str, algorithm: str, *sources: str, sampling: Sampling = EVERY, **spec: Any) -> JobSpec:
    """A job of one link; ``params`` and the fields of `JobSpec` as keywords."""
    chain = (LinkSpec(algorithm, spec.pop("params", {})), *spec.pop("then", ()))
    return JobSpec(name, sources or ("cam",), chain, sampling, **spec)


@dataclass
class Camera:
    """Writes a source's frames to a track of its own, each filled with its index (mod 200) + 20."""

    source: str = "cam"
    format: FrameFormat = SMALL
    slots: int = 8
    generation: int = 0
    epoch: int = 1
    index: int = -1
    key_index: int = -1
    first_index: int = 0
    first_key_index: int = 0
    t0_us: int = 0
    previous: FrameHeader | None = None
    previous_key_us: PtsUs | None = None
    writer: TrackWriter | None = None
    show: NDArray[np.uint8] | None = None
    """I420 bytes; instead of the index."""

    def offer(self, channel: Channel) -> None:
        """A new generation of the track, as main makes it."""
        self.generation += 1
        memfd, wake = allocate(self.format, self.slots), os.eventfd(0, os.EFD_NONBLOCK)
        offer = TrackOffer(self.source, self.generation, self.slots, self.format)
        assert channel.send(offer, (memfd, wake), wait_s=5)
        self.close()
        self.writer = TrackWriter(memfd, self.format, self.slots, [wake]).open()

    def begin_epoch(self) -> None:
        self.epoch += 1
        self.first_index, self.first_key_index = self.index + 1, self.key_index + 1
        self.t0_us = (self.previous.pts_us if self.previous else 0) + 1_000_000
        self.previous = self.previous_key_us = None

    def shoot(
        self, step_us: int = 100_000, *, copied: bool = True, key: bool = True, age_s: float = 0
    ) -> int:
        """The next frame; returns its index. Not ``copied``: the capture saw that nobody wants it."""
        self.index += 1
        self.key_index += key
        pts = self.t0_us if self.previous is None else self.previous.pts_us + step_us
        header = FrameHeader(
            epoch=self.epoch,
            index=self.index,
            key_index=self.key_index,
            pts_us=PtsUs(pts),
            t0_us=PtsUs(self.t0_us),
            first_index=self.first_index,
            first_key_index=self.first_key_index,
            previous_us=None if self.previous is None else self.previous.pts_us,
            previous_key_us=self.previous_key_us,
            keyframe=key,
            captured_ns=MonotonicNs(time.monotonic_ns() - int(age_s * 1e9)),
            captured_wall_ns=WallNs(time.time_ns()),
            format=self.format,
        )
        if copied:
            assert self.writer is not None
            content = self.index % 200 + 20 if self.show is None else self.show
            assert self.writer.write(header, lambda pixels: np.copyto(pixels, content))
        self.previous = header
        self.previous_key_us = header.pts_us if key else self.previous_key_us
        return self.index

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


@dataclass
class Rig:
    """Main's side of one worker."""

    folder: Path
    models: tuple[str, ...] = ()
    pictures: Pictures | None = None
    shown: tuple[tuple[str, str], ...] = ()
    """The jobs, each with a source, that somebody looks at live."""
    revision: int = 0
    outputs: list[Output] = field(default_factory=list)
    reports: list[JobReport] = field(default_factory=list)
    stats: dict[str, JobStats] = field(default_factory=dict)
    crash: BaseException | None = None

    def start(self) -> None:
        ours, theirs = Channel.pair()
        self.channel = ours
        self._theirs = Channel(theirs)
        page = make_page()
        self.heartbeat = Heartbeat(page)
        os.close(page)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            run(self._theirs, self.heartbeat)
        except ChannelClosed:
            pass
        except BaseException as error:  # noqa: BLE001 — the test is told
            self.crash = error
        finally:
            self._theirs.close()

    def algorithm(self, name: str, code: str) -> None:
        """Write an algorithm's file."""
        path = self.folder / f"{name}.py"
        path.write_text(code)

    def apply(self, *jobs: JobSpec) -> None:
        self.revision += 1
        library = Library((str(self.folder),), self.models)
        spec = WorkerSpec(self.revision, "boot-1", "device-1", jobs, library, self.pictures)
        spec = replace(spec, shown=self.shown)
        assert self.channel.send(spec, wait_s=5)

    def until(self, what: Callable[[], T], within_s: float = HANGS_S) -> T:
        """Read what the worker says until ``what`` gives something true."""
        end = time.monotonic() + within_s
        while not (found := what()):
            assert self.crash is None, self.crash
            assert time.monotonic() < end, (self.reports, self.stats, self.outputs[-3:])
            self.read(0.05)
        return found

    def read(self, wait_s: float = 0.0) -> None:
        """Take what has come, and wait for at most one message."""
        try:
            packet = self.channel.receive(wait_s=wait_s)
            while packet is not None:
                self._take(packet.kind, packet.body)
                packet = self.channel.receive()
        except ChannelClosed:
            pass

    def _take(self, kind: int, body: bytes) -> None:
        if kind == RAW:
            self.outputs.append(unpack_output(body))
            return
        message = DECODER.decode(body)
        if isinstance(message, JobReport):
            self.reports.append(message)
        else:
            assert isinstance(message, JobStats)
            self.stats[message.job] = message

    def counted(self, name: str, what: Callable[[JobStats], object]) -> JobStats:
        """Wait for statistics of the job that are as ``what`` says."""
        self.until(lambda: name in self.stats and what(self.stats[name]))
        return self.stats[name]

    def states(self, name: str) -> list[str]:
        return [report.state.value for report in self.reports if report.job == name]

    def running(self, *names: str) -> None:
        """Wait until the newest report of each says so."""
        self.until(lambda: all(self.states(name)[-1:] == ["running"] for name in names))

    def results(self, name: str, source: str | None = None) -> list[dict[str, Any]]:
        return [json.loads(output.payload) for output in self.of(OutputKind.RESULT, name, source)]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(output.payload) for output in self.of(OutputKind.EVENT, name)]

    def of(self, kind: OutputKind, name: str, source: str | None = None) -> list[Output]:
        return [
            output
            for output in self.outputs
            if output.kind is kind and output.job == name and source in (None, output.source)
        ]

    def frames(self, name: str, source: str | None = None) -> list[int]:
        """The indexes of the frames of its results."""
        return [result["frame"]["index"] for result in self.results(name, source)]

    def stop(self) -> None:
        if self.thread.is_alive():
            self.channel.send(Stop(), wait_s=5)
        watch = Stopwatch()
        while self.thread.is_alive() and watch.is_within(5):
            self.read(0.05)
        self.thread.join(1)
        self.read()
        assert not self.thread.is_alive()
        assert self.crash is None, self.crash


@contextmanager
def worker(folder: Path, **settings: Any) -> Iterator[Rig]:
    """A worker that is started, and stopped at the end whatever happens."""
    rig = Rig(folder, **settings)
    rig.start()
    try:
        yield rig
    finally:
        rig.stop()
        rig.channel.close()


@dataclass
class Gate:
    """Holds an algorithm inside its run until the test lets it go on."""

    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    passes: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def pass_through(self) -> None:
        """Called by the algorithm."""
        self.entered.release()
        assert self.passes.acquire(timeout=HANGS_S)

    def wait_until_entered(self) -> None:
        assert self.entered.acquire(timeout=HANGS_S)

    def let(self, runs: int = 1) -> None:
        self.passes.release(runs)


GATES: dict[str, Gate] = {}
"""By a name that the test and its algorithm agree on."""

ECHO = """
from edged import Algorithm, AlgorithmParams, Outcome

class Params(AlgorithmParams):
    note: str = ""

class Echo(Algorithm):
    \"\"\"Says what it was given.\"\"\"
    Params = Params
    def open(self):
        self.runs = self.resets = 0
    def reset(self):
        self.resets += 1
    def run(self, window, before):
        self.runs += 1
        return Outcome(before.detections, {**before.data,
            "indexes": [frame.header.index for frame in window],
            "values": [int(frame.pixels[0]) for frame in window],
            "runs": self.runs, "resets": self.resets, "note": self.params.note})
"""

GATED = """
from edged import BaseAlgo
from tests.integration.worker_rig import GATES

class Gated(BaseAlgo):
    \"\"\"Waits in its run.\"\"\"
    def init(self, gate):
        self.gate = GATES[gate]
    def run(self, frames):
        self.gate.pass_through()
"""
