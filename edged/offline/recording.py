"""Writes a recording in a thread of its own: draws where there is something to draw, and encodes."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.frame import Frame
from edged.offline.belt import Belt
from edged.offline.film import Film
from edged.offline.painting import Painting

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

    def __init__(self, output: Path, fps: float) -> None:
        """``fps``: about; each frame keeps its own time."""
        self._output = output
        self._fps = fps or 25.0
        self._shots: Belt[_Shot] = Belt(_AHEAD)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="edged-record", daemon=True)

    def __enter__(self) -> Self:
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
            with Film(self._output, self._fps) as film:
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
