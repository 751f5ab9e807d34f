"""Writing annotated pictures and films: whole, or not at all."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.error
import cv2
import numpy as np
from av import Packet, VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from edged.algorithm.frame import Frame
from edged.errors import EdgedError
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat
from edged.model.trying import part_of
from edged.offline.films.coding import coding_of
from edged.offline.films.film_cut import FilmCut
from edged.offline.films.film_file import FilmFile, open_film_file
from edged.offline.films.sound import Sound

_BASE = Fraction(1, 90_000)
_HIGHEST_RATE = 240
_RANGES = {ColorRange.LIMITED: 1, ColorRange.FULL: 2}
_MATRICES = {ColorMatrix.BT709: 1, ColorMatrix.BT601: 6, ColorMatrix.BT2020: 9}
"""As the encoder is told: ITU-T H.273."""
_ITU = {ColorMatrix.BT709: "ITU709", ColorMatrix.BT601: "ITU601", ColorMatrix.BT2020: "BT2020_NCL"}
_DEFAULT = FrameFormat(0, 0)


def write_picture(picture: NDArray[np.uint8], output: Path) -> None:
    """BGR, in the format that the name's end says. Raises `EdgedError`, OSError."""
    try:
        _, content = cv2.imencode(output.suffix, picture)
    except cv2.error as error:
        raise EdgedError(f"{output.name}: a picture ends with .jpg, .png, .webp or .bmp") from error
    part = Path(part_of(str(output)))
    part.write_bytes(content.tobytes())
    part.replace(output)


