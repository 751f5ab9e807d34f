"""From a frame on the track to the picture that is encoded: scaled, and drawn on only where there is
something to draw.

Nothing is converted that need not be: planes stay planes. Where something is drawn, the picture goes to
BGR and back by one and the same matrix, whatever the source's is: what was not drawn on comes back as it
was, and the stream keeps the source's colours.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.algorithm.color import Color, convert_planes, planes, scale
from edged.algorithm.drawing import cover_masks, draw_scene
from edged.algorithm.trails import Trail
from edged.model.detection import Outcome
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat
from edged.model.scene import Scene
from edged.output.fitting import fit_within

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Painting:
    """One picture, of even width and height."""

    pixels: NDArray[np.uint8]
    """``(frame_bytes,)``: I420 as `format` lays it out."""
    format: FrameFormat
    bgr: NDArray[np.uint8] | None = None
    """The same as ``(height, width, 3)``, where something was drawn on it."""


class Painter:
    """Of one output; belongs to the thread that calls it."""

    def __init__(self, size: tuple[int, int] | None, *, draws: bool) -> None:
        """``size``: the most pixels. ``draws``: something may be drawn, now or later."""
        self._size = size
        self._draws = draws
        self._warned = False

    def paint(
        self,
        pixels: NDArray[np.uint8],
        layout: FrameFormat,
        scene: Scene | None,
        outcome: Outcome,
        trails: Sequence[Trail],
    ) -> Painting:
        """``pixels`` are I420 as ``layout`` says, and only read; the painting may share their memory."""
        pixels, layout = _fitted(pixels, layout, self._size)
        drawn = self._draws and _is_something(scene, outcome)
        turned = self._draws and layout.color_range is ColorRange.FULL
        if not (drawn or turned):
            return Painting(pixels, layout)
        rows = layout.height * 3 // 2
        if turned:  # OpenCV's way there and back is of limited range; all pictures of a stream are of one
            picture = _bgr_of_full(pixels, layout)
            layout = replace(layout, color_range=ColorRange.LIMITED, color_matrix=ColorMatrix.BT601)
        else:
            picture = np.asarray(
                cv2.cvtColor(pixels.reshape(rows, layout.width), cv2.COLOR_YUV2BGR_I420), dtype=np.uint8
            )
        if drawn:
            self._draw(picture, scene, outcome, trails)
        back = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)
        return Painting(back.reshape(-1), layout, picture)

    def _draw(
        self, picture: NDArray[np.uint8], scene: Scene | None, outcome: Outcome, trails: Sequence[Trail]
    ) -> None:
        try:
            draw_scene(picture, scene, outcome, trails)
        except Exception as error:  # noqa: BLE001 — somebody else's boxes and data; the picture is shown
            level = logging.DEBUG if self._warned else logging.WARNING
            self._warned = True
            log.log(level, "not all can be drawn: %s", type(error).__name__)
        finally:
            cover_masks(picture, scene)


def _is_something(scene: Scene | None, outcome: Outcome) -> bool:
    has_scenery = scene is not None and bool(scene.zones or scene.lines)
    return has_scenery or bool(outcome.detections or outcome.data or outcome.counts)


def _fitted(
    pixels: NDArray[np.uint8], layout: FrameFormat, size: tuple[int, int] | None
) -> tuple[NDArray[np.uint8], FrameFormat]:
    """Scaled down where it is too large; an odd row or column is left out."""
    width, height = fit_within(layout.width, layout.height, size)
    if (width, height) == (layout.width, layout.height):
        return pixels, layout
    fitted = replace(layout, width=width, height=height)
    target = np.empty(fitted.frame_bytes, dtype=np.uint8)
    is_odd = (width, height) == (layout.width // 2 * 2, layout.height // 2 * 2)
    for plane, place in zip(planes(pixels, layout), planes(target, fitted), strict=True):
        if is_odd:
            place[:] = plane[: place.shape[0], : place.shape[1]]
        else:
            cv2.resize(plane, place.shape[::-1], dst=place, interpolation=cv2.INTER_AREA)
    return target, fitted


def _bgr_of_full(pixels: NDArray[np.uint8], layout: FrameFormat) -> NDArray[np.uint8]:
    luma, blue, red = planes(pixels, layout)
    wide_blue, wide_red = (scale(plane, layout.width, layout.height) for plane in (blue, red))
    return convert_planes(luma, wide_blue, wide_red, layout, Color.BGR)
