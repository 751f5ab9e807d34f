"""The file of a film: what is written plays up to its last seconds, whatever ends its writer; at the end it
is whole, its index in front.
"""

from __future__ import annotations

import contextlib
import logging
import time
from contextlib import ExitStack, closing
from pathlib import Path

import av
from av import Packet
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from edged.capture.recording.part_file import PartFile, sync_folder
from edged.capture.recording.whole import rewrite
from edged.model.trying import part_of
from edged.offline.films.coding import Coding
from edged.offline.films.film_cut import NO_ROOM, cut_to_what_plays

_SYNC_EVERY_NS = 5_000_000_000
"""As often what was written is made to outlive a power cut; it is waited for, by the thread that encodes."""
_BUFFER_BYTES = 256 * 1024

_log = logging.getLogger(__name__)


class FilmFile:
    """Made by `open_film_file`, ended by `finish`, `abandon` or `keep`. All but the last raise OSError."""

    def __init__(self, output: Path, file: PartFile, container: OutputContainer) -> None:
        self.container = container
        self._output = output
        self._file = file
        self._packets = 0
        self._synced_bytes = 0
        self._synced_ns = time.monotonic_ns()

    def mux(self, packet: Packet[VideoStream] | Packet[AudioStream]) -> None:
        """The next one of a stream of ``container``."""
        with self._file.muxing():
            self.container.mux_one(packet)
        self._packets += 1

    def sync_if_due(self) -> None:
        """Have what was written outlive a power cut."""
        now_ns = time.monotonic_ns()
        if self._file.bytes == self._synced_bytes or now_ns - self._synced_ns < _SYNC_EVERY_NS:
            return
        self._file.sync()
        self._synced_bytes, self._synced_ns = self._file.bytes, time.monotonic_ns()

    def finish(self) -> None:
        """Nothing more comes: put it in its place, whole."""
        with self._file.muxing():
            self.container.close()
        self._file.sync()
        self._file.close()
        if self.container.format.name == "mp4":
            self._put_index_in_front(self._file.path)
        self._file.path.replace(self._output)
        with contextlib.suppress(OSError):  # it is there; some file systems know no sync of a folder
            sync_folder(self._output.parent)

    def abandon(self) -> None:
        """Nothing of it is left."""
        self._close_anyway()
        with contextlib.suppress(OSError):  # what is wrong with the folder was told already
            self._file.path.unlink(missing_ok=True)

    def keep(self) -> float:
        """The disk takes no more: what plays of it stays in its part. So many seconds; 0: nothing does."""
        self._close_anyway()
        return cut_to_what_plays(self._file.path)

    def _close_anyway(self) -> None:
        with contextlib.suppress(OSError), self._file.muxing():
            self.container.close()
        self._file.close()

    def _put_index_in_front(self, part: Path) -> None:
        """A copy takes the film's place when it is whole, so a kill costs nothing. Where there is no room for
        two, the fragments stay: they play, too.
        """
        copy = _copy_of(part)
        try:
            rewrite(part, copy, self._packets, "h264")
            copy.replace(part)
        except OSError as error:
            with contextlib.suppress(OSError):
                copy.unlink(missing_ok=True)
            if error.errno not in NO_ROOM:
                raise
            _log.warning("no room for a second copy of %s: it stays in fragments", self._output.name)


def open_film_file(output: Path, coding: Coding) -> FilmFile:
    """Written beside ``output`` first, under the name that `part_of` gives; its copy at the end, too.

    Raises OSError, `av.error.FFmpegError`.
    """
    part = Path(part_of(str(output)))
    with contextlib.suppress(FileNotFoundError):
        _copy_of(part).unlink()  # of one that was killed in the middle of it
    with ExitStack() as opened:
        file = opened.enter_context(closing(PartFile(part)))
        opened.callback(part.unlink, missing_ok=True)
        container = av.open(
            file, "w", format=coding.container, options=coding.container_options, buffer_size=_BUFFER_BYTES
        )
        film = FilmFile(output, file, container)
        opened.pop_all()
    return film


def _copy_of(part: Path) -> Path:
    return Path(part_of(str(part)))
