"""Importing one file of a user's, and telling them where it goes wrong."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from edged.errors import AlgorithmError


def import_file(path: Path) -> ModuleType:
    """Import the file at ``path``; raises `AlgorithmError` with file, line and reason, whatever it raises."""
    name = f"edged_algorithms_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise AlgorithmError(f"{path} is no Python file", code="algorithm_failed")
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise AlgorithmError(f"{place_of(error, path)}: {_reason(error)}", code="algorithm_failed") from error
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
        return "stream_infer is not needed here: write `from edged import BaseAlgo`"
    reason = error.msg if isinstance(error, SyntaxError) else str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {reason}" if reason else type(error).__name__
