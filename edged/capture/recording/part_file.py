"""The file that a muxer writes into; and what is left of such files after a crash."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import av.error


class PartFile:
    """For PyAV, which calls it without holding up other threads: FFmpeg's own opening of a file would.

    What the disk refuses once, it is not asked again.
    """

    def __init__(self, path: Path) -> None:
        """Raises OSError."""
        self.path = path
        self.bytes = 0
        """That were written so far."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        self._failed: OSError | None = None

    @property
    def closed(self) -> bool:
        return self._fd < 0

    def write(self, data: bytes) -> int:
        if self._failed is not None:
            raise self._failed
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError as error:
            self._failed = error
            raise
        self.bytes += len(data)
        return len(data)

    def seek(self, to: int, whence: int = 0) -> int:
        return os.lseek(self._fd, to, whence)

    def tell(self) -> int:
        return os.lseek(self._fd, 0, os.SEEK_CUR)

    @contextlib.contextmanager
    def muxing(self) -> Iterator[None]:
        """With whatever has FFmpeg write into it. Raises OSError: what the disk said, which FFmpeg may repeat
        in words of its own.
        """
        try:
            yield
        except av.error.FFmpegError as error:
            raise self._failed or OSError(error.errno, error.strerror) from error

    def sync(self) -> None:
        os.fdatasync(self._fd)

    def close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


def part_of(path: Path) -> Path:
    """The name of a file while it is written."""
    return path.with_name(f".{path.name}.part")


def whole_of(part: Path) -> Path | None:
    """The name that a file would have got; None: it is no part of ours."""
    name = part.name
    return part.with_name(name[1:-5]) if name.startswith(".") and name.endswith(".part") else None


def sync_folder(folder: Path) -> None:
    """Have a renamed file outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
