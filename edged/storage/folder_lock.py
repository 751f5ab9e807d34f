"""Two daemons never share a storage folder: the second one is told which process has it.

flock(2) on a file in the folder: the kernel frees it when its process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from pathlib import Path

_TRY_EVERY_S = 0.05


class FolderTaken(Exception):
    """Another process holds the folder; the message is for people."""


class FolderLock:
    """Blocks; used from one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    def acquire(self, patience_s: float) -> None:
        """Hold it; harmless when we do already. Raises `FolderTaken` after ``patience_s``, or OSError."""
        if self._descriptor is not None:
            return
        path = self._folder / "edged.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._lock(descriptor, time.monotonic() + patience_s)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        with contextlib.suppress(OSError):  # it only names us to others; a full disk must not matter
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _lock(self, descriptor: int, until_s: float) -> None:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if error.errno != errno.EWOULDBLOCK:
                    raise
            if time.monotonic() >= until_s:
                raise FolderTaken(self._words(descriptor))
            time.sleep(_TRY_EVERY_S)

    def _words(self, descriptor: int) -> str:
        owner = os.pread(descriptor, 32, 0).strip()
        which = f" (process {owner.decode()})" if owner.isdigit() else ""
        return (
            f"another edged{which} uses {self._folder}: stop it, or give each its own storage.path "
            "in its configuration"
        )
