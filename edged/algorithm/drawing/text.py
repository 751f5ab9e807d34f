"""Text on a plate of its own colour, so that it can be read on any picture.

OpenCV 5 brings a font for most of the world's scripts; OpenCV 4 draws ASCII only and puts ``??`` for any
other letter. There accents are taken off, and what then is still not ASCII becomes one ``?`` a letter.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from edged.algorithm.drawing.canvas import Canvas, Plane
from edged.algorithm.drawing.pen import Bgr, Pen, ink_on

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_KNOWS_SCRIPTS = int(cv2.__version__.partition(".")[0]) >= 5
_LONGEST = 48
"""Letters of one line."""
_WITHOUT_ACCENT = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
     "đ": "d", "Đ": "D", "ð": "d", "þ": "th", "ı": "i", "–": "-", "—": "-", "…": "...", "°": " deg"}
)  # fmt: skip
"""Letters that Unicode does not take apart."""


@dataclass(frozen=True, slots=True)
class Plate:
    """Some lines of text and how much room they take."""

    lines: tuple[str, ...]
    width: int
    height: int
    step: int
    """From one line's baseline to the next."""
    ascent: int
    """From the upper edge of the first line to its baseline."""

    @classmethod
    def of(cls, lines: Sequence[str], pen: Pen) -> Plate:
        return _plate_of(tuple(lines), pen)


@functools.lru_cache(maxsize=512)
def _plate_of(lines: tuple[str, ...], pen: Pen) -> Plate:
    shown = tuple(drawable(line) for line in lines)
    ascent, descent = _extent(pen.text_scale, pen.text_px)
    widest = max((_width(line, pen) for line in shown), default=0)
    step = ascent + descent + max(1, pen.margin_px // 3)
    height = ascent + descent + step * (len(shown) - 1) + pen.margin_px
    return Plate(shown, widest + 2 * pen.margin_px, height, step, ascent)


def draw_plate(canvas: Canvas, plate: Plate, corner: tuple[int, int], color: Bgr, pen: Pen) -> None:
    """With its upper left corner at ``corner``, x and y in pixels; it must lie in the picture."""
    canvas.stamp(_letters(plate, pen), corner, color, ink_on(color))


@functools.lru_cache(maxsize=64)
def _letters(plate: Plate, pen: Pen) -> Plane:
    """How much ink is where on it, 0-255; read-only. Kept, as labels stay the same for many pictures."""
    stencil = np.zeros((plate.height, plate.width), dtype=np.uint8)
    baseline = pen.margin_px // 2 + plate.ascent
    for line in plate.lines:
        place = (pen.margin_px, baseline)
        cv2.putText(stencil, line, place, _FONT, pen.text_scale, 255, pen.text_px, cv2.LINE_AA)
        baseline += plate.step
    stencil.flags.writeable = False
    return stencil


def drawable(text: str) -> str:
    """``text`` on one line, cut to a length that fits, in letters that OpenCV's font has."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    if len(line) > _LONGEST:
        line = f"{line[: _LONGEST - 1]}…"
    return line if _KNOWS_SCRIPTS else plain(line)


def plain(text: str) -> str:
    """In ASCII: without accents, and a ``?`` for each letter that has no likeness there."""
    apart = unicodedata.normalize("NFKD", text.translate(_WITHOUT_ACCENT))
    letters = "".join(letter for letter in apart if not unicodedata.combining(letter))
    return letters.encode("ascii", "replace").decode()


def _width(line: str, pen: Pen) -> int:
    (width, _), _ = cv2.getTextSize(line, _FONT, pen.text_scale, pen.text_px)
    return int(width)


@functools.lru_cache(maxsize=64)
def _extent(scale: float, thickness: int) -> tuple[int, int]:
    """How far letters reach above and below their line."""
    if _KNOWS_SCRIPTS:
        (_, above), below = cv2.getTextSize("ÅHgjpqy|", _FONT, scale, thickness)
        return int(above), int(below)
    (_, above), below = cv2.getTextSize("Hg", _FONT, scale, thickness)
    return int(above) + 2 * thickness, int(below)
