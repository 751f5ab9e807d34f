"""Detections on a picture, for people: legible at any size and to any eye.

Colours are Okabe and Ito's, which the colour-blind tell apart (https://jfly.uni-koeln.de/color/).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.model.detection import Detection

_Color: TypeAlias = tuple[int, int, int]

_PALETTE: tuple[_Color, ...] = (
    (0, 159, 230), (233, 180, 86), (115, 158, 0), (66, 228, 240), (167, 121, 204), (0, 94, 213),
    (178, 114, 0),
)  # fmt: skip
"""BGR: orange, sky blue, green, yellow, purple, vermilion, blue."""
_DARK: _Color = (24, 24, 24)
_LIGHT: _Color = (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_PX = 22.0
"""Height of a capital letter of the font at scale 1."""


@dataclass(frozen=True, slots=True)
class _Pen:
    """Sizes that fit the picture."""

    line_px: int
    text_scale: float
    text_px: int
    margin_px: int

    @classmethod
    def for_picture(cls, picture: NDArray[np.uint8]) -> _Pen:
        height, width = picture.shape[:2]
        side = (height * width) ** 0.5
        letter = min(max(side / 85, 8.0), side / 12)
        return cls(
            line_px=max(1, round(side / 400)),
            text_scale=letter / _FONT_PX,
            text_px=max(1, round(letter / 9)),
            margin_px=max(2, round(letter / 2.5)),
        )


def draw_detections(picture: NDArray[np.uint8], detections: Sequence[Detection]) -> None:
    """Draw boxes, keypoints and labels on ``picture``, BGR ``(height, width, 3)``, in place.

    The best detections are drawn last, so theirs are the labels that can be read in a crowd.
    """
    pen = _Pen.for_picture(picture)
    ranked = sorted(detections, key=lambda found: found.score)
    for found in ranked:
        _draw_box(picture, found, pen)
    for found in ranked:
        _draw_label(picture, found, pen)


def color_of(found: Detection) -> _Color:
    """The BGR colour of a detection's label: the same everywhere and at every start."""
    number = found.label_id if found.label_id is not None else zlib.crc32(found.label.encode())
    return _PALETTE[number % len(_PALETTE)]


def _draw_box(picture: NDArray[np.uint8], found: Detection, pen: _Pen) -> None:
    left, top, right, bottom = _pixels(picture, found)
    edge = pen.line_px + 2 * max(1, pen.line_px // 2)
    cv2.rectangle(picture, (left, top), (right, bottom), _DARK, edge, cv2.LINE_AA)
    cv2.rectangle(picture, (left, top), (right, bottom), color_of(found), pen.line_px, cv2.LINE_AA)
    height, width = picture.shape[:2]
    for x, y, score in found.keypoints:
        if score > 0:
            center = (round(x * width), round(y * height))
            cv2.circle(picture, center, 2 * pen.line_px + 1, _DARK, -1, cv2.LINE_AA)
            cv2.circle(picture, center, 2 * pen.line_px, color_of(found), -1, cv2.LINE_AA)


def _draw_label(picture: NDArray[np.uint8], found: Detection, pen: _Pen) -> None:
    """Above the box where there is room, else inside it; never outside the picture."""
    left, top, _, _ = _pixels(picture, found)
    text = _text(found)
    (text_width, text_height), descent = cv2.getTextSize(text, _FONT, pen.text_scale, pen.text_px)
    width = text_width + 2 * pen.margin_px
    height = text_height + descent + pen.margin_px
    x = max(0, min(left - pen.line_px // 2, picture.shape[1] - width))
    y = top - height if top >= height else min(top, picture.shape[0] - height)
    y = max(0, y)
    color = color_of(found)
    cv2.rectangle(picture, (x, y), (x + width, y + height), color, -1)
    baseline = (x + pen.margin_px, y + height - descent - pen.margin_px // 2)
    ink = _ink_on(color)
    cv2.putText(picture, text, baseline, _FONT, pen.text_scale, ink, pen.text_px, cv2.LINE_AA)


def _text(found: Detection) -> str:
    name = found.label if found.track_id is None else f"{found.label} {found.track_id}"
    return f"{name} {found.score:.0%}".strip()


def _pixels(picture: NDArray[np.uint8], found: Detection) -> tuple[int, int, int, int]:
    height, width = picture.shape[:2]
    x_min, y_min, x_max, y_max = found.box
    right, bottom = min(round(x_max * width), width - 1), min(round(y_max * height), height - 1)
    return min(round(x_min * width), right), min(round(y_min * height), bottom), right, bottom


def _ink_on(color: _Color) -> _Color:
    """Dark or light, whichever stands out more from ``color`` (luma of BT.601)."""
    blue, green, red = color
    return _DARK if 0.114 * blue + 0.587 * green + 0.299 * red > 120 else _LIGHT
