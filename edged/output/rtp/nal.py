"""The NAL units of an H.264 access unit (ITU-T H.264, annex B)."""

from __future__ import annotations

from dataclasses import dataclass

SPS = 7
PPS = 8


def nal_type(nal: bytes) -> int:
    """Of a unit that is not empty: 1 a slice, 5 a slice of an IDR picture, 7 SPS, 8 PPS."""
    return nal[0] & 0x1F


def split_annex_b(access_unit: bytes) -> list[bytes]:
    """The NAL units between the start codes, without them; empty ones are left out.

    No NAL unit ends with a zero byte, so the zeros before a start code belong to that.
    """
    parts = access_unit.split(b"\0\0\1")[1:]
    return [nal for part in parts if (nal := part.rstrip(b"\0"))]


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """What a decoder needs before its first picture, without start codes."""

    sps: bytes
    pps: bytes

    @classmethod
    def among(cls, nals: list[bytes]) -> ParameterSets | None:
        """The first of each, if both are there."""
        sps = next((nal for nal in nals if nal_type(nal) == SPS), b"")
        pps = next((nal for nal in nals if nal_type(nal) == PPS), b"")
        return cls(sps, pps) if len(sps) >= 4 and pps else None
