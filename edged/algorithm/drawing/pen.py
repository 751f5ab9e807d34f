"""Sizes and colours that fit a picture.

Colours are Okabe and Ito's, which the colour-blind tell apart (https://jfly.uni-koeln.de/color/). What
was found has a colour; what people drew on the scene, zones and lines, is white on dark.
"""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from edged.model.detection import Detection

BgrPicture: TypeAlias = NDArray[np.uint8]
"""``(height, width, 3)``."""
Bgr: TypeAlias = tuple[int, int, int]

PALETTE: tuple[Bgr, ...] = (
    (0, 159, 230), (233, 180, 86), (115, 158, 0), (66, 228, 240), (167, 121, 204), (0, 94, 213),
    (178, 114, 0),
)  # fmt: skip
"""Orange, sky blue, green, yellow, purple, vermilion, blue."""
BLACK: Bgr = (0, 0, 0)
DARK: Bgr = (24, 24, 24)
LIGHT: Bgr = (255, 255, 255)

_FONT_PX = 22.0
"""Height of a capital letter of the font at scale 1."""
_SMALLEST_LETTER_PX = 8.0
"""Below it nobody reads anything, however small the picture is."""


@dataclass(frozen=True, slots=True)
class Pen:
    """Sizes in pixels of one picture."""

    line_px: int
    halo_px: int
    """A dark line below a coloured one is so wide: one of the two stands out from any picture."""
    letter_px: float
    """Height of a capital letter."""
    text_scale: float
    text_px: int
    margin_px: int
    """Around text."""

    @classmethod
    def of(cls, width_px: int, height_px: int) -> Pen:
        """For a picture of that size."""
        side = (height_px * width_px) ** 0.5
        letter = max(side / 85, _SMALLEST_LETTER_PX)
        line = max(1, round(side / 400 + 0.6))
        return cls(
            line_px=line,
            halo_px=line + 2 * max(1, line // 3),
            letter_px=letter,
            text_scale=letter / _FONT_PX,
            text_px=max(1, round(letter / 9)),
            margin_px=max(2, round(letter / 2.5)),
        )


def color_of(found: Detection) -> Bgr:
    """The colour of its track, or else of its label: the same in every picture and at every start."""
    if found.track_id is not None:
        return color_of_track(found.track_id)
    number = found.label_id if found.label_id is not None else zlib.crc32(found.label.encode())
    return PALETTE[number % len(PALETTE)]


def color_of_track(track_id: int) -> Bgr:
    return PALETTE[track_id % len(PALETTE)]


@functools.lru_cache(maxsize=64)
def ink_on(color: Bgr) -> Bgr:
    """Dark or light, whichever stands out more from ``color`` (contrast ratio of WCAG 2.1)."""
    brightness = _luminance(color)
    on_dark = (brightness + 0.05) / (_luminance(DARK) + 0.05)
    on_light = (_luminance(LIGHT) + 0.05) / (brightness + 0.05)
    return DARK if on_dark > on_light else LIGHT


def _luminance(color: Bgr) -> float:
    """Relative luminance of an sRGB colour, 0-1 (WCAG 2.1)."""
    shares = (value / 255 for value in color)
    blue, green, red = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.0722 * blue + 0.7152 * green + 0.2126 * red
