"""The sound of a video, packet by packet, for a film that is made of its pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.error
from av import Packet
from av.audio.stream import AudioStream

_log = logging.getLogger(__name__)


class Sound:
    """Reads a file beside whoever reads its pictures. Used from one thread."""

    def __init__(self, path: Path, codecs: tuple[str, ...]) -> None:
        """``codecs``: those that the film takes as they are; sound in others is left out."""
        self._path = path
        self._codecs = codecs
        self._container: av.container.InputContainer | None = None
        self._packets: Iterator[Packet[AudioStream]] = iter(())
        self._waiting: Packet[AudioStream] | None = None
        self._zero_s = 0.0
        self.stream: AudioStream | None = None
        """None: there is none that can be copied."""

    def __enter__(self) -> Self:
        """Whatever is wrong with the file, whoever reads its pictures says."""
        try:
            self._container = av.open(str(self._path))
            streams = self._container.streams
            stream = streams.audio[0] if streams.audio else None
            if stream is None:
                return self
            name = stream.codec_context.codec.canonical_name
            if name not in self._codecs:
                _log.info("the sound of %s is left out: %s does not fit", self._path.name, name)
                return self
            pictures = streams.video[0]
            if pictures.start_time is not None and pictures.time_base is not None:
                self._zero_s = float(pictures.start_time * pictures.time_base)
            self.stream = stream
            self._packets = self._container.demux(stream)
        except (av.error.FFmpegError, IndexError) as error:
            _log.info("the sound of %s is left out: %s", self._path.name, error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._container is not None:
            self._container.close()

    def between(self, start_s: float, until_s: float) -> Iterator[Packet[AudioStream]]:
        """Those that were not given yet, up to ``until_s`` of the video's own clock, with times from
        ``start_s`` on; ask with rising times.
        """
        while (packet := self._next()) is not None:
            assert packet.pts is not None  # noqa: S101 - `_next` gives no other
            base = packet.time_base
            at_s = float(packet.pts * base) - self._zero_s
            if at_s >= until_s:
                return
            self._waiting = None
            offset = round((start_s + self._zero_s) / base)
            packet.pts -= offset
            packet.dts = packet.pts
            if packet.pts >= 0:
                yield packet

    def _next(self) -> Packet[AudioStream] | None:
        while self._waiting is None:
            try:
                packet = next(self._packets, None)
            except av.error.FFmpegError:
                return None
            if packet is None:
                return None
            self._waiting = None if packet.pts is None or not packet.size else packet
        return self._waiting
