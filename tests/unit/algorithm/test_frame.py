from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.algorithm import Anchor, Color, Fit, Frame
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat
from tests.pictures import MATRIX_WEIGHTS, flat_frame, gray_frame, header_of, noise_frame, read_only

SIZES = [(64, 48), (480, 270), (33, 21), (2, 2), (1, 1)]


def plain_bgr(yuv: NDArray[np.float64], layout: FrameFormat) -> NDArray[np.float64]:
    """ITU-T H.273 equations, a pixel at a time in floats; ``yuv`` is (..., 3)."""
    red_weight, blue_weight = MATRIX_WEIGHTS[layout.color_matrix]
    luma, blue, red = yuv[..., 0], yuv[..., 1] - 128, yuv[..., 2] - 128
    if layout.color_range is ColorRange.LIMITED:
        luma, blue, red = (luma - 16) * 255 / 219, blue * 255 / 224, red * 255 / 224
    r = luma + 2 * (1 - red_weight) * red
    b = luma + 2 * (1 - blue_weight) * blue
    g = (luma - red_weight * r - blue_weight * b) / (1 - red_weight - blue_weight)
    return np.clip(np.stack((b, g, r), axis=-1), 0, 255)


@pytest.mark.parametrize("size", SIZES)
def test_planes_are_views_addressed_by_bytes(size: tuple[int, int]) -> None:
    layout = FrameFormat(*size)
    frame = noise_frame(layout)
    assert frame.y.shape == (layout.height, layout.width)
    assert frame.u.shape == frame.v.shape == (layout.chroma_height, layout.chroma_width)
    assert frame.u[0, 0] == frame.pixels[layout.y_bytes]
    assert frame.v[-1, -1] == frame.pixels[-1]
    assert all(np.shares_memory(plane, frame.pixels) for plane in (frame.y, frame.u, frame.v))


@pytest.mark.parametrize(("range_", "matrix"), list(itertools.product(ColorRange, ColorMatrix)))
@pytest.mark.parametrize("size", SIZES)
def test_bgr_follows_range_and_matrix(size: tuple[int, int], range_: ColorRange, matrix: ColorMatrix) -> None:
    layout = FrameFormat(*size, range_, matrix)
    for y, u, v in [(16, 128, 128), (235, 128, 128), (81, 90, 240), (145, 54, 34), (120, 140, 110)]:
        picture = flat_frame(layout, y, u, v).bgr()
        assert picture.shape == (layout.height, layout.width, 3)
        wanted = plain_bgr(np.array([y, u, v], dtype=np.float64), layout)
        assert np.abs(picture.astype(float) - wanted).max() <= 2


@pytest.mark.parametrize("size", [(64, 48), (480, 270), (33, 21)])
def test_every_pixel_of_luma_keeps_its_place(size: tuple[int, int]) -> None:
    layout = FrameFormat(*size)
    pixels = np.full(layout.frame_bytes, 128, dtype=np.uint8)
    luma = np.random.default_rng(3).integers(16, 236, (layout.height, layout.width), dtype=np.uint8)
    pixels[: layout.y_bytes] = luma.reshape(-1)
    gray = Frame(header_of(layout), read_only(pixels)).bgr()
    wanted = (luma.astype(float) - 16) * 255 / 219
    assert np.abs(gray - wanted[..., np.newaxis]).max() <= 1.5


def test_chroma_lands_beside_its_luma_when_half_the_height_is_odd() -> None:
    layout = FrameFormat(480, 270, ColorRange.LIMITED, ColorMatrix.BT601)
    other = FrameFormat(480, 270, ColorRange.LIMITED, ColorMatrix.BT709)
    pixels = np.full(layout.frame_bytes, 128, dtype=np.uint8)
    frame = Frame(header_of(layout), pixels)
    frame.v[100:, 200:] = 200
    for made in (frame.bgr(), Frame(header_of(other), pixels).bgr()):
        red = made[..., 2].astype(int) - made[..., 1]
        assert red[204:, 404:].min() > 60
        assert np.abs(red[:196]).max() <= 2
        assert np.abs(red[:, :396]).max() <= 2


def test_chroma_of_odd_sizes_covers_two_pixels_a_sample() -> None:
    layout = FrameFormat(3, 3, ColorRange.FULL)
    pixels = np.full(layout.frame_bytes, 128, dtype=np.uint8)
    frame = Frame(header_of(layout), pixels)
    frame.v[:, 1] = 168
    red = frame.bgr()[0, :, 2] - 128.0
    assert np.allclose(red, 1.402 * 40 * np.array([0, 0.25, 0.75]), atol=1)


def test_bgr_belongs_to_the_caller() -> None:
    frame = noise_frame(FrameFormat(64, 48))
    first = frame.bgr()
    before = first.copy()
    first[:] = 0
    assert np.array_equal(frame.bgr(), before)
    assert not np.shares_memory(first, frame.pixels)


