"""Importing one file of a user's, and telling them where it goes wrong."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from edged.errors import AlgorithmError


def import_file(path: Path, package: str | None = None) -> ModuleType:
    """Import the file at ``path``, from an installed ``package`` or else as a module of its own.

    Raises `AlgorithmError` with file, line and reason, whatever the file raises.
    """
    try:
        if package is not None:
            return importlib.import_module(f"{package}.{path.stem}")
        return _import_alone(path)
    except (Exception, SystemExit) as error:
        raise AlgorithmError(f"{place_of(error, path)}: {_reason(error)}", code="algorithm_failed") from error


def _import_alone(path: Path) -> ModuleType:
    name = f"edged_algorithms_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def place_of(error: BaseException, path: Path) -> str:
    """``file:line`` in the user's file where ``error`` came about, as near as can be told."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno or 0}"
    lines = [
        entry.lineno for entry in traceback.extract_tb(error.__traceback__) if entry.filename == str(path)
    ]
    return f"{path}:{lines[-1]}" if lines and lines[-1] else str(path)


def _reason(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == "stream_infer":
        return (
            "stream_infer is not needed here: write `from edged import BaseAlgo`, and for its logger"
            " `import logging; logger = logging.getLogger(__name__)`"
        )
    reason = error.msg if isinstance(error, SyntaxError) else str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__
