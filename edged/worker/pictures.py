"""Annotated pictures for people, drawn and written in a thread that never holds up a run."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.algorithm.drawing import draw_detections
from edged.algorithm.frame import Frame
from edged.model.detection import Outcome
from edged.model.messages import Pictures
from edged.supervise.heartbeat import Heartbeat
from edged.worker.fault import describe_fault
from edged.worker.lane import Lane

_log = logging.getLogger(__name__)

LANE = 2
"""Of the worker's heartbeat page."""
_DRAW_DEADLINE_S = 30.0
_STOP_DEADLINE_S = 0.2
_LOOK_AGAIN_S = 60.0
_QUALITY = 85
_EMPTY_SHARE = 10
"""Where nothing is found, a picture comes this many times more seldom."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """A frame of its own, off the track, and what was seen on it."""

    lane: Lane
    frame: Frame
    outcome: Outcome
    folder: Path


class Studio:
    """Draws one picture at a time; while it does, one waits, and more are refused, their lanes try again."""

    def __init__(self, heartbeat: Heartbeat) -> None:
        self.settings: Pictures | None = None
        """Set by the main thread; None: no pictures are wanted."""
        self._heartbeat = heartbeat
        self._change = threading.Condition()
        self._waiting: Exposure | None = None
        self._stopping = False
        self._warned = False
        self._thread = threading.Thread(target=self._work, name="pictures", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Draw what waits, then end."""
        with self._change:
            self._stopping = True
            self._change.notify()
        self._thread.join(_STOP_DEADLINE_S)

    def offer(self, lane: Lane, frame: Frame, outcome: Outcome, now_ns: int) -> None:
        """Take a picture of this frame if one of its lane is due; copies its pixels."""
        if self.settings is None:
            return
        every_s = self.settings.every_s * (1 if outcome.detections else _EMPTY_SHARE)
        if lane.pictured_ns and now_ns - lane.pictured_ns < every_s * 1e9:
            return
        with self._change:
            if self._waiting is not None:
                return
            lane.pictured_ns = now_ns
            copy = Frame(frame.header, frame.pixels.copy())
            self._waiting = Exposure(lane, copy, outcome, Path(self.settings.folder))
            self._change.notify()

    # ---- the pictures' thread ----

    def _work(self) -> None:
        while True:
            with self._change:
                while self._waiting is None and not self._stopping:
                    self._change.wait(_LOOK_AGAIN_S)
                exposure, self._waiting = self._waiting, None
            if exposure is None:
                return
            lane = exposure.lane
            with self._heartbeat.doing(
                "draw", _DRAW_DEADLINE_S, lane=LANE, job=lane.spec.name, source=lane.source
            ):
                self._develop(exposure)

    def _develop(self, exposure: Exposure) -> None:
        lane = exposure.lane
        picture = exposure.frame.bgr()
        draw_detections(picture, exposure.outcome.detections or ())
        if lane.alive:
            try:
                lane.chain.draw(picture, exposure.outcome)
            except Exception as error:  # noqa: BLE001 — somebody else's draw(); the boxes are on it already
                fault = describe_fault(error, lane.spec.hidden)
                self._warn(f"job {lane.spec.name}: its draw() failed: {fault}")
        path = exposure.folder / f"{lane.source}-{lane.spec.name}.jpg"
        try:
            write_jpeg(path, picture)
        except OSError as error:
            self._warn(f"picture {path} cannot be written: {error.strerror}")

    def _warn(self, text: str) -> None:
        """Aloud the first time only."""
        level = logging.DEBUG if self._warned else logging.WARNING
        self._warned = True
        _log.log(level, "%s", text)


def write_jpeg(path: Path, picture: NDArray[np.uint8]) -> None:
    """Whoever opens ``path`` sees the picture before or this one, never half of one. Raises OSError."""
    done, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not done:
        raise OSError(0, "OpenCV does not encode it")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(encoded.tobytes())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
