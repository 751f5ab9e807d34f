"""Pictures of frames: plain ones are left as they are, masks stay black, colours stay true."""

from __future__ import annotations

from dataclasses import replace

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edged.algorithm.color import bgr_from_i420, planes
from edged.algorithm.drawing import color_of
from edged.algorithm.jpeg import encode_planes
from edged.model.detection import Detection, Outcome
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat
from edged.model.scene import Scene
from edged.output.encoders import SOFTWARE
from edged.output.h264 import Rate, open_encoder
from edged.output.painting import Painter
from tests.pictures import read_only

SQUARE = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
CAR = Detection((0.1, 0.1, 0.9, 0.9), 0.9, "car", track_id=3)
BOX = Outcome((CAR,))


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
def test_what_was_not_drawn_on_stays_as_it_was(matrix: ColorMatrix, color_range: ColorRange) -> None:
    layout = FrameFormat(320, 240, color_range, matrix)
    pixels = read_only(gradient(layout))
    scene = Scene(zones={"z": ((0.6, 0.6), (0.9, 0.6), (0.9, 0.9))})
    painting = Painter(None, draws=True).paint(pixels, layout, scene, Outcome(), ())
    assert painting.format == layout
    before, after = planes(pixels, layout), planes(painting.pixels, layout)
    for came, drawn, step in zip(before, after, (1, 2, 2), strict=True):
        assert (came == drawn)[: 120 // step].all()
        assert (came == drawn)[:, : 160 // step].all()
    changed = np.abs(bgr_from_i420(pixels, layout).astype(int) - bgr_from_i420(painting.pixels, layout))
    assert changed[140:220, 180:300].max() > 60, "the zone is there"


def test_all_pictures_of_a_stream_have_the_format_of_the_source() -> None:
    layout = FrameFormat(64, 48, ColorRange.FULL, ColorMatrix.BT709)
    painter = Painter(None, draws=True)
    for outcome in (Outcome(), BOX, Outcome(), BOX):
        assert painter.paint(gradient(layout), layout, None, outcome, ()).format == layout


@pytest.mark.parametrize("color_range", ColorRange)
@pytest.mark.parametrize("matrix", ColorMatrix)
def test_a_viewer_sees_the_colours_of_what_is_drawn(color_range: ColorRange, matrix: ColorMatrix) -> None:
    """Decoded as what the stream says of itself, and as a JPEG."""
    layout = FrameFormat(320, 240, color_range, matrix)
    painting = Painter(None, draws=True).paint(gradient(layout), layout, None, BOX, ())
    encoder = open_encoder((SOFTWARE,), layout, Rate(15, 20_000))
    (coded,) = encoder.encode(painting, 0, keyframe=True)
    decoder = av.CodecContext.create("h264", "r")
    frame = [*decoder.decode(av.Packet(coded.data)), *decoder.decode(None)][0]
    assert (int(frame.color_range), int(frame.colorspace)) == (int(color_range), int(matrix))
    shown = bgr_from_i420(frame.to_ndarray(format="yuv420p").reshape(-1), layout)
    jpeg = encode_planes(*planes(painting.pixels, layout), layout, 90)
    plain = bgr_from_i420(gradient(layout), layout)
    for seen in (shown, cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)):
        plate = np.abs(seen.astype(int) - color_of(CAR)).max(axis=2) < 24
        assert plate.sum() > 400, "the plate of the label"
        inside = (slice(90, 180), slice(60, 260))
        assert np.abs(seen[inside].astype(int) - plain[inside]).mean() < 4, "what is around it"


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


@pytest.mark.parametrize("height", [480, 400, 300, 240, 170, 90])
def test_a_smaller_picture_shows_no_pattern_that_is_not_there(height: int) -> None:
    layout = FrameFormat(640, 480)
    pixels = gradient(layout)
    luma = planes(pixels, layout)[0]
    luma[:] = 120
    luma[::4], luma[1::4] = 60, 180  # stripes whose mean is that of what is between them
    painting = Painter((640, height), draws=False).paint(pixels, layout, None, Outcome(), ())
    small = planes(painting.pixels, painting.format)[0]
    assert small.shape[0] == height
    assert np.ptp(small) <= 120 * (height / 480) ** 0.5
    assert abs(small.mean() - 120) < 2


def test_what_is_drawn_changes_with_what_is_found_and_never_the_track() -> None:
    layout = FrameFormat(320, 240)
    pixels, painter = read_only(gradient(layout)), Painter(None, draws=True)
    moved = Outcome((replace(CAR, box=(0.3, 0.3, 0.6, 0.6)),))
    first, again, other = (
        painter.paint(pixels, layout, None, found, ()).pixels for found in (BOX, BOX, moved)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.array_equal(pixels, gradient(layout))


def test_boxes_that_cannot_be_drawn_do_not_cost_the_picture() -> None:
    layout = FrameFormat(64, 48)
    broken = Outcome((Detection((float("nan"), 0.1, 0.9, 0.9), 0.9),))
    painting = Painter(None, draws=True).paint(gradient(layout), layout, None, broken, ())
    assert painting.pixels.shape == (layout.frame_bytes,)
