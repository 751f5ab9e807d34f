"""Pictures of frames: plain ones are left as they are, masks stay black, colours stay true."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edged.algorithm.color import bgr_from_i420, planes
from edged.model.detection import Detection, Outcome
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat
from edged.model.scene import Scene
from edged.output.painting import Painter

SQUARE = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
BOX = Outcome((Detection((0.1, 0.1, 0.9, 0.9), 0.9, "car", track_id=3),))


def gradient(layout: FrameFormat) -> NDArray[np.uint8]:
    """Colours that 8 bits can say, in the range of the format."""
    pixels = np.empty(layout.frame_bytes, dtype=np.uint8)
    luma, blue, red = planes(pixels, layout)
    luma[:] = np.linspace(60, 180, layout.width).astype(np.uint8)
    blue[:], red[:] = 120, 135
    return pixels


def test_nothing_is_copied_where_nothing_is_drawn() -> None:
    layout = FrameFormat(64, 48, ColorRange.LIMITED, ColorMatrix.BT709)
    pixels = gradient(layout)
    for painter in (Painter(None, draws=True), Painter(None, draws=False)):
        painting = painter.paint(pixels, layout, Scene(masks={"m": SQUARE}), Outcome(), ())
        assert painting.pixels is pixels
        assert painting.format == layout


@pytest.mark.parametrize("matrix", ColorMatrix)
@pytest.mark.parametrize("color_range", ColorRange)
def test_what_was_not_drawn_on_comes_back_as_it_was(matrix: ColorMatrix, color_range: ColorRange) -> None:
    layout = FrameFormat(320, 240, color_range, matrix)
    pixels = gradient(layout)
    scene = Scene(zones={"z": ((0.6, 0.6), (0.9, 0.6), (0.9, 0.9))})
    painting = Painter(None, draws=True).paint(pixels, layout, scene, Outcome(), ())
    before = bgr_from_i420(pixels, layout).astype(int)
    after = bgr_from_i420(painting.pixels, painting.format).astype(int)
    assert np.abs(before - after)[:120, :160].max() <= 6
    assert np.abs(before - after)[140:220, 180:300].max() > 60, "the zone is there"


def test_all_pictures_of_a_stream_have_one_format() -> None:
    layout = FrameFormat(64, 48, ColorRange.FULL, ColorMatrix.BT709)
    painter = Painter(None, draws=True)
    plain = painter.paint(gradient(layout), layout, None, Outcome(), ())
    drawn = painter.paint(gradient(layout), layout, None, BOX, ())
    assert plain.format == drawn.format


@pytest.mark.parametrize("size", [None, (160, 120)])
def test_masks_are_black_whatever_is_drawn_there(size: tuple[int, int] | None) -> None:
    layout = FrameFormat(320, 240)
    mask = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5))
    painting = Painter(size, draws=True).paint(gradient(layout), layout, Scene(masks={"m": mask}), BOX, ())
    luma, blue, red = planes(painting.pixels, painting.format)
    height, width = luma.shape
    assert (luma[: height // 2, : width // 2] == 16).all()
    assert (blue[: height // 4, : width // 4] == 128).all()
    assert (red[: height // 4, : width // 4] == 128).all()
    assert luma[height // 2 + 2 :].max() > 60


def test_odd_sizes_lose_a_row_and_a_column_and_large_ones_are_scaled() -> None:
    layout = FrameFormat(641, 481)
    painting = Painter(None, draws=False).paint(gradient(layout), layout, None, Outcome(), ())
    assert (painting.format.width, painting.format.height) == (640, 480)
    assert (
        planes(painting.pixels, painting.format)[0] == planes(gradient(layout), layout)[0][:480, :640]
    ).all()
    scaled = Painter((320, 320), draws=True).paint(gradient(layout), layout, None, BOX, ())
    assert (scaled.format.width, scaled.format.height) == (320, 240)
    assert scaled.pixels.shape == (scaled.format.frame_bytes,)


def test_boxes_that_cannot_be_drawn_do_not_cost_the_picture() -> None:
    layout = FrameFormat(64, 48)
    broken = Outcome((Detection((float("nan"), 0.1, 0.9, 0.9), 0.9),))
    painting = Painter(None, draws=True).paint(gradient(layout), layout, None, broken, ())
    assert painting.pixels.shape == (layout.frame_bytes,)
