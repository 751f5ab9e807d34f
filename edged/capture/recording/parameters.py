"""Parameter sets within a stream of H.264 or HEVC in Annex B (ITU-T H.264 and H.265, Annex B). Pure."""

from __future__ import annotations

import re

_START = re.compile(b"\0\0\1")
_SETS = {"h264": frozenset((7, 8)), "hevc": frozenset((32, 33, 34))}
"""nal_unit_type of SPS and PPS; VPS, SPS and PPS."""
_LOOKED_AT = 4096
"""They stand before the picture, in the first bytes of a packet."""


def parameter_sets(codec: str, data: memoryview | bytes) -> bytes:
    """Those that the packet of a keyframe begins with, each after a start code; empty: none."""
    kinds = _SETS.get(codec)
    head = bytes(data[:_LOOKED_AT])
    if kinds is None or not head.startswith((b"\0\0\1", b"\0\0\0\1")):
        return b""
    found = b""
    starts = [match.end() for match in _START.finditer(head)]
    for begin, following in zip(starts, [*starts[1:], None], strict=True):
        if begin >= len(head):
            break
        kind = head[begin] & 0x1F if codec == "h264" else head[begin] >> 1 & 0x3F
        if kind in kinds:
            if following is None and len(data) > _LOOKED_AT:
                break  # cut off here
            unit = head[begin : None if following is None else following - 3]
            found += b"\0\0\0\1" + unit.rstrip(b"\0")
    return found


def is_annex_b(extradata: bytes | None) -> bool:
    """Whether parameters are kept as in the stream; otherwise they are an avcC or hvcC box, or none."""
    return extradata is not None and extradata.startswith((b"\0\0\1", b"\0\0\0\1"))