def planes_of(picture: NDArray[np.uint8], layout: FrameFormat) -> VideoFrame:
    """A BGR picture as yuv420p, in the colour matrix and range of ``layout``."""
    height, width = (size // 2 * 2 for size in picture.shape[:2])
    even = picture[:height, :width]
    if layout.color_range == ColorRange.LIMITED and layout.color_matrix == ColorMatrix.BT601:
        planes = np.asarray(cv2.cvtColor(even, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)
        return VideoFrame.from_ndarray(planes, format="yuv420p")
    return VideoFrame.from_ndarray(np.ascontiguousarray(even), format="bgr24").reformat(
        format="yuv420p",
        dst_colorspace=_ITU[layout.color_matrix],
        dst_color_range=_RANGES[layout.color_range],
    )


def planes_as_they_came(frame: Frame) -> VideoFrame:
    """Without a detour over BGR."""
    layout = frame.header.format
    width, height = layout.width // 2 * 2, layout.height // 2 * 2
    if (width, height) == (layout.width, layout.height):
        planes = frame.pixels.reshape(height * 3 // 2, width)
    else:
        half = (slice(height // 2), slice(width // 2))
        parts = (frame.y[:height, :width], frame.u[half], frame.v[half])
        planes = np.concatenate([part.ravel() for part in parts]).reshape(height * 3 // 2, width)
    return VideoFrame.from_ndarray(planes, format="yuv420p")


def views_of(picture: VideoFrame) -> list[NDArray[np.uint8]]:
    """Y, U and V of a yuv420p picture of one's own, ``(height, width)`` each: writable, and no copies."""
    return [
        np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)[
            : plane.height, : plane.width
        ]
        for plane in picture.planes
    ]


class Film:
    """A film that any player shows: 4:2:0, its index at the front, each picture at its own time.

    The end of its name says how it is encoded. An odd row or column at the edge of a picture is left out.
    """

    def __init__(
        self, output: Path, rate: float, sound: Sound | None = None, *, keeps_cut: bool = False
    ) -> None:
        """``rate`` of its pictures per second, about; ``sound``, opened, goes along. ``keeps_cut``: where the
        disk takes no more, what it took stays, as far as it plays; the error is a `FilmCut` then.
        """
        self._output = output
        self._rate = Fraction(min(max(rate, 1), _HIGHEST_RATE)).limit_denominator(1001)
        self._file: FilmFile | None = None
        self._stream: av.video.stream.VideoStream | None = None
        self._sound = sound
        self._keeps_cut = keeps_cut
        self._voice: av.audio.stream.AudioStream | None = None
        self._first_us: int | None = None
        self._last = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Without an error the film is put in its place; with one, or without pictures, there is none.

        Raises as `put` where the disk refuses.
        """
        if self._file is None:
            return
        if kind is not None or self._stream is None:
            self._file.abandon()
            return
        try:
            self._end(self._file, self._stream)
        except (OSError, av.error.FFmpegError) as problem:
            refusal = self._refusal(problem)
            if self._file is not None:
                self._file.abandon()
            raise refusal from problem
        except BaseException:
            self._file.abandon()
            raise

    def add(self, picture: NDArray[np.uint8], pts_us: int, layout: FrameFormat = _DEFAULT) -> None:
        """The next picture, BGR; the film has the colour matrix and range of ``layout``. Raises as `put`."""
        self.put(planes_of(picture, layout), pts_us, layout)

    def add_frame(self, frame: Frame) -> None:
        """The next picture as it came. Raises as `put`."""
        self.put(planes_as_they_came(frame), frame.header.pts_us, frame.header.format)

    def put(self, picture: VideoFrame, pts_us: int, layout: FrameFormat) -> None:
        """The next picture, yuv420p of even size in the matrix and range of ``layout``.

        Raises `EdgedError`, and OSError that names the film: `FilmCut` of one that is to keep what it has.
        """
        stream = self._stream or self._open(picture, layout)
        if (picture.width, picture.height) != (stream.width, stream.height):
            picture = picture.reformat(stream.width, stream.height)
        picture.color_range, picture.colorspace = _RANGES[layout.color_range], _MATRICES[layout.color_matrix]
        if self._first_us is None:
            self._first_us = pts_us
        stamp = round((pts_us - self._first_us) * _BASE.denominator / 1_000_000)
        self._last = max(stamp, self._last + 1)
        picture.pts, picture.time_base = self._last, _BASE
        assert self._file is not None  # noqa: S101 - opened with the stream
        try:
            self._mux_pictures(self._file, stream.encode(picture))
            self._file.sync_if_due()
        except (OSError, av.error.FFmpegError) as error:
            raise self._refusal(error) from error

    def _end(self, file: FilmFile, stream: VideoStream) -> None:
        """Raises OSError, `av.error.FFmpegError`."""
        self._mux_pictures(file, stream.encode(None))
        self._mux_sound(file, self._last)
        file.finish()

    def _mux_pictures(self, file: FilmFile, packets: Sequence[Packet[VideoStream]]) -> None:
        """And the sound up to them: not to what the encoder has in hand, so that neither waits long."""
        for packet in packets:
            stamp = packet.dts
            file.mux(packet)
            if stamp is not None:
                self._mux_sound(file, stamp)

    def _mux_sound(self, file: FilmFile, until: int) -> None:
        """``until``: in units of `_BASE`."""
        if self._sound is None or self._voice is None:
            return
        start_s = (self._first_us or 0) / 1e6
        for packet in self._sound.between(start_s, start_s + float(until * _BASE)):
            packet.stream = self._voice
            file.mux(packet)

    def _refusal(self, error: OSError | av.error.FFmpegError) -> Exception:
        """What to raise for what FFmpeg says."""
        if isinstance(error, OSError) or (error.errno or 0) in (errno.ENOSPC, errno.EFBIG, errno.EIO):
            if self._keeps_cut:
                file, self._file = self._file, None
                return FilmCut(error, self._output, 0.0 if file is None else file.keep())
            return OSError(error.errno, error.strerror, str(self._output))
        return EdgedError(f"{self._output.name} cannot be encoded: {error.strerror}")

    def _open(self, picture: VideoFrame, layout: FrameFormat) -> av.video.stream.VideoStream:
        coding = coding_of(self._output)
        try:
            self._file = open_film_file(self._output, coding)
            container = self._file.container
            stream = container.add_stream(coding.encoder, rate=self._rate, options=coding.options)
        except OSError as error:
            raise self._refusal(error) from error
        except (av.error.FFmpegError, ValueError) as error:
            raise EdgedError(
                f"{self._output.name} cannot be written: this FFmpeg has no encoder {coding.encoder}"
            ) from error
        assert isinstance(stream, av.video.stream.VideoStream)  # noqa: S101 - what an encoder of pictures makes
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
        stream.codec_context.time_base = _BASE
        stream.codec_context.color_range = _RANGES[layout.color_range]
        stream.codec_context.colorspace = _MATRICES[layout.color_matrix]
        stream.codec_context.thread_count = 0
        if self._sound is not None and self._sound.stream is not None:
            self._voice = container.add_stream_from_template(self._sound.stream)
        self._stream = stream
        return stream
