"""Decals on planes: at their place, in their colour, whatever the size and the format of the picture."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.algorithm.color import bgr_from_i420, planes, yuv_of
from edged.algorithm.drawing.decal import Decal, blank_pictures, lift
from edged.model.detection import Detection, Outcome
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat
from edged.model.scene import Scene
from edged.output.painting import Painter
from edged.output.transfer import Transfer
from edged.types import PtsUs
from tests.pictures import noise_frame, read_only

RED, BLUE = (0, 0, 220), (220, 0, 0)
FORMATS = [FrameFormat(640, 360, color_range, m) for color_range in ColorRange for m in ColorMatrix]
Draw = Callable[[NDArray[np.uint8]], object]


def decal(draw: Draw, width: int = 640, height: int = 360) -> Decal:
    on_black, on_white = blank_pictures(width, height)
    draw(on_black)
    draw(on_white)
    return lift(on_black, on_white, PtsUs(0))


def box(color: tuple[int, int, int], left: float, top: float, right: float, bottom: float) -> Draw:
    """Filled, in fractions."""

    def draw(picture: NDArray[np.uint8]) -> None:
        height, width = picture.shape[:2]
        rows = slice(round(top * height), round(bottom * height))
        picture[rows, round(left * width) : round(right * width)] = color

    return draw


def gray(layout: FrameFormat, luma: int = 120) -> NDArray[np.uint8]:
    pixels = np.full(layout.frame_bytes, 128, dtype=np.uint8)
    pixels[: layout.y_bytes] = luma
    return pixels


@pytest.mark.parametrize("layout", FORMATS)
def test_colours_are_those_of_the_format_and_all_else_is_as_it_was(layout: FrameFormat) -> None:
    pixels = noise_frame(layout).pixels.copy()
    before = pixels.copy()
    Transfer(decal(box(RED, 0.25, 0.25, 0.5, 0.5)), layout).onto(planes(pixels, layout))
    wanted = yuv_of(RED, layout.color_range, layout.color_matrix)
    for number, (plane, old) in enumerate(zip(planes(pixels, layout), planes(before, layout), strict=True)):
        height, width = plane.shape
        part = (slice(height // 4, height // 2), slice(width // 4, width // 2))
        assert np.abs(plane[part].astype(int) - wanted[number]).max() <= 1
        old[part] = plane[part]
        assert np.array_equal(plane, old)


@given(seed=st.integers(0, 99), color=st.tuples(*[st.integers(0, 255)] * 3), share=st.floats(0.1, 0.9))
@settings(deadline=None, max_examples=30)
def test_half_transparent_ones_mix_as_they_would_in_bgr(
    seed: int, color: tuple[int, int, int], share: float
) -> None:
    layout = FrameFormat(64, 48, ColorRange.FULL, ColorMatrix.BT709)
    below = np.random.default_rng(seed).integers(60, 200, 3)
    y, u, v = yuv_of(tuple(below.tolist()), layout.color_range, layout.color_matrix)
    pixels = np.concatenate(
        [np.full(plane.size, value, np.uint8) for plane, value in zip(planes(gray(layout), layout), (y, u, v),
                                                                      strict=True)]
    )  # fmt: skip

    def veil(picture: NDArray[np.uint8]) -> None:
        picture[:] = cv2.addWeighted(picture, 1 - share, np.full_like(picture, color), share, 0)

    wanted = bgr_from_i420(pixels, layout)
    veil(wanted)
    Transfer(decal(veil, 64, 48), layout).onto(planes(pixels, layout))
    assert np.abs(bgr_from_i420(pixels, layout).astype(int) - wanted).max() <= 4


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (640, 360), (320, 180), (160, 90), (62, 36)])
def test_it_lies_at_the_same_place_of_every_size(size: tuple[int, int]) -> None:
    layout = FrameFormat(*size)
    pixels = gray(layout)
    Transfer(decal(box(RED, 0.3, 0.4, 0.55, 0.8)), layout).onto(planes(pixels, layout))
    painted = np.abs(planes(pixels, layout)[0].astype(int) - 120) > 20
    rows, columns = np.flatnonzero(painted.any(axis=1)), np.flatnonzero(painted.any(axis=0))
    width, height = size
    slack = max(1.0, width / 640)
    assert columns[0] == pytest.approx(0.3 * width, abs=slack)
    assert columns[-1] + 1 == pytest.approx(0.55 * width, abs=slack)
    assert rows[0] == pytest.approx(0.4 * height, abs=slack)
    assert rows[-1] + 1 == pytest.approx(0.8 * height, abs=slack)


def test_thin_lines_are_seen_also_in_a_smaller_picture() -> None:
    def line(picture: NDArray[np.uint8]) -> None:
        cv2.line(picture, (20, 20), (600, 300), (255, 255, 255), 1, cv2.LINE_AA)

    layout = FrameFormat(160, 90)
    pixels = gray(layout, 16)
    Transfer(decal(line), layout).onto(planes(pixels, layout))
    along = planes(pixels, layout)[0][:, 10:145].max(axis=0)
    assert along.min() > 40


# ---- by the painter ----


def painted(
    painter: Painter, pixels: NDArray[np.uint8], layout: FrameFormat, *decals: Decal, **what: object
) -> NDArray[np.uint8]:
    scene, outcome = what.get("scene"), what.get("outcome", Outcome())
    assert scene is None or isinstance(scene, Scene)
    assert isinstance(outcome, Outcome)
    painting = painter.paint(pixels, layout, scene, outcome, (), decals)
    return bgr_from_i420(painting.pixels, painting.format)


def is_red(picture: NDArray[np.uint8], x: float, y: float) -> bool:
    height, width = picture.shape[:2]
    blue, green, red = picture[round(y * height), round(x * width)].astype(int)
    return bool(red - max(blue, green) > 100)


@pytest.mark.parametrize("faint", [1, 5, 255])
@pytest.mark.parametrize("size", [(2, 2), (160, 90), (640, 360), (1920, 1080)])
def test_a_speck_that_is_lost_in_a_smaller_picture_harms_none(size: tuple[int, int], faint: int) -> None:
    layout = FrameFormat(*size)
    on_black, on_white = blank_pictures(1280, 720)
    on_white[-1, -1] -= faint
    decal = lift(on_black, on_white, PtsUs(0))
    assert not decal.is_empty
    frame = read_only(np.full(layout.frame_bytes, 128, dtype=np.uint8))
    painting = Painter(None, draws=True).paint(frame, layout, None, Outcome(), (), (decal,))
    luma, *colours = planes(painting.pixels, layout)
    assert all((plane == 128).all() for plane in colours)
    assert luma.min() >= 128 - faint - 1
    assert luma.max() == 128


def test_several_jobs_draw_over_one_another_in_their_order_and_the_track_is_only_read() -> None:
    layout = FrameFormat(640, 360)
    track = read_only(gray(layout))
    red, blue = decal(box(RED, 0.1, 0.1, 0.6, 0.6)), decal(box(BLUE, 0.4, 0.4, 0.9, 0.9))
    painter = Painter(None, draws=True)
    one = painted(painter, track, layout, red, blue)
    other = painted(painter, track, layout, blue, red)
    assert is_red(one, 0.2, 0.2)
    assert not is_red(one, 0.5, 0.5)
    assert is_red(other, 0.5, 0.5)
    assert not is_red(painted(painter, track, layout, blue), 0.2, 0.2)
    assert painter.paint(track, layout, None, Outcome(), ()).pixels is track, "nothing more is drawn"


def test_what_is_masked_stays_black() -> None:
    layout = FrameFormat(640, 360)
    left = Scene(masks={"m": ((0, 0), (0.5, 0), (0.5, 1), (0, 1))})
    whole = decal(box(RED, 0, 0, 1, 1))
    luma, blue, red = planes(
        Painter(None, draws=True).paint(gray(layout), layout, left, Outcome(), (), (whole,)).pixels, layout
    )
    assert (luma[:, :320] == 16).all()
    assert (blue[:, :160] == 128).all()
    assert (red[:, :160] == 128).all()
    assert is_red(painted(Painter(None, draws=True), gray(layout), layout, whole, scene=left), 0.6, 0.5)


def test_it_lies_over_boxes_as_on_snapshots() -> None:
    layout = FrameFormat(640, 360)
    found = Outcome((Detection((0.25, 0.25, 0.75, 0.75), 0.9, "car"),))
    seen = painted(
        Painter(None, draws=True), gray(layout), layout, decal(box(RED, 0, 0, 0.5, 1)), outcome=found
    )
    assert is_red(seen, 0.25, 0.5)
    assert not is_red(seen, 0.75, 0.5)
    alone = painted(Painter(None, draws=True), gray(layout), layout, outcome=found)
    assert np.ptp(alone[170:190, 155:165].astype(int)) > 30, "the box is there"


def test_frames_of_another_size_are_drawn_on_as_well() -> None:
    painter, red = Painter((640, 640), draws=True), decal(box(RED, 0.25, 0.25, 0.75, 0.75), 1280, 720)
    for width, height in ((1280, 720), (640, 480), (1280, 720), (320, 240)):
        layout = FrameFormat(width, height)
        seen = painted(painter, gray(layout), layout, red)
        assert [is_red(seen, x, 0.5) for x in (0.2, 0.3, 0.7, 0.8)] == [False, True, True, False]


def test_what_is_not_to_be_drawn_is_not() -> None:
    layout = FrameFormat(640, 360)
    pixels = gray(layout)
    painting = Painter(None, draws=False).paint(
        pixels, layout, None, Outcome(), (), (decal(box(RED, 0, 0, 1, 1)),)
    )
    assert painting.pixels is pixels
