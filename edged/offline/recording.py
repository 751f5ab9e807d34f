"""Writes a recording in a thread of its own: draws where there is something to draw, and encodes."""

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
from numpy.typing import NDArray

from edged.algorithm.frame import Frame
from edged.offline.belt import Belt
from edged.offline.coding import coding_of
from edged.offline.film import Film
from edged.offline.painting import Painting
from edged.offline.sound import Sound

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


class Recorder:
    """``with Recorder(path, fps) as recorder``. However it is left, what was added is a whole film."""

    def __init__(self, output: Path, fps: float, video: str | Path = "") -> None:
        """``fps``: about; each frame keeps its own time. ``video``: a file whose sound goes along."""
        self._output = output
        self._video = video
        self._fps = fps or 25.0
        self._shots: Belt[_Shot] = Belt(_AHEAD)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="edged-record", daemon=True)

    def __enter__(self) -> Self:
        """Raises `EdgedError` for a name that says no format, OSError for a folder that is not there."""
        coding_of(self._output)
        if not self._output.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, "there is no such folder", str(self._output.parent))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises `EdgedError`, OSError for a film that could not be written, if nothing else went wrong."""
        self._shots.finish()
        self._thread.join(_END_S)
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

    # ---- the thread ----

    def _work(self) -> None:
        try:
            with ExitStack() as stack:
                sound = None
                if self._video and "://" not in str(self._video):
                    sound = stack.enter_context(Sound(Path(self._video), coding_of(self._output).sound))
                film = stack.enter_context(Film(self._output, self._fps, sound))
                for shot in self._shots:
                    _film(film, shot)
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            self._error = error
            self._shots.cut(error)


def _film(film: Film, shot: _Shot) -> None:
    header = shot.frame.header
    if shot.picture is not None:
        film.add(shot.picture, header.pts_us, header.format)
    elif shot.painting.is_empty:
        film.add_frame(shot.frame)
    else:
        film.add(shot.painting.on(shot.frame), header.pts_us, header.format)
