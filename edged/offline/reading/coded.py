"""What a packet says of its picture: whether others need it, whether decoding can begin at it. Pure.

Only the few header bits that tell this are read: ITU-T H.264 (7.3.1, 7.4.1, D.1.8), H.265 (7.3.1.2,
7.4.2.2), ISO/IEC 13818-2 (6.2.3) and 14496-2 (6.2.5), RFC 6386 (9.1), the bitstream specifications of
VP9 and AV1. Whatever is not understood counts as needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Entry(Enum):
    """Whether what came before a picture can be left out."""

    NONE = "none"
    CLOSED = "closed"
    """Neither it nor any picture that is sent after it needs anything from before."""
    OPEN = "open"
    """So for it and those shown after it; those that are sent after and shown before it may need more."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A picture as it was sent."""

    reference: bool = True
    """Others may be predicted from it."""
    entry: Entry = Entry.NONE
    keyframe: bool = False
    """What a decoder says of the picture."""
    shown: bool = True
    skipped: bool = False
    """No decoder gives it where decoding began at the `Entry.OPEN` before it (RASL)."""
    parameters: bytes = b""
    """Of what follows, where it tells: when they change, the size of the pictures may."""


class Inspect(Protocol):
    def __call__(self, data: memoryview, *, keyframe: bool) -> Coded | None:
        """A packet's picture. ``keyframe``: its container calls it one. None: it cannot be told."""


_SHORTEST_VOP = 12
"""Bytes; what is shorter may be a picture that is not coded at all."""


def inspector(codec: str, extradata: bytes | None, *, intra_only: bool) -> Inspect | None:
    """For a codec by FFmpeg's canonical name; None: all must be decoded."""
    if intra_only:
        return _intra
    if codec == "h264":
        return _H264(extradata or b"")
    if codec == "hevc":
        return _Hevc(extradata or b"")
    return {
        "mpeg4": _mpeg4,
        "mpeg2video": _mpeg2,
        "mpeg1video": _mpeg2,
        "vp8": _vp8,
        "vp9": _vp9,
        "av1": _av1,
    }.get(codec)


# ---- network abstraction layer units ----


def _units(data: memoryview, length_bytes: int) -> Iterator[memoryview]:
    """After their lengths, or (``length_bytes`` 0) between start codes. Cut off where the data is."""
    if length_bytes == 0:
        yield from _annex_b(data)
        return
    at = 0
    while at + length_bytes < len(data):
        begin = at + length_bytes
        at = begin + int.from_bytes(data[at:begin], "big")
        yield data[begin:at]


def _annex_b(data: memoryview) -> Iterator[memoryview]:
    whole = bytes(data)
    begin = whole.find(b"\0\0\1")
    while begin >= 0:
        end = whole.find(b"\0\0\1", begin + 3)
        yield data[begin + 3 : end if end >= 0 else len(data)]
        begin = end


class _H264:
    def __init__(self, extradata: bytes) -> None:
        is_avcc = len(extradata) > 4 and extradata[0] == 1
        self._length_bytes = (extradata[4] & 3) + 1 if is_avcc else 0

    def __call__(self, data: memoryview, *, keyframe: bool) -> Coded | None:
        reference = idr = slices = False
        recovers: bool | None = None
        parameters = b""
        for unit in _units(data, self._length_bytes):
            kind = unit[0] & 31 if unit else 0
            if 1 <= kind <= 5:
                slices = True
                reference = reference or unit[0] & 0x60 != 0
                idr = idr or kind == 5
            elif kind == 6 and recovers is None:
                recovers = _recovers_at_once(bytes(unit[1:]))
            elif kind == 7:
                parameters += bytes(unit).rstrip(b"\0")
        if recovers is False and not idr:
            return None  # it is refreshed bit by bit, and the keyframe is one that comes later
        entry = Entry.CLOSED if idr else Entry.NONE
        is_key = idr or recovers is True
        return Coded(reference or not slices, entry, is_key, shown=slices, parameters=parameters)


def _recovers_at_once(escaped: bytes) -> bool | None:
    """Whether the pictures are right from this one on, as an SEI message with a recovery point says
    (payload type 6, its ``recovery_frame_cnt`` 0); None: there is none.
    """
    message = escaped.replace(b"\0\0\3", b"\0\0")
    at = 0
    while at + 2 < len(message):
        kind, at = _sei_number(message, at)
        size, at = _sei_number(message, at)
        if kind == 6 and at < len(message):
            return message[at] & 0x80 != 0
        at += size
    return None


def _sei_number(message: bytes, at: int) -> tuple[int, int]:
    """(the number at ``at``, where the next one is)"""
    number = 0
    while at < len(message) and message[at] == 255:
        number += 255
        at += 1
    return number + (message[at] if at < len(message) else 0), at + 1


