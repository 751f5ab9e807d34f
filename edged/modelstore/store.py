"""Where the models lie that specs bring along: by what is in them, under the names that specs give them.

``FOLDER/<sha256>/people.onnx``. So two revisions may mean two files by one name, and a job that runs keeps
the one that it was loaded with. Nothing here is looked at before it is wanted, and whatever else lies in
the folder is left alone.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

STORE_NAME = ".store"
"""Below ``models`` in the device's storage: model folders are searched for plain names, which it is not."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PARTIAL = re.compile(r"([0-9a-f]{64})\.(?:part|tag)")


@dataclass(frozen=True, slots=True)
class StoredModel:
    """One file of the store."""

    path: Path
    sha256: str
    """That it should have."""
    size_bytes: int


class ModelStore:
    """Touches the disk only where it is said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def below(cls, storage: Path) -> ModelStore:
        """That of a device whose ``storage.path`` this is."""
        return cls(storage / "models" / STORE_NAME)

    def place_of(self, name: str, sha256: str) -> Path:
        """Where a file lies, or will."""
        return self.folder / sha256 / name

    def files(self) -> Iterator[StoredModel]:
        """What is there, whole and verified when it came. Reads the disk."""
        for folder in _entries(self.folder):
            if _SHA256.fullmatch(folder.name) and folder.is_dir():
                for path in _entries(folder):
                    yield StoredModel(path, folder.name, path.stat().st_size)

    def sweep(self, kept: Collection[str]) -> tuple[str, ...]:
        """Delete all but ``kept`` (absolute paths), also what has come in part of other files.

        Returns what was deleted. Raises OSError when the disk refuses.
        """
        hashes = {Path(path).parent.name for path in kept}
        gone: list[str] = []
        for entry in _entries(self.folder):
            partial = _PARTIAL.fullmatch(entry.name)
            if partial is not None and partial[1] not in hashes:
                entry.unlink(missing_ok=True)
            elif _SHA256.fullmatch(entry.name) and entry.is_dir():
                gone += _sweep_one(entry, kept)
        return tuple(gone)


def partial_of(path: Path, sha256: str) -> Path:
    """Where the beginning of a file of the store is kept until all of it is there."""
    return path.parent.parent / f"{sha256}.part"


def _sweep_one(folder: Path, kept: Collection[str]) -> Iterator[str]:
    paths = _entries(folder)
    others = [path for path in paths if str(path) not in kept]
    yield from map(str, others)
    if len(others) == len(paths):
        shutil.rmtree(folder)
        return
    for path in others:
        path.unlink(missing_ok=True)


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(Path(entry.path) for entry in os.scandir(folder))
    except FileNotFoundError:
        return []
