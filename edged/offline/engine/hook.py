"""A frame with what is known on it, for a program's own hook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.frame import Frame
from edged.offline.engine.result import Result
from edged.offline.films.painting import Painting


class AnalyzedFrame:
    """A frame of a video, due for a job or not. Valid for good."""

    def __init__(
        self,
        frame: Frame,
        painting: Painting,
        results: Mapping[str, Result],
        fresh: tuple[Result, ...],
    ) -> None:
        self.results = results
        """The newest of each job, by its name; of a job that did not run yet there is none."""
        self.fresh = fresh
        """Those of runs on this very frame."""
        self._frame = frame
        self._painting = painting
        self._picture: NDArray[np.uint8] | None = None

    @property
    def index(self) -> int:
        """From 0, of all frames of the video."""
        return self._frame.header.index

    @property
    def pts(self) -> float:
        """Seconds on the video's own clock: its first frame is at 0."""
        return self._frame.header.pts_us / 1e6

    @property
    def width(self) -> int:
        return self._frame.width

    @property
    def height(self) -> int:
        return self._frame.height

    @property
    def picture(self) -> NDArray[np.uint8]:
        """BGR uint8 ``(height, width, 3)`` with all that was found drawn on it: yours to change. A recording
        shows it as it is when the hook returns. Drawn when it is first asked for.
        """
        if self._picture is None:
            self._picture = self._painting.on(self._frame)
        return self._picture

    @property
    def plain(self) -> NDArray[np.uint8]:
        """The frame without any drawing, BGR; a new array at each call."""
        return self._frame.bgr()

    @property
    def touched(self) -> NDArray[np.uint8] | None:
        """The picture, if anybody asked for it."""
        return self._picture


Hook: TypeAlias = Callable[[AnalyzedFrame], NDArray[np.uint8] | None]
"""Sees each frame; what it returns, BGR of the same size, is recorded instead of the frame's picture."""


def checked(returned: Any, frame: AnalyzedFrame) -> NDArray[np.uint8] | None:
    """What a hook returned, if it is a picture for the recording. Raises TypeError, ValueError."""
    if returned is None:
        return frame.touched
    if not isinstance(returned, np.ndarray):
        kind = type(returned).__name__
        raise TypeError(f"on_frame returned a {kind}: return None, or a picture for the recording")
    wanted = (frame.height, frame.width, 3)
    if returned.shape != wanted or returned.dtype != np.uint8:
        raise ValueError(
            f"on_frame returned {returned.dtype}{returned.shape}: a picture for the recording is BGR of the"
            f" frame's size, uint8{wanted}"
        )
    return returned
