"""What is known of a frame besides its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from edged.types import MonotonicNs, PtsUs, WallNs


class ColorRange(IntEnum):
    """ITU-T H.273 VideoFullRangeFlag, in FFmpeg's numbering (AVColorRange)."""

    LIMITED = 1
    FULL = 2


class ColorMatrix(IntEnum):
    """ITU-T H.273 MatrixCoefficients, those that cameras use."""

    BT709 = 1
    BT601 = 6
    BT2020 = 9


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """The layout of a planar YUV 4:2:0 (I420) picture in contiguous bytes: Y, then U, then V.

    Planes are addressed by bytes: with an odd half height the chroma planes do not end at whole
    rows of the Y width.
    """

    width: int
    height: int
    color_range: ColorRange = ColorRange.LIMITED
    color_matrix: ColorMatrix = ColorMatrix.BT601

    @property
    def chroma_width(self) -> int:
        return (self.width + 1) // 2

    @property
    def chroma_height(self) -> int:
        return (self.height + 1) // 2

    @property
    def y_bytes(self) -> int:
        return self.width * self.height

    @property
    def chroma_bytes(self) -> int:
        """Bytes of one of the two chroma planes."""
        return self.chroma_width * self.chroma_height

    @property
    def frame_bytes(self) -> int:
        return self.y_bytes + 2 * self.chroma_bytes


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """One frame of a source, as every process that meets it sees it.

    ``index`` and ``pts_us`` rise over epochs, reconnects and replaced captures. The schedule needs
    no more than these numbers, so any process that holds a header comes to the same answer.
    """

    epoch: int
    """Counts the stretches of the source without a break, from 1."""
    index: int
    """Counts the frames of the source after its ``fps`` cap, from 0."""
    key_index: int
    """Counts its keyframes, from 0."""
    pts_us: PtsUs
    t0_us: PtsUs
    """pts of the first frame of the epoch."""
    first_index: int
    """index of the first frame of the epoch."""
    first_key_index: int
    previous_us: PtsUs | None
    """pts of frame ``index - 1``; None for the first of the epoch."""
    previous_key_us: PtsUs | None
    """pts of the keyframe before this frame; None when there is none in the epoch."""
    keyframe: bool
    captured_ns: MonotonicNs
    """When it arrived (live) or was due (paced file)."""
    captured_wall_ns: WallNs
    format: FrameFormat
