"""A small file that is replaced whole: before and after a power cut it is the old one or the new one."""

from __future__ import annotations

import os
from pathlib import Path


class WholeFile:
    """Blocks on the disk: call it from `Database.background`. One writer at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes | None:
        """What was written last. None: there is no such file. Raises OSError."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None

    def write(self, content: bytes) -> None:
        """On the disk when it returns, only for its owner to read. Raises OSError; then the old one stands.

        Temporary file in the same folder, fsync, rename, fsync of the folder. The temporary name is always
        the same, so that kills leave one such file behind at most.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_name(f".{self.path.name}.new")
        try:
            _write(temporary, content)
            temporary.replace(self.path)
        except OSError:
            temporary.unlink(missing_ok=True)  # on a full disk its bytes are wanted back
            raise
        _sync_folder(self.path.parent)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
