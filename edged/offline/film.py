"""Writing annotated pictures and films: whole, or not at all."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.error
import cv2
import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from edged.algorithm.frame import Frame
from edged.errors import EdgedError
from edged.model.trying import part_of

_CODING = {"preset": "veryfast", "crf": "23"}
_BASE = Fraction(1, 90_000)
_HIGHEST_RATE = 240


def write_picture(picture: NDArray[np.uint8], output: Path) -> None:
    """BGR, in the format that the name's end says. Raises `EdgedError`, OSError."""
    try:
        _, content = cv2.imencode(output.suffix, picture)
    except cv2.error as error:
        raise EdgedError(f"{output.name}: a picture ends with .jpg, .png, .webp or .bmp") from error
    part = Path(part_of(str(output)))
    part.write_bytes(content.tobytes())
    part.replace(output)


class Film:
    """An H.264 film that any player shows: 4:2:0, its index at the front, each picture at its own time."""

    def __init__(self, output: Path, rate: float) -> None:
        """``rate`` of its pictures per second, about."""
        self._output = output
        self._part = Path(part_of(str(output)))
        self._rate = Fraction(min(max(rate, 1), _HIGHEST_RATE)).limit_denominator(1001)
        self._container: av.container.OutputContainer | None = None
        self._stream: av.video.stream.VideoStream | None = None
        self._last = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Without an error the film is put in its place; with one, or without pictures, there is none."""
        try:
            if kind is None and self._container is not None and self._stream is not None:
                self._container.mux(self._stream.encode(None))
        finally:
            if self._container is not None:
                self._container.close()
        if kind is None and self._container is not None:
            self._part.replace(self._output)
        else:
            self._part.unlink(missing_ok=True)

    def add(self, picture: NDArray[np.uint8], pts_us: int) -> None:
        """The next picture, BGR; an odd row or column at its edge is left out. Raises `EdgedError`."""
        height, width = (size // 2 * 2 for size in picture.shape[:2])
        stream = self._stream or self._open(width, height)
        even = np.ascontiguousarray(picture[: stream.height, : stream.width])
        frame = VideoFrame.from_ndarray(even, format="bgr24").reformat(format="yuv420p")
        stamp = max(round(pts_us * _BASE.denominator / 1_000_000), self._last + 1)
        frame.pts, frame.time_base, self._last = stamp, _BASE, stamp
        assert self._container is not None  # noqa: S101 - opened with the stream
        self._container.mux(stream.encode(frame))

    def add_frame(self, frame: Frame) -> None:
        """The next picture as it came."""
        self.add(frame.bgr(), frame.header.pts_us)

    def _open(self, width: int, height: int) -> av.video.stream.VideoStream:
        try:
            container = av.open(str(self._part), "w", format="mp4", options={"movflags": "faststart"})
            stream = container.add_stream("libx264", rate=self._rate, options=_CODING)
        except (av.error.FFmpegError, ValueError, OSError) as error:
            raise EdgedError(f"{self._output.name} cannot be written: {error}") from error
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = _BASE
        self._container, self._stream = container, stream
        return stream
