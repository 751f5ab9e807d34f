"""Parameter sets within a stream of H.264 or HEVC in Annex B (ITU-T H.264 and H.265, Annex B). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_START = re.compile(b"\0\0\1")
_SETS = {"h264": frozenset((7, 8)), "hevc": frozenset((32, 33, 34))}
"""nal_unit_type of SPS and PPS; VPS, SPS and PPS."""
_OF_A_FILE = {"h264": frozenset((7,)), "hevc": frozenset((32, 33, 34))}
"""Those that one file has one of. A PPS of H.264 may change with any picture, and stays in the stream."""
_LOOKED_AT = 4096
"""They stand before the picture, in the first bytes of a packet."""


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """As they came, in Annex B."""

    data: bytes = b""
    """Each after a start code; empty: there are none."""
    of_file: tuple[bytes, ...] = ()
    """Another one of these is another file; each is here once, however often it came."""

    def has_all_of(self, found: ParameterSets) -> bool:
        """Whether what was found is known: cameras and servers repeat all, or some, as they like."""
        return set(found.of_file) <= set(self.of_file)


def parameter_sets(codec: str, data: memoryview | bytes) -> ParameterSets:
    """Those that the packet of a keyframe begins with, or that are known of a stream."""
    head = bytes(data[:_LOOKED_AT])
    if codec not in _SETS or not is_annex_b(head):
        return ParameterSets()
    starts = [match.end() for match in _START.finditer(head)]
    ends = [begin - 3 for begin in starts[1:]]
    if len(data) <= _LOOKED_AT:
        ends.append(len(head))  # else the last one may go on
    found: dict[bytes, None] = {}
    of_file: dict[bytes, None] = {}
    for begin, end in zip(starts, ends, strict=False):
        unit = head[begin:end].rstrip(b"\0")
        kind = _kind(codec, unit)
        if kind in _SETS[codec]:
            found[unit] = None
        if kind in _OF_A_FILE[codec]:
            of_file[unit] = None
    return ParameterSets(b"".join(b"\0\0\0\1" + unit for unit in found), tuple(of_file))


def is_annex_b(data: bytes | None) -> bool:
    """Whether units stand after start codes; else with their lengths, or (extradata) in a box."""
    return data is not None and data.startswith((b"\0\0\1", b"\0\0\0\1"))


def _kind(codec: str, unit: bytes) -> int:
    if not unit:
        return -1
    return unit[0] & 0x1F if codec == "h264" else unit[0] >> 1 & 0x3F
