"""SHA-256 of files, read in pieces, so that whoever watches sees that it goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

_PIECE_BYTES = 1 << 20


def sha256_of(path: Path, on_piece: Callable[[], None] = lambda: None) -> str:
    """64 lower-case hex digits. ``on_piece`` is called for each MiB. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            on_piece()
    return digest.hexdigest()
