"""Writes a recording: one thread draws where there is something to draw, another encodes.

An encoder waits for its own threads most of the time; if it drew as well, cores would idle.
"""

from __future__ import annotations

import errno
import logging
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from edged.algorithm.drawing import Sketchbook
from edged.algorithm.frame import Frame
from edged.errors import EdgedError
from edged.model.frame import FrameFormat
from edged.model.trying import part_of
from edged.offline.engine.belt import Belt
from edged.offline.films.coding import coding_of
from edged.offline.films.film import Film, planes_as_they_came, planes_of, views_of
from edged.offline.films.painting import Painting
from edged.offline.films.sound import Sound

_log = logging.getLogger(__name__)

_AHEAD = 6
"""Frames that wait for the encoder."""
_END_S = 600.0
"""For what is in hand, and the index that is moved to the front of a long film."""


@dataclass(frozen=True, slots=True)
class _Shot:
    frame: Frame
    painting: Painting
    picture: NDArray[np.uint8] | None


@dataclass(frozen=True, slots=True)
class _Drawn:
    picture: VideoFrame
    pts_us: int
    layout: FrameFormat


class Recorder:
    """``with Recorder(path, fps) as recorder``. However it is left, what was added is a whole film."""

    def __init__(self, output: Path, fps: float, video: str | Path = "") -> None:
        """``fps``: about; each frame keeps its own time. ``video``: a file whose sound goes along."""
        self._output = output
        self._video = video
        self._fps = fps or 25.0
        self._shots: Belt[_Shot] = Belt(_AHEAD)
        self._error: BaseException | None = None
        self._drawn: Belt[_Drawn] = Belt(_AHEAD)
        self._threads = (
            threading.Thread(target=self._draw, name="edged-draw", daemon=True),
            threading.Thread(target=self._encode, name="edged-record", daemon=True),
        )

    def __enter__(self) -> Self:
        """Raises `EdgedError` for a name that says no format, OSError for a folder that is not there."""
        coding_of(self._output)
        if not self._output.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(self._output.parent))
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises `EdgedError`, OSError for a film that could not be written, if nothing else went wrong."""
        self._shots.finish()
        for thread in self._threads:
            thread.join(_END_S)
        if self._error is None and any(thread.is_alive() for thread in self._threads):
            part = Path(part_of(str(self._output))).name
            self._error = EdgedError(
                f"{self._output.name} was not whole {_END_S:.0f} s after its end, and is not waited for: what"
                f" there is of it is in {part}"
            )
        if self._error is None:
            return
        if kind is None or kind is GeneratorExit:
            raise self._error
        _log.debug("%s is not written: %s", self._output.name, self._error)

    def add(self, frame: Frame, painting: Painting, picture: NDArray[np.uint8] | None = None) -> None:
        """The next frame; ``picture``, BGR, instead of it. Waits while the encoder is behind.

        Raises `EdgedError`, OSError.
        """
        self._shots.put(_Shot(frame, painting, picture))

    # ---- the thread that draws ----

    def _draw(self) -> None:
        book = Sketchbook()
        try:
            for shot in self._shots:
                header = shot.frame.header
                self._drawn.put(_Drawn(_planes(shot, book), header.pts_us, header.format))
        except BaseException as error:  # noqa: BLE001 - the thread that encodes raises it, then the caller's
            self._shots.cut(error)
            self._drawn.finish(error)
        else:
            self._drawn.finish()

    # ---- the thread that encodes ----

    def _encode(self) -> None:
        try:
            with ExitStack() as stack:
                sound = None
                if self._video and "://" not in str(self._video):
                    sound = stack.enter_context(Sound(Path(self._video), coding_of(self._output).sound))
                film = stack.enter_context(Film(self._output, self._fps, sound, keeps_cut=True))
                for drawn in self._drawn:
                    film.put(drawn.picture, drawn.pts_us, drawn.layout)
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            self._error = error
            self._drawn.cut(error)
            self._shots.cut(error)


def _planes(shot: _Shot, book: Sketchbook) -> VideoFrame:
    layout, painting = shot.frame.header.format, shot.painting
    if shot.picture is not None:
        return planes_of(shot.picture, layout)
    if painting.own:
        return planes_of(painting.on(shot.frame), layout)
    planes = planes_as_they_came(shot.frame)
    if not painting.is_empty:
        painting.draw(views_of(planes), layout, book)
    return planes
