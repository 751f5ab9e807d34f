"""How a picture is turned before it is shown: phones record lying down and say so.

A display matrix (ISO/IEC 14496-12, 8.2.2) as FFmpeg lays it out: nine 32-bit numbers ``a b u c d v x y w``,
a point (p, q) of the coded picture is shown at (a·p + c·q + x, b·p + d·q + y).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from av import VideoFrame
from av.sidedata.sidedata import SideDataContainer, Type
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Orientation:
    """Quarter turns and mirrors: first rows and columns change places, then each may be turned about."""

    transposed: bool = False
    flips_x: bool = False
    flips_y: bool = False

    def turn(self, plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A view of ``plane`` (rows, columns) as it is shown."""
        turned = plane.T if self.transposed else plane
        return turned[:: -1 if self.flips_y else 1, :: -1 if self.flips_x else 1]


UPRIGHT = Orientation()


def orientation_of(frame: VideoFrame) -> Orientation:
    """As its display matrix says, to the nearest quarter turn."""
    held = cast("SideDataContainer", frame.side_data)
    found = (held[at] for at in range(len(held)))
    matrix = next((data for data in found if data.type == Type.DISPLAYMATRIX), None)
    if matrix is None or matrix.buffer_size < 36:
        return UPRIGHT
    a, b, _, c, d = (int(number) for number in np.frombuffer(memoryview(matrix), np.int32, 5))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(flips_x=a < 0, flips_y=d < 0)
    return Orientation(transposed=True, flips_x=c < 0, flips_y=b < 0)
