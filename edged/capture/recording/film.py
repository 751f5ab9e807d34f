"""One file of packets: fragments that survive a power cut while it is written, a whole file afterwards."""

from __future__ import annotations

import contextlib
import time
from contextlib import ExitStack, closing
from pathlib import Path

import av
from av.container import OutputContainer
from av.video.stream import VideoStream

from edged.capture.recording.kept import Kept, Shape, copy_of
from edged.capture.recording.leftovers import finish_part
from edged.capture.recording.part_file import PartFile, part_of, sync_folder

FRAGMENT_S = 2.0
"""A fragment ends at a keyframe, and after so long at the latest."""
_LEAST_FRAGMENT_S = 0.5
_SYNC_EVERY_NS = 1_000_000_000
_BUFFER_BYTES = 256 * 1024
_MP4 = {
    "movflags": "frag_keyframe+delay_moov+default_base_moof",
    "frag_duration": str(int(FRAGMENT_S * 1e6)),
    "min_frag_duration": str(int(_LEAST_FRAGMENT_S * 1e6)),
    "flush_packets": "1",
}
_MATROSKA = {"cluster_time_limit": str(int(FRAGMENT_S * 1e3)), "flush_packets": "1"}


class Film:
    """Made by `open_film`; written beside its path until `finish`. All of it waits for the disk, and raises
    OSError.
    """

    def __init__(self, path: Path, first: Kept, file: PartFile, container: OutputContainer) -> None:
        self.path = path
        self.shape = first.shape
        self.first = first
        self.packets = 0
        self._start = self._end = self._last = first.pts
        self._file = file
        self._container = container
        self._stream = _add_stream(container, first.shape)
        self._synced_bytes = 0
        self._synced_ns = time.monotonic_ns()

    @property
    def duration_s(self) -> float:
        return float((self._end - self._start) * self.shape.time_base)

    def lacks(self, kept: Kept) -> bool:
        """Is its picture shown before one that is here: without it there is a hole?"""
        return kept.pts < self._last

    def write(self, kept: Kept) -> None:
        """The next packet, of the same shape."""
        packet = copy_of(kept.packet)
        packet.stream = self._stream
        packet.time_base = self.shape.time_base
        packet.pts, packet.dts = kept.pts - self._start, kept.dts - self._start
        packet.duration = kept.duration
        packet.is_keyframe = kept.keyframe
        with self._file.muxing():
            self._container.mux_one(packet)
        self._last = max(self._last, kept.pts)
        self._end = max(self._end, kept.pts + kept.duration)
        self.packets += 1

    def sync_if_due(self, now_ns: int) -> bool:
        """Have what was written outlive a power cut. True: something was."""
        if self._file.bytes == self._synced_bytes or now_ns - self._synced_ns < _SYNC_EVERY_NS:
            return False
        self._file.sync()
        self._synced_bytes, self._synced_ns = self._file.bytes, now_ns
        return True

    def finish(self) -> None:
        """`end` and `put_in_place`."""
        self.end()
        self.put_in_place()

    def end(self) -> None:
        """Nothing more comes; it is on the disk, under its name of a part."""
        with self._file.muxing():
            self._container.close()
        self._file.sync()
        self._file.close()

    def put_in_place(self) -> None:
        """Under its own name, after `end`."""
        self._file.path.replace(self.path)
        sync_folder(self.path.parent)

    def abandon(self) -> None:
        """After an error: what is on the disk and plays stays there, as far as it goes."""
        with contextlib.suppress(OSError), self._file.muxing():
            self._container.close()
        self._file.close()
        with contextlib.suppress(OSError):
            finish_part(self._file.path)


def open_film(path: Path, first: Kept) -> Film:
    """A file at ``path``, with the suffix that goes with its codec, for ``first`` and what follows."""
    path = path.with_suffix(first.shape.suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    is_mp4 = path.suffix == ".mp4"
    with ExitStack() as opened:
        file = opened.enter_context(closing(PartFile(part_of(path))))
        container = av.open(
            file,
            "w",
            format="mp4" if is_mp4 else "matroska",
            options=_MP4 if is_mp4 else _MATROSKA,
            buffer_size=_BUFFER_BYTES,
        )
        film = Film(path, first, file, container)
        opened.pop_all()
    return film


def _add_stream(container: OutputContainer, shape: Shape) -> VideoStream:
    stream = container.add_stream_from_template(shape.template, opaque=True)
    if shape.extradata is not None:
        stream.codec_context.extradata = shape.extradata
    if shape.size is not None:
        stream.codec_context.width, stream.codec_context.height = shape.size
    if shape.codec == "hevc" and container.format.name == "mp4":
        stream.codec_context.codec_tag = "hvc1"  # with hev1, Apple's players show nothing
    return stream
