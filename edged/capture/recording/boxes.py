"""Where a fragmented MP4 that was broken off still ends well (ISO/IEC 14496-12, 4.2 and 8.8). Pure."""

from __future__ import annotations

import struct
from typing import BinaryIO

_HEADER = struct.Struct(">I4s")
_LONG = struct.Struct(">Q")


def whole_bytes(file: BinaryIO) -> int:
    """How many bytes from its beginning are whole boxes, the last of them no fragment without its data."""
    total = file.seek(0, 2)
    at = end = 0
    while (step := _box(file, at)) is not None and at + step[0] <= total:
        at += step[0]
        if step[1] != b"moof":
            end = at
    return end


def _box(file: BinaryIO, at: int) -> tuple[int, bytes] | None:
    """Length and type of the box there; None: none is."""
    file.seek(at)
    head = file.read(_HEADER.size + _LONG.size)
    if len(head) < _HEADER.size:
        return None
    length, kind = _HEADER.unpack_from(head)
    if length == 1 and len(head) == _HEADER.size + _LONG.size:
        (length,) = _LONG.unpack_from(head, _HEADER.size)
    return (length, kind) if length >= _HEADER.size else None
