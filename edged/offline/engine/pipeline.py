"""One video through all jobs: reading, looking and concluding at once, in order where that matters."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from edged.algorithm.frame import Frame
from edged.model.detection import Outcome
from edged.model.frame import FrameHeader
from edged.model.messages import JobSpec
from edged.model.scene import Scene
from edged.offline.engine.beginning import Beginning
from edged.offline.engine.belt import Belt, BeltCut
from edged.offline.engine.concluding import Concluded, Conclusion
from edged.offline.engine.crew import Crew
from edged.offline.engine.hands import Hands
from edged.offline.engine.partial import Partial
from edged.offline.engine.stall import InHand
from edged.offline.films.painting import Painter, Painting
from edged.offline.reading.covering import Covering
from edged.offline.reading.reader import Look, Reader
from edged.worker.motion_gate import Watchman

_MOMENTS = 4
"""Frames that wait for the caller."""
_END_S = 60.0
"""For what is in hand: one read of the video, one run of an algorithm. A run that is beyond its deadline
already is not waited for.
"""
_LOOK_AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame that is past all jobs."""

    header: FrameHeader
    frame: Frame | None
    """None: nobody asked for every frame."""
    runs: tuple[Concluded, ...]
    painting: Painting | None


@dataclass(frozen=True, slots=True)
class _UnderWay:
    header: FrameHeader
    frame: Frame | None
    runs: tuple[Partial | Future[Partial], ...]


class Pipeline:
    """``with Pipeline(…) as pipeline: for moment in pipeline.moments(…)``. Once."""

    def __init__(
        self,
        jobs: Sequence[JobSpec],
        reader: Reader,
        beginnings: Sequence[Beginning],
        conclusion: Conclusion,
        crew: Crew,
        *,
        splits: Sequence[int],
        scene: Scene | None,
        painter: Painter | None,
    ) -> None:
        """``beginnings``: one for each worker. ``painter``: every frame is given, with what to draw on it."""
        self._jobs = tuple(jobs)
        self._reader = reader
        self._conclusion = conclusion
        self._painter = painter
        self._splits = tuple(splits)
        self._gates = [None if job.gate is None else Watchman(job.gate) for job in jobs]
        self._covering = Covering(scene)
        self.in_hand = InHand(jobs)
        self._hands = Hands(beginnings, self.in_hand)
        self._under_way: Belt[_UnderWay] = Belt(crew.ahead)
        self.moments: Belt[Moment] = Belt(_MOMENTS)
        """In order; it ends with what ends the video."""
        self._reading = threading.Thread(target=self._read, name="edged-read", daemon=True)
        self._concluding = threading.Thread(target=self._conclude, name="edged-conclude", daemon=True)

    def __enter__(self) -> Self:
        self._hands.start()
        self._reading.start()
        self._concluding.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.moments.cut()
        self._under_way.cut()
        self._hands.end()
        until_s = time.monotonic() + _END_S
        for thread in (self._reading, *self._hands.threads, self._concluding):
            while thread.is_alive() and time.monotonic() < until_s and not self._hangs(thread):
                thread.join(_LOOK_AGAIN_S)

    def _hangs(self, thread: threading.Thread) -> bool:
        """It is in a run that is beyond its deadline, or waits for one."""
        if thread is self._concluding and not self.in_hand.holds(thread, late=False):
            return self.in_hand.stall() is not None
        return self.in_hand.holds(thread, late=True)

    # ---- the thread that reads ----

    def _read(self) -> None:
        try:
            for look in self._reader.looks():
                self._take_up(look)
        except BeltCut:
            pass
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            self._under_way.finish(error)
        else:
            self._under_way.finish()

    def _take_up(self, look: Look) -> None:
        self._covering.cover(look)
        runs = tuple(
            self._begin(place, window)
            for place, window in enumerate(look.windows)
            if window and self._lets_pass(place, window)
        )
        frame = None if self._painter is None else look.frame
        if runs or frame is not None:
            self._under_way.put(_UnderWay(look.header, frame, runs))

    def _lets_pass(self, place: int, window: Sequence[Frame]) -> bool:
        gate = self._gates[place]
        return gate is None or gate.lets_pass(window[-1])

    def _begin(self, place: int, window: tuple[Frame, ...]) -> Partial | Future[Partial]:
        if not self._splits[place]:
            kept = window if self._conclusion.reads_pixels(place) else ()
            return Partial(place, window[-1].header, Outcome(), kept)
        keep_window = self._conclusion.reads_pixels(place)
        return self._hands.take(place, window, keep_window=keep_window)

    # ---- the thread that concludes ----

    def _conclude(self) -> None:
        try:
            for under_way in self._under_way:
                self.moments.put(self._concluded(under_way))
        except (BeltCut, CancelledError):
            pass
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            self.moments.finish(error)
        else:
            self.moments.finish()
        finally:
            self._under_way.cut()

    def _concluded(self, under_way: _UnderWay) -> Moment:
        partials = (run.result() if isinstance(run, Future) else run for run in under_way.runs)
        runs = tuple(self._conclude_one(partial) for partial in partials)
        if self._painter is None:
            return Moment(under_way.header, under_way.frame, runs, None)
        self._painter.saw(runs)
        return Moment(under_way.header, under_way.frame, runs, self._painter.painting)

    def _conclude_one(self, partial: Partial) -> Concluded:
        with self.in_hand.run(partial.job, partial.header.pts_us):
            return self._conclusion.conclude(partial)
