"""What to say of an error in somebody else's code: what it is, and where in their file."""

from __future__ import annotations

import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path

from edged.errors import EdgedError
from edged.model.redact import hide

_LONGEST = 500
_LONGEST_WORD = 100
"""A longer one is cut within."""
_OURS = str(Path(__file__).resolve().parent.parent)
_NOT_THEIRS = (_OURS, *{sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def describe_fault(error: BaseException, hidden: Iterable[str] = ()) -> str:
    """``ValueError: no such camera (counter.py:12)``; what edged itself says, as it says it.

    ``hidden`` are texts that may be secrets: they are left out, whoever put them into the error.
    """
    text = hide(str(error).strip(), hidden)
    if not isinstance(error, EdgedError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
        place = _place(error)
        text = f"{_cut(text, _LONGEST)} ({place})" if place else text
    return _cut(text, 2 * _LONGEST)


def _cut(text: str, longest: int) -> str:
    """``text``, of at most ``longest`` characters: whole words, and ``…`` for what is left out."""
    if len(text) <= longest:
        return text
    kept = text[: longest - 1]
    whole = kept if text[longest - 1].isspace() else kept[: max(map(kept.rfind, " \n")) + 1]
    return f"{whole.rstrip() if len(kept) - len(whole) <= _LONGEST_WORD else kept}…"


def _place(error: BaseException) -> str:
    """``file:line`` of the innermost frame outside edged and the libraries, else of the innermost."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith((*_NOT_THEIRS, "<frozen"))]
    if not frames:
        return ""
    frame = (theirs or frames)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"
