"""Draws what was seen onto frames, in a thread that never holds up a run."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.algorithm.color import Color, convert_planes, planes
from edged.algorithm.drawing import Canvas, cover_masks, draw_scene
from edged.algorithm.frame import WHOLE, Box, Frame
from edged.algorithm.trails import Trail
from edged.model.detection import Outcome
from edged.model.scene import Scene
from edged.supervise.heartbeat import Heartbeat
from edged.worker.decals import Tracing, Tracings
from edged.worker.fault import describe_fault
from edged.worker.lane import Lane

_log = logging.getLogger(__name__)

LANE = 2
"""Of the worker's heartbeat page."""
MOST_WAITING = 2
"""Exposures that somebody waits for, beside the one that is being drawn; more are refused, for each holds a
whole frame."""
MOST_LATER = 64
"""Exposures that nobody waits for,"""
MOST_LATER_BYTES = 24 << 20
"""and what their frames take, but for the last."""
_DRAW_DEADLINE_S = 30.0
_STOP_DEADLINE_S = 0.2
_LOOK_AGAIN_S = 60.0


Drawn: TypeAlias = Frame | NDArray[np.uint8]
"""A picture: a frame of one's own, or, where a chain drew something itself, BGR."""


class Purpose(Protocol):
    """What a picture is drawn for; both methods are called in the studio's thread."""

    @property
    def max_width_px(self) -> int | None:
        """A wider frame is scaled down to it."""

    def keep(self, picture: Drawn) -> None:
        """It is drawn. Raises OSError or cv2.error."""

    def give_up(self, reason: str) -> None:
        """There will be no picture."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """A frame of its own, off the track and writable, and what was seen on it."""

    lane: Lane
    frame: Frame
    outcome: Outcome
    purpose: Purpose
    scene: Scene | None = None
    """Of the source when the frame was looked at."""
    trails: tuple[Trail, ...] = ()
    part: Box | None = None
    """Its frame is only this part of the source's, and nothing is drawn on it; None: all of it."""

    @property
    def is_plain(self) -> bool:
        """There is nothing to draw."""
        seen, scene = self.outcome, self.scene
        found = seen.detections or seen.data or seen.counts or self.trails
        scenery = scene is not None and (scene.zones or scene.lines)
        return self.part is not None or not (found or scenery or self.lane.chain.draws)

    @classmethod
    def of(cls, lane: Lane, frame: Frame, outcome: Outcome, purpose: Purpose) -> Exposure:
        """Copies what the lane knows now; in the lane's thread."""
        trails = lane.trails.now(frame.header, outcome.detections or ())
        return cls(lane, frame, outcome, purpose, lane.chain.scene, trails)