class _Hevc:
    def __init__(self, extradata: bytes) -> None:
        is_hvcc = len(extradata) > 22 and extradata[0] == 1
        self._length_bytes = (extradata[21] & 3) + 1 if is_hvcc else 0
        self._highest_layer: int | None = None
        for unit in _hvcc_units(extradata) if is_hvcc else _annex_b(memoryview(extradata)):
            self._learn(unit)

    def __call__(self, data: memoryview, *, keyframe: bool) -> Coded | None:
        kinds: list[int] = []
        layer = 0
        parameters = b""
        for unit in _units(data, self._length_bytes):
            if len(unit) < 3:
                continue
            kind = unit[0] >> 1 & 63
            if kind < 32 and not (unit[0] & 1 or unit[1] & 0xF8):  # of the base layer
                kinds.append(kind)
                layer = (unit[1] & 7) - 1
            elif kind == 33:
                parameters += bytes(unit).rstrip(b"\0")
                self._learn(unit)
        if not kinds:
            return Coded(shown=False, parameters=parameters)
        kind = kinds[0]
        lone = kind < 16 and kind % 2 == 0 and self._highest_layer == layer
        irap = 16 <= kind <= 23
        entry = Entry.CLOSED if kind in (19, 20) else Entry.OPEN if irap else Entry.NONE
        return Coded(not lone, entry, irap, skipped=kind in (8, 9), parameters=parameters)

    def _learn(self, unit: memoryview) -> None:
        """Pictures of the highest temporal layer alone are predicted by nobody when they say so."""
        if len(unit) > 2 and unit[0] >> 1 & 63 == 33:
            self._highest_layer = unit[2] >> 1 & 7


def _hvcc_units(extradata: bytes) -> Iterator[memoryview]:
    """ISO/IEC 14496-15, 8.3.3.1."""
    data = memoryview(extradata)
    at = 23
    for _ in range(extradata[22]):
        count = int.from_bytes(data[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            size = int.from_bytes(data[at : at + 2], "big")
            yield data[at + 2 : at + 2 + size]
            at += 2 + size
            if at >= len(data):
                return


# ---- others ----


def _intra(data: memoryview, *, keyframe: bool) -> Coded | None:
    return Coded(reference=False, entry=Entry.CLOSED, keyframe=True)


def _mpeg4(data: memoryview, *, keyframe: bool) -> Coded | None:
    whole = bytes(data)
    at = whole.find(b"\0\0\1\xb6")
    if at < 0 or len(whole) < at + _SHORTEST_VOP or whole.find(b"\0\0\1\xb6", at + 4) >= 0:
        return None
    return _of_type(("I", "P", "B", "S")[whole[at + 4] >> 6], b"")


def _mpeg2(data: memoryview, *, keyframe: bool) -> Coded | None:
    whole = bytes(data)
    at = whole.find(b"\0\0\1\0")
    if at < 0 or len(whole) < at + 6:
        return None
    sequence = whole.find(b"\0\0\1\xb3", 0, at)
    size = whole[sequence + 4 : sequence + 8] if sequence >= 0 else b""
    kind = whole[at + 5] >> 3 & 7
    return _of_type({1: "I", 2: "P", 3: "B"}.get(kind, "P"), size)


def _of_type(kind: str, parameters: bytes) -> Coded:
    entry = Entry.OPEN if kind == "I" else Entry.NONE
    return Coded(kind != "B", entry, kind == "I", parameters=parameters)


def _vp8(data: memoryview, *, keyframe: bool) -> Coded | None:
    if len(data) < 10:
        return None
    key = data[0] & 1 == 0
    shown = data[0] >> 4 & 1 == 1
    entry = Entry.CLOSED if key else Entry.NONE
    return Coded(entry=entry, keyframe=key, shown=shown, parameters=bytes(data[6:10]) if key else b"")


def _vp9(data: memoryview, *, keyframe: bool) -> Coded | None:
    if len(data) < 1 or data[0] >> 6 != 2:
        return None
    bits = data[0] << 1 if data[0] & 0x30 == 0x30 else data[0]  # profile 3 has one bit more
    existing, inter, visible = bits & 8, bits & 4, bits & 2
    several = data[-1] & 0xE0 == 0xC0
    shown = bool(existing or visible or several)
    key = not existing and not inter and len(data) > 10
    if not key:
        return Coded(shown=shown)
    if not visible:
        return None  # a hidden keyframe
    return Coded(entry=Entry.CLOSED, keyframe=True, parameters=bytes(data[4:8]))


def _av1(data: memoryview, *, keyframe: bool) -> Coded | None:
    parameters = b""
    at = 0
    while at < len(data):
        begin, end = _obu(data, at)
        if data[at] >> 3 & 15 == 1:
            parameters += bytes(data[begin:end])
        if end <= at:
            return None
        at = end
    entry = Entry.CLOSED if keyframe else Entry.NONE
    return Coded(entry=entry, keyframe=keyframe, parameters=parameters)


def _obu(data: memoryview, at: int) -> tuple[int, int]:
    """Where the payload of the unit at ``at`` begins and ends."""
    begin = at + (2 if data[at] & 4 else 1)
    if not data[at] & 2:
        return begin, len(data)
    size = shift = 0
    while begin < len(data):
        byte = data[begin]
        begin += 1
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128 or shift > 28:
            break
    return begin, begin + size