@pytest.mark.parametrize(("range_", "matrix"), list(itertools.product(ColorRange, ColorMatrix)))
def test_a_picture_is_what_converting_first_and_scaling_then_gives(
    range_: ColorRange, matrix: ColorMatrix
) -> None:
    layout = FrameFormat(640, 360, range_, matrix)
    yy, xx = np.mgrid[0:360, 0:640]
    pixels = np.empty(layout.frame_bytes, dtype=np.uint8)
    frame = Frame(header_of(layout), pixels)
    frame.y[:] = 60 + 100 * (np.sin(xx / 40) * np.cos(yy / 30) / 2 + 0.5)
    frame.u[:] = 110 + 30 * np.sin(np.mgrid[0:180, 0:320][1] / 50)
    frame.v[:] = 140 - 20 * np.cos(np.mgrid[0:180, 0:320][0] / 50)
    scaled_then = frame.picture(416, 416).pixels[:234].astype(int)
    scaled_first = cv2.resize(frame.bgr(), (416, 234)).astype(int)
    assert np.abs(scaled_then - scaled_first).max() <= 4


def test_rgb_is_bgr_backwards_and_gray_is_luma() -> None:
    frame = noise_frame(FrameFormat(64, 48))
    bgr = frame.picture(32, 32, color=Color.BGR).pixels
    assert np.array_equal(frame.picture(32, 32, color=Color.RGB).pixels, bgr[..., ::-1])
    gray = frame.picture(64, 48, color=Color.GRAY).pixels
    assert gray.shape == (48, 64)
    assert np.abs(gray - np.clip((frame.y.astype(float) - 16) * 255 / 219, 0, 255)).max() <= 0.51


def test_options_may_be_written_as_plain_text() -> None:
    frame = noise_frame(FrameFormat(64, 48))
    plain = frame.picture(32, 64, fit="letterbox", anchor="center", color="rgb")  # type: ignore[arg-type]
    named = frame.picture(32, 64, fit=Fit.LETTERBOX, anchor=Anchor.CENTER, color=Color.RGB)
    assert np.array_equal(plain.pixels, named.pixels)
    assert plain.top_px == named.top_px == 20


def test_gray_of_full_range_stays() -> None:
    frame = noise_frame(FrameFormat(64, 48, ColorRange.FULL))
    assert np.array_equal(frame.picture(64, 48, color=Color.GRAY).pixels, frame.y)


@pytest.mark.parametrize(
    ("anchor", "rows"), [(Anchor.TOP_LEFT, slice(0, 50)), (Anchor.CENTER, slice(25, 75))]
)
def test_letterbox_pads_where_the_model_expects_it(anchor: Anchor, rows: slice) -> None:
    frame = gray_frame(np.full((100, 200), 235, dtype=np.uint8))
    pixels = frame.picture(100, 100, anchor=anchor, pad=7).pixels
    assert (pixels[rows] >= 254).all()
    rest = np.ones(100, dtype=bool)
    rest[rows] = False
    assert (pixels[rest] == 7).all()


def test_stretch_fills_the_picture() -> None:
    frame = gray_frame(np.full((100, 200), 235, dtype=np.uint8))
    picture = frame.picture(50, 80, fit=Fit.STRETCH)
    assert (picture.pixels >= 254).all()
    assert picture.to_frame([[0, 0, 50, 80], [25, 40, 50, 80]]).tolist() == [[0, 0, 1, 1], [0.5, 0.5, 1, 1]]


sizes = st.integers(2, 900)
fractions = st.floats(0, 1)


@settings(max_examples=60, deadline=None)
@given(
    frame_size=st.tuples(sizes, sizes),
    input_size=st.tuples(st.integers(32, 700), st.integers(32, 700)),
    anchor=st.sampled_from(Anchor),
    fit=st.sampled_from(Fit),
    corners=st.tuples(fractions, fractions, fractions, fractions),
)
def test_boxes_go_to_the_picture_and_back(
    frame_size: tuple[int, int],
    input_size: tuple[int, int],
    anchor: Anchor,
    fit: Fit,
    corners: tuple[float, float, float, float],
) -> None:
    layout = FrameFormat(*frame_size)
    frame = Frame(header_of(layout), np.zeros(layout.frame_bytes, dtype=np.uint8))
    picture = frame.picture(*input_size, fit=fit, anchor=anchor)
    assert picture.pixels.shape == (input_size[1], input_size[0], 3)
    box = np.array(corners)
    inner = np.array([picture.inner_width_px, picture.inner_height_px] * 2)
    offset = np.array([picture.left_px, picture.top_px] * 2)
    assert np.allclose(picture.to_frame(box * inner + offset)[0], box, atol=1e-9)
    if fit is Fit.LETTERBOX:
        ratio = min(input_size[0] / frame_size[0], input_size[1] / frame_size[1])
        assert abs(picture.inner_width_px - frame_size[0] * ratio) <= 1
        assert abs(picture.inner_height_px - frame_size[1] * ratio) <= 1


def test_boxes_are_cut_off_at_the_frame() -> None:
    picture = gray_frame(np.zeros((50, 100), dtype=np.uint8)).picture(100, 100)
    assert picture.to_frame([[-10, -10, 200, 200]]).tolist() == [[0, 0, 1, 1]]
    assert picture.to_frame(np.empty((0, 4))).shape == (0, 4)
