"""Annotated pictures in a folder, for people: one now and then of each job and source."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edged.algorithm.frame import Frame
from edged.algorithm.jpeg import JpegFailed, encode_jpeg
from edged.model.detection import Outcome
from edged.model.messages import Pictures
from edged.worker.lane import Lane
from edged.worker.studio import MOST_WAITING, Drawn, Exposure, Studio

_log = logging.getLogger(__name__)

_QUALITY = 85
_EMPTY_SHARE = 10
"""Where nothing is found, a picture comes this many times more seldom."""


class Album:
    """Belongs to the worker's main thread."""

    def __init__(self, studio: Studio) -> None:
        self.settings: Pictures | None = None
        """None: no pictures are wanted."""
        self._studio = studio
        self._warned = False

    def saw(self, lane: Lane, frame: Frame, outcome: Outcome, now_ns: int) -> None:
        """Take a picture of this frame if one of its lane is due; copies its pixels.

        Only one may wait to be drawn: when it is refused, the lane tries again at its next run.
        """
        if self.settings is None or not lane.spec.chain:  # without an algorithm there is nothing to show
            return
        every_s = self.settings.every_s * (1 if outcome.detections else _EMPTY_SHARE)
        if lane.pictured_ns and now_ns - lane.pictured_ns < every_s * 1e9:
            return
        if self._studio.room < MOST_WAITING:
            return
        lane.pictured_ns = now_ns
        path = Path(self.settings.folder) / f"{lane.source}-{lane.spec.name}.jpg"
        self._studio.take(Exposure.of(lane, frame.copy(), outcome, _Page(path, self._warn)))

    def _warn(self, text: str) -> None:
        """Aloud the first time only; in the studio's thread."""
        level = logging.DEBUG if self._warned else logging.WARNING
        self._warned = True
        _log.log(level, "%s", text)


@dataclass(frozen=True, slots=True)
class _Page:
    """One file of the album."""

    path: Path
    warn: Callable[[str], None]
    max_width_px: int | None = None

    def keep(self, picture: Drawn) -> None:
        write_jpeg(self.path, picture)

    def give_up(self, reason: str) -> None:
        self.warn(f"picture {self.path} cannot be written: {reason}")


def write_jpeg(path: Path, picture: Drawn) -> None:
    """Whoever opens ``path`` sees the picture before or this one, never half of one. Raises OSError."""
    try:
        encoded = encode_jpeg(picture, _QUALITY)
    except JpegFailed as error:
        raise OSError(0, str(error)) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(encoded)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
