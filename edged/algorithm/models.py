"""Where a model's file is: bare names are looked up in the device's model folders."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from edged.errors import AlgorithmError
from edged.model.redact import redact_url

_MOST_NAMED = 12


def find_model(
    name: str,
    folders: Sequence[Path],
    suffix: str = ".onnx",
    *,
    files: Sequence[str] | None = None,
    brought: Mapping[str, str] | None = None,
) -> Path:
    """Find a file by the ``name`` that a spec gives: in the first folder that has it, or an absolute path.

    ``files`` are the only absolute paths that may lead elsewhere than into the folders; None: all may.
    ``brought``: names that mean one file each, by absolute path, and are not looked up in the folders.
    Returns the resolved path. Raises `AlgorithmError`, ``model_not_found``, with the nearest names,
    or ``not_allowed`` for a path that leads out of the folders and must not, also by a link.
    """
    if not name:
        raise AlgorithmError("no model is named: give the name of an .onnx file", code="model_not_found")
    if brought and name in brought:
        return _brought(name, Path(brought[name]))
    given = Path(name)
    if given.is_absolute():
        if files is not None and name not in files:
            _check_within(folders, given)
        if given.is_file():
            return given.resolve()
        raise AlgorithmError(f"there is no file {name}", code="model_not_found")
    if ".." in given.parts:
        raise AlgorithmError(f"{redact_url(name)!r} leads out of the model folders", code="not_allowed")
    for folder in folders:
        if (folder / given).is_file():
            return _within(folders, folder / given, name)
    raise AlgorithmError(_missing(redact_url(name), folders, suffix), code="model_not_found")


def _brought(name: str, path: Path) -> Path:
    if path.is_file():
        return path.resolve()
    message = f"{name!r}, which spec.models brings, is not on this device yet"
    raise AlgorithmError(message, code="model_not_found")


def _within(folders: Sequence[Path], found: Path, name: str) -> Path:
    """``found`` with its links followed; they may lead to another of the folders."""
    path = found.resolve()
    if _is_within(folders, path):
        return path
    mend = "add the folder that it leads to to `models:`, or give its absolute path"
    raise AlgorithmError(f"{name!r} leads out of the model folders, by a link: {mend}", code="not_allowed")


def _check_within(folders: Sequence[Path], given: Path) -> None:
    """Whether there is such a file is not told."""
    if not _is_within(folders, given.resolve()):
        where = ", ".join(map(str, folders)) or "none is set"
        message = (
            f"{str(given)!r} lies outside the model folders ({where}): a spec from MQTT names files in them,"
            " as x.onnx"
        )
        raise AlgorithmError(message, code="not_allowed")


def _is_within(folders: Sequence[Path], path: Path) -> bool:
    return any(path.is_relative_to(folder.resolve()) for folder in folders)


def _missing(name: str, folders: Sequence[Path], suffix: str) -> str:
    if not folders:
        return f"there is no {name!r}: no model folders are set (`models:` in the settings)"
    where = ", ".join(str(folder) for folder in folders)
    there = sorted({path.name for folder in folders if folder.is_dir() for path in folder.glob(f"*{suffix}")})
    near = difflib.get_close_matches(name, there, n=1, cutoff=0.5)
    if near:
        return f"there is no {name!r} in {where}: did you mean {near[0]!r}?"
    if not there:
        return f"there is no {name!r}: no {suffix} file lies in {where}"
    more = ", …" if len(there) > _MOST_NAMED else ""
    return f"there is no {name!r} in {where}; there are {', '.join(there[:_MOST_NAMED])}{more}"
