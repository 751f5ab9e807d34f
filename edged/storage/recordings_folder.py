"""The folder of recordings on the disk: what is in it, and the deleting. No link is followed but the folder.

Used from one thread, which may hang with the disk; so nobody waits for it without an end.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edged.model.recordings import RecordedFile, is_below_source, is_source_folder, recognise
from edged.storage.retention import Disk

MOST_FILES = 500_000
"""That are known at once: three years of one camera in minutes. More are not looked at, and it is said."""
_SETTLED_NS = 5_000_000_000
"""A folder that changed so shortly ago may change again without another time of change."""
_GONE = (FileNotFoundError, NotADirectoryError)
"""Since it was listed; or it is a link now."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class _Read:
    """A folder as it was read last."""

    changed_ns: int
    files: tuple[RecordedFile, ...]

    @property
    def is_settled(self) -> bool:
        return not any(file.is_open for file in self.files)


class RecordingsFolder:
    """Remembers folders that did not change: most are days long gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_cut_short = False
        """There are more than `MOST_FILES`."""
        self._known: dict[str, _Read] = {}

    def read(self) -> list[RecordedFile]:
        """All of our files, in no order. A folder that is not there is empty. Raises OSError."""
        known, self._known = self._known, {}
        files: list[RecordedFile] = []
        try:
            root = os.open(self.path, _FOLDER & ~os.O_NOFOLLOW)
        except FileNotFoundError:
            return files
        try:
            for place in self._places(root):
                self._known[place] = read = self._read_one(place, root, known.get(place))
                files.extend(read.files)
                if len(files) > MOST_FILES:
                    break
        finally:
            os.close(root)
        self.is_cut_short = len(files) > MOST_FILES
        return files[:MOST_FILES]

    def delete(self, file: RecordedFile) -> bool:
        """False: it was gone already, or is not what it was. Raises OSError where the disk refuses."""
        source, folder, name = file.path.split("/")
        root = os.open(self.path, _FOLDER & ~os.O_NOFOLLOW)
        try:
            descriptor = _open_below(f"{source}/{folder}", root)
        except _GONE:
            return False
        finally:
            os.close(root)
        try:
            if not stat.S_ISREG(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
                return False
            os.unlink(name, dir_fd=descriptor)
        except FileNotFoundError:
            return False
        finally:
            os.close(descriptor)
        return True

    def remove_empty(self, source: str, folder: str) -> None:
        """A day of which nothing is left; harmless where something is, or comes."""
        with contextlib.suppress(OSError):
            (self.path / source / folder).rmdir()

    def disk(self) -> Disk:
        """That the folder lies on, or will. Raises OSError."""
        there = next(folder for folder in (self.path, *self.path.parents) if folder.exists())
        found = os.statvfs(there)
        return Disk(found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize)

    def _places(self, root: int) -> Iterator[str]:
        """``source/day`` and ``source/clips``, one after the other."""
        for source in sorted(_names(root, is_source_folder)):
            below: list[str] = []
            with contextlib.suppress(*_GONE), _opened(source, root) as descriptor:
                below = _names(descriptor, is_below_source)
            yield from (f"{source}/{folder}" for folder in sorted(below))

    def _read_one(self, place: str, root: int, before: _Read | None) -> _Read:
        with contextlib.suppress(*_GONE), _opened(place, root) as descriptor:
            changed_ns = os.fstat(descriptor).st_mtime_ns
            if before is not None and before.changed_ns == changed_ns and before.is_settled:
                return before
            is_fresh = time.time_ns() - changed_ns < _SETTLED_NS
            return _Read(-1 if is_fresh else changed_ns, tuple(_files(descriptor, *place.split("/"))))
        return _Read(-1, ())


def _names(descriptor: int, is_ours: Callable[[str], bool]) -> list[str]:
    """Of the folders in a folder; links are none."""
    with os.scandir(descriptor) as entries:
        return [
            entry.name for entry in entries if is_ours(entry.name) and entry.is_dir(follow_symlinks=False)
        ]


def _files(descriptor: int, source: str, folder: str) -> Iterator[RecordedFile]:
    with os.scandir(descriptor) as entries:
        for entry in entries:
            candidate = recognise(source, folder, entry.name, 0, 0)
            if candidate is None or not entry.is_file(follow_symlinks=False):
                continue
            with contextlib.suppress(FileNotFoundError):
                found = entry.stat(follow_symlinks=False)
                yield replace(candidate, bytes=found.st_size, changed_ns=found.st_mtime_ns)


def _open_below(path: str, root: int) -> int:
    """Each step without following a link."""
    descriptor = os.dup(root)
    for part in path.split("/"):
        try:
            inner = os.open(part, _FOLDER, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


@contextlib.contextmanager
def _opened(path: str, root: int) -> Iterator[int]:
    descriptor = _open_below(path, root)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
