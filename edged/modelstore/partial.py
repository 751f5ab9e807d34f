"""The beginning of a file that is still coming: kept over broken connections, kills and power cuts.

Beside it lies the tag by which its server names the version it comes from (RFC 9110, 8.8.3), so that
going on with another version is refused by the server. Should the tail be garbage after a power cut, the
hash tells, and it is fetched from the beginning.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from edged.modelstore.failure import FetchFailed

SPARE_BYTES = 64 << 20
"""That a download leaves free on the disk, for what the daemon keeps there and the system around it."""
MOST_BYTES = 4 << 30
"""What claims to be larger is no model for these devices."""


class Partial:
    """One writer at a time, also among processes: `alone`."""

    def __init__(self, path: Path, kept_mb: float = 0.0) -> None:
        """``kept_mb`` of the disk are somebody else's: they stay free, if that is more than `SPARE_BYTES`."""
        self.path = path
        self._kept_mb = kept_mb
        self._tag = path.with_suffix(".tag")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Waits for another process that writes it. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with self.path.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if self._is_still(file):
                    yield
                    return

    def _is_still(self, file: BinaryIO) -> bool:
        """Whoever had it may have put it in its place meanwhile: then the lock is on another file."""
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(file.fileno()), self.path.stat())
        return False

    @property
    def size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    @property
    def tag(self) -> str:
        """Empty: not known."""
        try:
            return self._tag.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return ""

    def begin(self, tag: str) -> None:
        """From the first byte, of the version that ``tag`` names."""
        os.truncate(self.path, 0)
        self._tag.unlink(missing_ok=True)
        if tag:
            self._tag.write_text(tag, encoding="ascii")

    def append(self, pieces: Iterator[bytes], total: int) -> Iterator[int]:
        """Write at the end; yields the size after each piece. ``total`` bytes are to come, 0: nobody knows.

        Raises `FetchFailed` where there is no room.
        """
        self.check_room(total - self.size)
        size = checked = self.size
        with self.path.open("ab", buffering=0) as file:
            for piece in pieces:
                size += self._written(file, piece)
                if not total and size - checked > SPARE_BYTES // 4:
                    self.check_room(0, so_far=size)
                    checked = size
                yield size

    def _written(self, file: io.FileIO, piece: bytes) -> int:
        left = memoryview(piece)
        try:
            while left:
                left = left[file.write(left) :]
        except OSError as error:
            raise FetchFailed(
                f"cannot be written to {self.path.parent}: {error.strerror or error}; free space on that"
                " disk, or mend it",
                code="too_large",
            ) from error
        return len(piece)

    def check_room(self, needed_bytes: int, *, so_far: int = 0) -> None:
        """Raises `FetchFailed` (``too_large``) where so much would not leave enough free, or be no model."""
        if so_far + needed_bytes > MOST_BYTES:
            message = f"is more than {_mb(so_far + needed_bytes)} MB large; the most is {_mb(MOST_BYTES)} MB"
            raise FetchFailed(message, code="too_large")
        folder, kept_bytes = self.path.parent, round(self._kept_mb * 1e6)
        free, spare = shutil.disk_usage(folder).free, max(SPARE_BYTES, kept_bytes)
        if free - max(needed_bytes, 0) >= spare:
            return
        by_setting = kept_bytes == spare
        why = " for what waits for the broker (half of storage.max_mb)" if by_setting else ""
        lower = "set storage.max_mb lower, " if by_setting else ""
        raise FetchFailed(
            f"{_mb(max(needed_bytes, 0))} MB are still to come, and of the {_mb(free)} MB that are free in"
            f" {folder} {_mb(spare)} MB are to stay free{why}: free space there, {lower}or move storage.path",
            code="too_large",
        )

    def finish(self, place: Path) -> None:
        """It is whole and right: on the disk, in its place, when this returns."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        place.parent.mkdir(parents=True, exist_ok=True)
        self.path.replace(place)
        self._tag.unlink(missing_ok=True)
        for folder in dict.fromkeys((place.parent, place.parent.parent)):
            _sync_folder(folder)

    def discard(self) -> None:
        """It was another file."""
        os.truncate(self.path, 0)
        self._tag.unlink(missing_ok=True)

    def remove(self) -> None:
        """Nothing of it is needed."""
        self.path.unlink(missing_ok=True)
        self._tag.unlink(missing_ok=True)


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f}"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
