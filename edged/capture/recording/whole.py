"""A film as one whole MP4, its index in front: every player knows its length at once and can seek."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from edged.capture.recording.part_file import PartFile

_INDEX_BYTES = 8192
_INDEX_BYTES_PER_FRAME = 48
"""stts 8, ctts 8, stsz 4, stsc 12, co64 8, stss 4 bytes at most (ISO/IEC 14496-12, 8.6 to 8.7)."""
_HASHED_BYTES = 1 << 20


def rewrite(fragmented: Path, to: Path, packets: int, codec: str) -> None:
    """Copy the packets of one MP4, of its pictures and its sound, into another. Raises OSError.

    ``codec``: of its pictures. There is room in front for the index of so many packets, so nothing is
    written twice.
    """
    room = _INDEX_BYTES + packets * _INDEX_BYTES_PER_FRAME
    options = {"moov_size": str(room)}
    with closing(PartFile(to)) as file:
        with (
            file.muxing(),  # also what cannot be read is an OSError then
            av.open(f"file:{fragmented}", format="mp4") as source,  # else `gate:1.mp4` is a URL
            av.open(file, "w", format="mp4", options=options) as container,
        ):
            _copy(source, container, codec)
        file.sync()


def _copy(source: InputContainer, container: OutputContainer, codec: str) -> None:
    streams: dict[int, Stream] = {}
    for template in (*source.streams.video, *source.streams.audio):
        streams[template.index] = container.add_stream_from_template(template, opaque=True)
    if codec == "hevc":
        container.streams.video[0].codec_context.codec_tag = "hvc1"
    for packet in source.demux():
        if packet.size and packet.stream.index in streams:
            packet.stream = streams[packet.stream.index]
            container.mux_one(packet)


def duration_of(film: Path) -> float:
    """Seconds that its pictures are shown, also of one whose index does not tell. Raises `FFmpegError`."""
    with av.open(str(film), options={"protocol_whitelist": "file"}) as container:
        stream = container.streams.video[0]
        spans = [
            (packet.pts, packet.pts + (packet.duration or 0))
            for packet in container.demux(stream)
            if packet.pts is not None
        ]
        if not spans or stream.time_base is None:
            return 0.0
        return float((max(end for _, end in spans) - min(start for start, _ in spans)) * stream.time_base)


def sha256_of(path: Path) -> str:
    """In hexadecimal."""
    import hashlib  # 3.5 MB of OpenSSL, which only captures that make clips need

    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_HASHED_BYTES):
            digest.update(data)
    return digest.hexdigest()
