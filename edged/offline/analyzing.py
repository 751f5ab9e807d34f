"""PROCESS: runs jobs over videos for `edged analyze`, and writes what they find."""

from __future__ import annotations

import os

# Before numpy comes, as in a worker: parallel is what the engine makes parallel.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import contextlib
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType

import cv2

from edged.errors import ChannelClosed, EdgedError
from edged.model.analyzing import (
    AlgorithmSaid,
    AnalysisEnded,
    AnalysisRequest,
    AnalysisUpdate,
    StopAnalysis,
    VideoBegan,
    VideoProgress,
    Where,
)
from edged.offline.analysis import Analysis
from edged.offline.sinks.files import FileSink
from edged.offline.sinks.passing import ChannelSink, StreamSink
from edged.offline.sinks.sink import Sink
from edged.offline.voice import Voice, part_results_from_prints
from edged.supervise.channel import Channel
from edged.supervise.child import serve
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.wire import Decoder
from edged.worker.building import build_on

_ASKED_WITHIN_S = 10.0
_STEP_S = 600.0
"""Without any progress: a model is loaded, or an algorithm takes long for one frame."""
_TELL_EVERY_S = 0.1
_LAST_S = 5.0
_LISTEN_S = 0.5


class Stopped(BaseException):
    """An end was ordered. No `Exception`: whoever catches what goes wrong in an algorithm lets it through."""


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    """Answer one `AnalysisRequest` with updates; the last is an `AnalysisEnded`."""
    packet = channel.receive(wait_s=_ASKED_WITHIN_S)
    if packet is None:
        return
    request = Decoder([AnalysisRequest]).decode(packet.body)
    assert isinstance(request, AnalysisRequest)  # noqa: S101  narrows
    cv2.setNumThreads(1)
    with Interruption(channel, heartbeat) as interruption:
        sink = sink_for(request, channel, part_results_from_prints())
        teller = _Teller(channel, interruption)
        sys.stdout = Voice(teller.say)
        logging.getLogger("edged.offline").addHandler(logging.StreamHandler(Voice(teller.say)))
        analysis = Analysis(request, sink, teller.tell, interruption.waiting, build_on(heartbeat, lane=0))
        ended = _outcome(analysis, sink)
    channel.send(ended, wait_s=_LAST_S)


def sink_for(request: AnalysisRequest, channel: Channel, stream: int) -> Sink:
    """``stream``: the descriptor that is standard output."""
    match request.where:
        case Where.STREAM:
            return StreamSink(request, stream)
        case Where.BROKER:
            return ChannelSink(channel)
    return FileSink(request)


def _outcome(analysis: Analysis, sink: Sink) -> AnalysisEnded:
    try:
        analysis.run()
    except Stopped:
        sink.finish(all_done=False)
        return AnalysisEnded(stopped=True, resumable=isinstance(sink, FileSink))
    except BrokenPipeError:
        return AnalysisEnded(unread=True)
    except ChannelClosed:
        raise
    except EdgedError as error:
        _end_anyway(sink)
        return AnalysisEnded(error=str(error), code=error.code)
    except OSError as error:
        _end_anyway(sink)
        name = f"{error.filename}: " if error.filename else ""
        return AnalysisEnded(error=f"{name}{error.strerror or error}")
    return AnalysisEnded()


def _end_anyway(sink: Sink) -> None:
    """What there is, as far as that can be had; the error that matters is told already."""
    with contextlib.suppress(OSError, EdgedError):
        sink.finish(all_done=False)


class Interruption:
    """Listens for the order to end, and lets it interrupt whatever the main thread waits for.

    By a signal to that thread: it may be deep in an algorithm, or wait for a reader of its output.
    """

    def __init__(self, channel: Channel, heartbeat: Heartbeat) -> None:
        self._channel = channel
        self._heartbeat = heartbeat
        self._ordered = False
        self._may_interrupt = False
        self._over = threading.Event()
        self._listener = threading.Thread(target=self._listen, name="orders", daemon=True)

    def __enter__(self) -> Interruption:
        signal.signal(signal.SIGUSR1, self._on_signal)
        self._main = threading.get_ident()
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listener.join(2 * _LISTEN_S)

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """In here `Stopped` may be raised at any moment, and at the latest at its beginning."""
        self._heartbeat.beat("analyze", _STEP_S)
        try:
            self._may_interrupt = True
            if self._ordered:
                raise Stopped
            yield
        finally:
            self._may_interrupt = False
            self._heartbeat.rest()

    def note_progress(self) -> None:
        """It goes on, with or without a result. What the sink waits for has no deadline."""
        if self._may_interrupt:
            self._heartbeat.extend(_STEP_S)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._ordered = True
        if self._may_interrupt:
            self._may_interrupt = False
            raise Stopped

    def _listen(self) -> None:
        decoder = Decoder([StopAnalysis])
        try:
            while not self._over.is_set():
                packet = self._channel.receive(wait_s=_LISTEN_S)
                if packet is not None and isinstance(decoder.decode(packet.body), StopAnalysis):
                    signal.pthread_kill(self._main, signal.SIGUSR1)
                    return
        except ChannelClosed:
            return  # main is gone, and this process with it


class _Teller:
    """Says how far it is, ten times a second at most; everything else at once."""

    def __init__(self, channel: Channel, interruption: Interruption) -> None:
        self._channel = channel
        self._interruption = interruption
        self._told_s = 0.0

    def say(self, line: str) -> None:
        """A line is left out where main does not keep up with them."""
        self._channel.send(AlgorithmSaid(line))

    def tell(self, update: AnalysisUpdate) -> None:
        now_s = time.monotonic()
        if not isinstance(update, VideoProgress):
            self._channel.send(update, wait_s=_LAST_S)
            self._told_s = now_s if isinstance(update, VideoBegan) else 0.0
        elif now_s - self._told_s >= _TELL_EVERY_S:
            self._told_s = now_s
            self._interruption.note_progress()
            self._channel.send(update)


if __name__ == "__main__":
    serve(run)
