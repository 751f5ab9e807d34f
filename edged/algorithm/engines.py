"""The cache of what execution providers build of models: engines, which take minutes and are kept on disk.

One folder for each (model's content, provider, its options), below one for the version of ONNX Runtime::

    engines/1.24.1/openvino-yolox_nano_416-1f0c2a9b3d4e-5f607182/…

Whoever builds holds the folder's lock, so two that need the same engine build it once. What belongs to
another version of ONNX Runtime or to an earlier content of the same file is removed when something new is
built, and beyond `MOST_BYTES` what was not used for longest.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edged.algorithm.onnx_file import NotOnnx, read_onnx
from edged.model.providers import Candidate

_log = logging.getLogger(__name__)

MOST_BYTES = 2 << 30
"""Of all engines together."""
_LOCK = ".lock"
_OF = ".of"
"""Names the model's file that the engine was built of."""
_OURS = (_LOCK, _OF)


@dataclass(frozen=True, slots=True)
class EngineCache:
    """Of one daemon, or one user. Processes share it."""

    folder: Path
    runtime_version: str

    def place(self, model: Path, candidate: Candidate) -> Path:
        """The folder of a model's engine; it need not be there. Reads the whole model. Raises OSError."""
        options = repr((sorted(candidate.options.items()), candidate.cache_options))
        name = (
            f"{candidate.provider}-{model.stem[:64]}-{_digest(_content(model))[:12]}-{_digest(options)[:8]}"
        )
        return self.folder / self.runtime_version / name

    @contextlib.contextmanager
    def held(self, place: Path, model: Path) -> Iterator[None]:
        """Make the folder, and be the only one to use it; waits for whoever is. Raises OSError."""
        _make(place, self.folder)
        descriptor = os.open(place / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            (place / _OF).write_text(str(model), encoding="utf-8")
            os.utime(place)
            yield
        finally:
            os.close(descriptor)

    def clean(self, keep: Path) -> None:
        """Remove what is of no use any more, and what is too much; ``keep`` stays. Never raises."""
        for other in _entries(self.folder):
            if other.name != self.runtime_version:
                _remove(other, "of another ONNX Runtime")
        room = MOST_BYTES - _size(keep)
        others = (place for place in _entries(keep.parent) if place != keep and not is_held(place))
        for place in sorted(others, key=_used_at, reverse=True):
            room -= _size(place)
            if _is_outdated(place, keep):
                _remove(place, "its model has changed")
            elif room < 0:
                _remove(place, "the cache is full")


def is_built(place: Path) -> bool:
    """Whether an engine lies there."""
    return any(entry.name not in _OURS for entry in _entries(place))


def is_held(place: Path) -> bool:
    """Whether somebody uses the folder just now."""
    try:
        descriptor = os.open(place / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def forget(place: Path) -> None:
    """Remove an engine that does not load: a power cut may have left half of one."""
    for entry in _entries(place):
        if entry.name not in _OURS:
            _remove(entry, "it does not load")


def _content(model: Path) -> str:
    """The model's content; of weights in files beside it, which may be gigabytes, size and time."""
    with model.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with contextlib.suppress(NotOnnx):
        for path in read_onnx(model).weight_files:
            with contextlib.suppress(OSError):
                found = path.stat()
                digest += f" {path.name} {found.st_size} {found.st_mtime_ns}"
    return digest


def _make(place: Path, root: Path) -> None:
    """Make the folder. What root makes, by `edged check`, belongs to whom the storage belongs, which must be
    there: else a daemon that is another user's could not write.
    """
    for folder in (root, place.parent, place):
        if folder.is_dir():
            continue
        folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            owner = folder.parent.stat()
            os.chown(folder, owner.st_uid, owner.st_gid)


def _is_outdated(place: Path, keep: Path) -> bool:
    """Whether it is of the same file and provider as ``keep``, and of another content."""
    (mine, content, _), (kept, now, _) = _parts(place), _parts(keep)
    if mine != kept or content == now:
        return False
    with contextlib.suppress(OSError):
        return (place / _OF).read_bytes() == (keep / _OF).read_bytes()
    return False


def _parts(place: Path) -> tuple[str, str, str]:
    """Provider and model; its content; the options."""
    name, _, options = place.name.rpartition("-")
    name, _, content = name.rpartition("-")
    return name, content, options


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _entries(folder: Path) -> tuple[Path, ...]:
    with contextlib.suppress(OSError):
        return tuple(folder.iterdir())
    return ()


def _used_at(place: Path) -> float:
    with contextlib.suppress(OSError):
        return place.stat().st_mtime
    return 0.0


def _size(place: Path) -> int:
    total = 0
    for path in place.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def _remove(path: Path, reason: str) -> None:
    _log.info("removing the engine %s: %s", path.name, reason)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
