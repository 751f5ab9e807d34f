"""Where everything lies in a frame track's memory: pure, so that main, capture and workers agree.

Native byte order, 64-bit words::

    0       track header, 128 bytes: magic, version, slots, width, height, colour range, colour
            matrix, bytes in all
    128     a header of 128 bytes for each slot: state, then the words of its frame's `FrameHeader`
    (page)  pixels: one page-aligned place for each slot, I420 as `FrameFormat` lays it out

A slot's state is ``index + 1`` of the frame it holds, and 0 while it holds none: the one word that
says both whether the rest is worth reading and which frame it is.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from edged.errors import TrackError
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat, FrameHeader
from edged.types import MonotonicNs, PtsUs, WallNs

PAGE_BYTES = 4096
"""Alignment of pixels; a fixed number, so that the layout depends on nothing but its arguments."""
HEADER_BYTES = 128
"""Of the track's header and of each slot's: two cache lines."""
HEADER_WORDS = HEADER_BYTES // 8
MAX_SIDE_PX = 65_535
MAX_SLOTS = 65_535

STATE, INDEX_WORD, KEY_WORD, KEYFRAME_WORD = 0, 2, 3, 10
"""Places of the words of a slot's header that readers scan."""

_MAGIC = int.from_bytes(b"edged-ft", "little")
_VERSION = 1
_TRACK_WORDS = struct.Struct("@8q")
_SLOT_WORDS = struct.Struct("@16q")
_FRAME_WORDS = struct.Struct("@15q")
_NEVER = -(2**63)
"""Stands for None in `FrameHeader.previous_us` and `previous_key_us`."""


@dataclass(frozen=True, slots=True)
class TrackLayout:
    """Offsets, in bytes, of a track of ``slots`` frames of one format.

    Raises TrackError for sizes no track can have: a side below 1 or above 65535 pixels, no slots.
    """

    format: FrameFormat
    slots: int

    def __post_init__(self) -> None:
        sides = (self.format.width, self.format.height)
        if not all(1 <= side <= MAX_SIDE_PX for side in sides) or not 1 <= self.slots <= MAX_SLOTS:
            size = f"{self.slots} slots of {self.format.width}x{self.format.height}"
            raise TrackError(f"a frame track of {size} cannot be: slots and sides are 1 to {MAX_SIDE_PX}")

    @property
    def pixels_at(self) -> int:
        """Where the pixels of slot 0 begin."""
        return _whole_pages(HEADER_BYTES * (1 + self.slots))

    @property
    def stride(self) -> int:
        """Bytes from the pixels of one slot to those of the next."""
        return _whole_pages(self.format.frame_bytes)

    @property
    def total_bytes(self) -> int:
        return self.pixels_at + self.slots * self.stride

    def header_at(self, slot: int) -> int:
        """Where the header of ``slot`` begins; its first byte is also what the slot's lock covers."""
        return HEADER_BYTES * (1 + slot)

    def slot_pixels_at(self, slot: int) -> int:
        return self.pixels_at + slot * self.stride

    def track_header(self) -> bytes:
        """What the memory of such a track begins with: equal bytes mean the same track."""
        shape = (self.slots, self.format.width, self.format.height)
        color = (self.format.color_range, self.format.color_matrix)
        return _TRACK_WORDS.pack(_MAGIC, _VERSION, *shape, *color, self.total_bytes)


def pack_frame(header: FrameHeader, into: memoryview, at: int) -> None:
    """Write everything but the state of a slot's header; ``at`` is `TrackLayout.header_at`."""
    _FRAME_WORDS.pack_into(
        into,
        at + 8,
        header.epoch,
        header.index,
        header.key_index,
        header.pts_us,
        header.t0_us,
        header.first_index,
        header.first_key_index,
        _NEVER if header.previous_us is None else header.previous_us,
        _NEVER if header.previous_key_us is None else header.previous_key_us,
        header.keyframe,
        header.captured_ns,
        header.captured_wall_ns,
        header.format.width << 32 | header.format.height,
        header.format.color_range,
        header.format.color_matrix,
    )


def unpack_frame(memory: memoryview, at: int, track_format: FrameFormat) -> FrameHeader | None:
    """The frame whose header stands at ``at``; None: the slot holds no frame.

    ``track_format`` is given back as it is for a frame in it, which nearly all are.
    """
    words = _SLOT_WORDS.unpack_from(memory, at)
    if not words[STATE]:
        return None
    return FrameHeader(
        epoch=words[1],
        index=words[INDEX_WORD],
        key_index=words[KEY_WORD],
        pts_us=PtsUs(words[4]),
        t0_us=PtsUs(words[5]),
        first_index=words[6],
        first_key_index=words[7],
        previous_us=None if words[8] == _NEVER else PtsUs(words[8]),
        previous_key_us=None if words[9] == _NEVER else PtsUs(words[9]),
        keyframe=bool(words[KEYFRAME_WORD]),
        captured_ns=MonotonicNs(words[11]),
        captured_wall_ns=WallNs(words[12]),
        format=_format(words[13], words[14], words[15], track_format),
    )


def _format(size: int, color_range: int, color_matrix: int, usual: FrameFormat) -> FrameFormat:
    if (
        size == usual.width << 32 | usual.height
        and color_range == usual.color_range
        and color_matrix == usual.color_matrix
    ):
        return usual
    return FrameFormat(size >> 32, size & 0xFFFFFFFF, ColorRange(color_range), ColorMatrix(color_matrix))


def _whole_pages(size: int) -> int:
    return -(-size // PAGE_BYTES) * PAGE_BYTES
