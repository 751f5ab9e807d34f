"""From the options of `edged analyze` to its end: the child at work, what it tells, Ctrl-C."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import FrameType

from edged.app.analysis.broker import Address, BrokerOutput
from edged.app.analysis.pace import clock_time
from edged.app.analysis.progress import Show, progress_of
from edged.app.ask import Conversation
from edged.app.processes import ANALYZING
from edged.errors import EdgedError
from edged.model.analyzing import (
    AlgorithmSaid,
    AnalysisEnded,
    AnalysisRequest,
    StopAnalysis,
    VideoBegan,
    VideoEnded,
    VideoProgress,
    Where,
)
from edged.model.output import unpack_output
from edged.supervise.channel import RAW, Packet
from edged.supervise.logs import plain_lines
from edged.supervise.wire import Decoder

EXIT_FAILED = 1
_STDOUT = 1
EXIT_UNREAD = 141
"""As of a program that SIGPIPE ends."""
_STOP_S = 15.0
"""For the end in order; longer only if an algorithm or a disk hangs."""
_PATIENT_S = 2.0
"""An end in order that takes longer is explained."""
_BUSY_LOOK_S = 0.02
_LAST_S = 0.3
"""For what the broker has not acknowledged yet, after an interrupt."""
_DECODER = Decoder([VideoBegan, VideoProgress, VideoEnded, AlgorithmSaid, AnalysisEnded])


class _Interrupted(Exception):
    """Ctrl-C or SIGTERM, once."""


@dataclass(slots=True)
class _Interrupts:
    """The first asks for an end in order, the second ends at once."""

    number: int = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        kinds = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(kind, self._note) for kind in kinds]
        try:
            yield
        finally:
            for kind, handler in zip(kinds, before, strict=True):
                signal.signal(kind, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.number:
            raise KeyboardInterrupt
        self.number = number


@dataclass(slots=True)
class _Tally:
    """What became of the videos so far."""

    results: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    """(name, why)."""
    done: int = 0
    began_s: float = field(default_factory=time.monotonic)


def run(request: AnalysisRequest, broker: Address | None, *, quiet: bool) -> int:
    """The exit code. Raises `EdgedError` for what ends all of it, KeyboardInterrupt at the second Ctrl-C."""
    shown = request.where is Where.STREAM and os.isatty(_STDOUT)
    interrupts = _Interrupts()
    with ExitStack() as opened:
        opened.enter_context(interrupts.held())
        output = opened.enter_context(BrokerOutput(broker, request.device)) if broker is not None else None
        child = opened.enter_context(Conversation(ANALYZING.module))
        with progress_of(request.videos, quiet=quiet, results_are_shown=shown) as show:
            run = _Run(request, child, output, show, interrupts)
            child.send(request)
            ended = run.follow()
            run.settle()
    return _code(request, run.tally, ended, interrupts, quiet=quiet)


class _Run:
    """The conversation with the child."""

    def __init__(
        self,
        request: AnalysisRequest,
        child: Conversation,
        output: BrokerOutput | None,
        show: Show,
        interrupts: _Interrupts,
    ) -> None:
        self.tally = _Tally()
        self._request = request
        self._child = child
        self._output = output
        self._show = show
        self._interrupts = interrupts
        self._stop_by_s: float | None = None
        self._is_explained = False

    def follow(self) -> AnalysisEnded:
        """Until it ended."""
        while True:
            if self._mind_interrupts():
                return AnalysisEnded(
                    stopped=True, resumable=self._request.where in (Where.FILE, Where.FOLDER)
                )
            if self._output is not None and not self._output.has_room:
                time.sleep(_BUSY_LOOK_S)
                continue
            packet = self._child.receive()
            ended = self._take(packet) if packet is not None else None
            if ended is not None:
                return ended

    def settle(self) -> None:
        """All is with the broker; after an interrupt not for long."""
        if self._output is None:
            return
        while not self._output.wait(0.2):
            if self._interrupts.number:
                self._output.wait(_LAST_S)
                return

    def _mind_interrupts(self) -> bool:
        """Whether the end that was ordered is waited for no more."""
        if not self._interrupts.number:
            return False
        now_s = time.monotonic()
        if self._stop_by_s is None:
            self._stop_by_s = now_s + _STOP_S
            self._child.send(StopAnalysis())
        elif not self._is_explained and now_s > self._stop_by_s - _STOP_S + _PATIENT_S:
            self._is_explained = True
            self._show.say("waiting for what is in hand; Ctrl-C again ends at once")
        return now_s > self._stop_by_s

    def _take(self, packet: Packet) -> AnalysisEnded | None:
        if packet.kind == RAW:
            if self._output is not None:
                self._output.publish(unpack_output(packet.body))
            return None
        match _DECODER.decode(packet.body):
            case VideoBegan() as began:
                self._began(began)
            case VideoProgress() as progress:
                self._show.progress(progress)
            case VideoEnded() as ended:
                self._ended(ended)
            case AlgorithmSaid() as said:
                self._show.say("\n".join(plain_lines(said.line)))
            case AnalysisEnded() as end:
                return end
        return None

    def _began(self, began: VideoBegan) -> None:
        self._show.began(began)
        name = self._request.videos[began.place].name
        if began.again:
            self._show.say(
                f"{name}: done again from its beginning: a film, jobs that keep state (tracker, zones) and"
                " events that begin something cannot go on in the middle"
            )

    def _ended(self, ended: VideoEnded) -> None:
        self._show.ended(ended)
        self.tally.done += 1
        self.tally.results += ended.results
        if ended.error:
            name = self._request.videos[ended.place].name
            self.tally.failed.append((name, ended.error))
            if not ended.earlier:
                self._show.say(f"{name}: {ended.error}")
        elif self._request.start_us and not (ended.results or ended.earlier):
            name = self._request.videos[ended.place].name
            start = clock_time(self._request.start_us / 1e6)
            self._show.say(f"{name}: no result from {start} on; does it last that long?")


def _code(
    request: AnalysisRequest, tally: _Tally, ended: AnalysisEnded, interrupts: _Interrupts, *, quiet: bool
) -> int:
    """Say what came of it, and how a shell is told."""
    if ended.unread:
        return EXIT_UNREAD
    if ended.error:
        raise EdgedError(ended.error, code=ended.code or "internal")
    if ended.stopped:
        mend = "; go on with the same command and --resume" if ended.resumable else ""
        _tell(f"stopped after {tally.done} of {len(request.videos)} videos{mend}")
        return 128 + interrupts.number
    if not quiet:
        _tell(_summary(request, tally))
    if tally.failed:
        if len(request.videos) > 1:
            _tell(f"{len(tally.failed)} of {len(request.videos)} videos failed:")
            for name, why in tally.failed:
                _tell(f"  {name}: {why}")
        return EXIT_FAILED
    return 0


def _summary(request: AnalysisRequest, tally: _Tally) -> str:
    videos = "1 video" if len(request.videos) == 1 else f"{len(request.videos)} videos"
    results = "1 result" if tally.results == 1 else f"{tally.results} results"
    where = f", in {request.output}" if request.output else ""
    return f"{videos}, {results} in {time.monotonic() - tally.began_s:.1f} s{where}"


def _tell(line: str) -> None:
    import typer

    typer.echo(line, err=True)