class Studio:
    """Draws one picture at a time, in the order they came; first those that somebody waits for."""

    def __init__(self, heartbeat: Heartbeat) -> None:
        self._heartbeat = heartbeat
        self._change = threading.Condition()
        self._waiting: deque[Exposure] = deque()
        self._later: deque[Exposure] = deque()
        self._later_bytes = 0
        self._tracings = Tracings()
        self._stopping = False
        self._warned = False
        self._thread = threading.Thread(target=self._work, name="pictures", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> bool:
        """Draw what waits, then end. False: it takes too long, and the thread is left behind."""
        with self._change:
            self._stopping = True
            self._change.notify()
        self._thread.join(_STOP_DEADLINE_S)
        return not self._thread.is_alive()

    @property
    def room(self) -> int:
        """How many exposures it would take now; only the thread that gives them may rely on it."""
        return MOST_WAITING - len(self._waiting)

    def take(self, exposure: Exposure) -> bool:
        """Draw it after those that wait. False: too many do."""
        with self._change:
            if len(self._waiting) >= MOST_WAITING:
                return False
            self._waiting.append(exposure)
            self._change.notify()
        return True

    @property
    def has_room(self) -> bool:
        """Whether `take_later` would take one now; only the thread that gives them may rely on it."""
        return len(self._later) < MOST_LATER and self._later_bytes < MOST_LATER_BYTES

    def take_later(self, exposure: Exposure) -> bool:
        """Draw it when nothing else is to be drawn. False: too many wait for that."""
        with self._change:
            if not self.has_room:
                return False
            self._later.append(exposure)
            self._later_bytes += exposure.frame.pixels.nbytes
            self._change.notify()
        return True

    def trace(self, tracing: Tracing) -> None:
        """Make a decal of it before what nobody waits for, but seldom; only the newest of its lane waits."""
        with self._change:
            self._tracings.put(tracing)
            self._change.notify()

    # ---- the studio's thread ----

    def _next(self) -> Exposure | Tracing | None:
        """None: it is to stop. What nobody waits for is not drawn any more then."""
        with self._change:
            while True:
                now_s = time.monotonic()
                if self._waiting:
                    return self._waiting.popleft()
                if self._stopping:
                    return None
                if (tracing := self._tracings.take(now_s)) is not None:
                    return tracing
                if self._later:
                    exposure = self._later.popleft()
                    self._later_bytes -= exposure.frame.pixels.nbytes
                    return exposure
                self._change.wait(self._tracings.wait_s(now_s, _LOOK_AGAIN_S))

    def _work(self) -> None:
        # Each turn is a call of its own: no frame and no lane is held, model and all, until the next one.
        while self._take_turn():
            continue

    def _take_turn(self) -> bool:
        """False: it is to stop."""
        work = self._next()
        if work is None:
            return False
        lane = work.lane
        with self._heartbeat.doing(
            "draw", _DRAW_DEADLINE_S, lane=LANE, job=lane.spec.name, source=lane.source
        ):
            if isinstance(work, Tracing):
                self._trace(work)
            else:
                self._develop(work)
        return True

    def _trace(self, tracing: Tracing) -> None:
        began_s = time.thread_time()
        try:
            tracing.make(lambda picture: self._draw_own(picture, tracing.lane, tracing.outcome))
        except (MemoryError, cv2.error) as error:
            _log.debug("no decal of job %s: %s", tracing.lane.spec.name, error)
        with self._change:
            self._tracings.made(time.thread_time() - began_s, time.monotonic())

    def _develop(self, exposure: Exposure) -> None:
        purpose = exposure.purpose
        try:
            purpose.keep(self._made(exposure))
        except OSError as error:
            purpose.give_up(error.strerror or str(error))
        except (MemoryError, cv2.error) as error:
            purpose.give_up(f"{type(error).__name__}: {error}")

    def _made(self, exposure: Exposure) -> Drawn:
        if exposure.is_plain:
            planes = exposure.frame.within(exposure.purpose.max_width_px)
            cover_masks(Canvas.of_frame(planes), exposure.scene, exposure.part or WHOLE)
            return planes
        if exposure.lane.chain.draws:
            picture = bgr_within(exposure.frame, exposure.purpose.max_width_px)
            self._draw(Canvas.of_picture(picture), exposure, picture)
            return picture
        planes = exposure.frame.within(exposure.purpose.max_width_px)
        if planes is exposure.frame:
            planes = planes.copy()  # several may have asked for a picture of this one
        self._draw(Canvas.of_frame(planes), exposure)
        return planes

    def _draw(self, canvas: Canvas, exposure: Exposure, picture: NDArray[np.uint8] | None = None) -> None:
        """``picture``: what chains draw on themselves."""
        lane = exposure.lane
        try:
            draw_scene(canvas, exposure.scene, exposure.outcome, exposure.trails)
        except Exception as error:  # noqa: BLE001 — somebody else's boxes; what was drawn stays
            self._complain(lane, error)
        else:
            if picture is not None:
                self._draw_own(picture, lane, exposure.outcome)
        finally:
            cover_masks(canvas, exposure.scene)

    def _draw_own(self, picture: NDArray[np.uint8], lane: Lane, outcome: Outcome) -> None:
        if not lane.alive:
            return
        try:
            lane.chain.draw(picture, outcome)
        except (Exception, SystemExit) as error:  # noqa: BLE001 — somebody else's draw(); what was drawn stays
            self._complain(lane, error)

    def _complain(self, lane: Lane, error: BaseException) -> None:
        """Aloud the first time only."""
        level = logging.DEBUG if self._warned else logging.WARNING
        self._warned = True
        fault = describe_fault(error, lane.spec.hidden)
        _log.log(level, "job %s cannot be drawn: %s", lane.spec.name, fault)


def bgr_within(frame: Frame, max_width_px: int | None) -> NDArray[np.uint8]:
    """The frame as BGR, at most so wide; the planes are scaled first, so a huge frame costs little."""
    if max_width_px is None or max_width_px >= frame.width:
        return frame.bgr()
    size = (max_width_px, max(1, round(frame.height * max_width_px / frame.width)))
    layout = frame.header.format
    luma, blue, red = (
        np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        for plane in planes(frame.pixels, layout)
    )
    return convert_planes(luma, blue, red, layout, Color.BGR)
