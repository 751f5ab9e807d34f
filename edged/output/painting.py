"""From a frame on the track to the picture that is encoded: scaled, and drawn on only where there is
something to draw.

Nothing is converted: planes stay planes, also where something is drawn on them, so what was not drawn on
stays as it was, and the stream keeps the source's range and matrix.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.algorithm.color import planes
from edged.algorithm.drawing import Canvas, Decal, Sketchbook, cover_masks
from edged.algorithm.trails import Trail
from edged.model.detection import Outcome
from edged.model.frame import FrameFormat
from edged.model.scene import Scene
from edged.output.fitting import fit_within
from edged.output.transfer import Transfer

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Painting:
    """One picture, of even width and height."""

    pixels: NDArray[np.uint8]
    """``(frame_bytes,)``: I420 as `format` lays it out."""
    format: FrameFormat


class Painter:
    """Of one output; belongs to the thread that calls it. What was found is made of JSON, and compared."""

    def __init__(self, size: tuple[int, int] | None, *, draws: bool) -> None:
        """``size``: the most pixels. ``draws``: something may be drawn, now or later."""
        self._size = size
        self._draws = draws
        self._book = Sketchbook()
        self._seen: tuple[Outcome, Sequence[Trail]] = (Outcome(), ())
        self._transfers: tuple[Transfer, ...] = ()
        """Of the decals that were laid on last."""
        self._warned = False

    def paint(
        self,
        pixels: NDArray[np.uint8],
        layout: FrameFormat,
        scene: Scene | None,
        outcome: Outcome,
        trails: Sequence[Trail],
        decals: Sequence[Decal] = (),
    ) -> Painting:
        """``pixels`` are I420 as ``layout`` says, and only read; the painting may share their memory.

        ``decals`` are not empty. They lie over all else, as on snapshots, and below the masks.
        """
        fitted, layout = _fitted(pixels, layout, self._size)
        has_something = _is_something(scene, outcome)
        if self._draws and (has_something or decals):
            if fitted is pixels:
                fitted = pixels.copy()
            if self._seen != (outcome, trails):
                self._seen = (outcome, trails)
            if has_something:
                self._draw(fitted, layout, scene, *self._seen)
            self._lay_on(fitted, layout, scene, decals)
        return Painting(fitted, layout)

    def _draw(
        self,
        pixels: NDArray[np.uint8],
        layout: FrameFormat,
        scene: Scene | None,
        outcome: Outcome,
        trails: Sequence[Trail],
    ) -> None:
        try:
            self._book.draw(planes(pixels, layout), layout, scene, outcome, trails)
        except Exception as error:  # noqa: BLE001 — somebody else's boxes and data; the picture is shown
            level = logging.DEBUG if self._warned else logging.WARNING
            self._warned = True
            log.log(level, "not all can be drawn: %s", type(error).__name__)

    def _lay_on(
        self, pixels: NDArray[np.uint8], layout: FrameFormat, scene: Scene | None, decals: Sequence[Decal]
    ) -> None:
        known = {id(each.decal): each for each in self._transfers if each.layout == layout}
        self._transfers = tuple(known.get(id(each)) or Transfer(each, layout) for each in decals)
        if not decals:
            return
        sides = planes(pixels, layout)
        for transfer in self._transfers:
            transfer.onto(sides)
        cover_masks(Canvas.of_planes(sides, layout), scene)


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
    # up to a half bilinear leaves no pixel out, and takes a fifth of the time of averaging areas
    is_little = layout.width <= 2 * width and layout.height <= 2 * height
    how = cv2.INTER_LINEAR if is_little else cv2.INTER_AREA
    is_odd = (width, height) == (layout.width // 2 * 2, layout.height // 2 * 2)
    for plane, place in zip(planes(pixels, layout), planes(target, fitted), strict=True):
        if is_odd:
            place[:] = plane[: place.shape[0], : place.shape[1]]
        else:
            cv2.resize(plane, place.shape[::-1], dst=place, interpolation=how)
    return target, fitted
