"""Crops are what `Frame.picture` and `ImageInput.feed` give, only sooner."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.algorithm import Anchor, Color, Fit, Frame, ImageInput, Scaling
from edged.algorithm.crops import CropFit, CropInput, crop, widened
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat
from tests.pictures import gray_frame, noise_frame

FORMATS = [
    FrameFormat(200, 100),
    FrameFormat(201, 101, ColorRange.FULL, ColorMatrix.BT709),
]
BOXES = [
    (0.1, 0.2, 0.4, 0.9),
    (0.0, 0.0, 1.0, 1.0),
    (-0.5, 0.5, 0.3, 1.7),  # over two edges
    (0.5, 0.5, 0.5, 0.5),  # nothing
    (0.999, 0.999, 1.0, 1.0),  # less than a pixel
    (1.5, 1.5, 2.0, 2.0),  # outside
    (0.8, 0.8, 0.2, 0.2),  # inside out
]
LINES = Scaling(1 / 255, (0.4, 0.5, 0.6), (0.2, 0.3, 0.25))


@pytest.mark.parametrize("layout", FORMATS, ids=str)
@pytest.mark.parametrize("color", list(Color))
@pytest.mark.parametrize("fit", [Fit.STRETCH, Fit.LETTERBOX])
def test_crops_are_pictures_of_the_frame(layout: FrameFormat, color: Color, fit: Fit) -> None:
    frame = noise_frame(layout)
    crops = crop(frame, BOXES, 48, 32, color, CropFit(fit))
    for made, box in zip(crops, BOXES, strict=True):
        wanted = frame.picture(48, 32, fit=fit, anchor=Anchor.CENTER, color=color, region=box).pixels
        np.testing.assert_array_equal(made, wanted)


@pytest.mark.parametrize("color", list(Color))
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "uint8"])
@pytest.mark.parametrize("scaling", [Scaling(), LINES], ids=["plain", "scaled"])
def test_tensors_are_what_the_input_feeds(
    color: Color, channels_last: bool, dtype: str, scaling: Scaling
) -> None:
    frame = noise_frame(FORMATS[0])
    channels = 1 if color == Color.GRAY else 3
    image = ImageInput("images", 48, 32, channels, channels_last, np.dtype(dtype), None)
    made = CropInput(image, color, scaling=scaling).tensor(frame, BOXES)
    wanted = image.feed(list(crop(frame, BOXES, 48, 32, color)), scaling)
    assert made.dtype == wanted.dtype
    assert made.shape == wanted.shape
    np.testing.assert_allclose(made, wanted, atol=1e-2 if dtype == "float16" else 1e-6, rtol=1e-5)


@pytest.mark.parametrize("color", list(Color))
@pytest.mark.parametrize("channels_last", [False, True])
def test_no_boxes_are_no_crops(color: Color, channels_last: bool) -> None:
    channels = 1 if color == Color.GRAY else 3
    image = ImageInput("images", 48, 32, channels, channels_last, np.dtype("float32"), None)
    shape = (0, 32, 48, channels) if channels_last else (0, channels, 32, 48)
    assert CropInput(image, color).tensor(noise_frame(FORMATS[0]), []).shape == shape


def test_the_center_keeps_proportions_and_leaves_out_the_sides() -> None:
    """A disc in the middle of a wide frame stays one, and fills the height."""
    down, across = np.mgrid[:100, :200]
    disc = np.where((across - 100) ** 2 + (down - 50) ** 2 < 45**2, 235, 16).astype(np.uint8)
    (made,) = crop(gray_frame(disc), [(0, 0, 1, 1)], 50, 50, Color.GRAY, CropFit.CENTER)
    lit = np.argwhere(made > 128)
    assert lit.min(axis=0).tolist() == lit.min(axis=0)[::-1].tolist() == [3, 3]
    assert np.abs(lit.max(axis=0) - 46).max() <= 1
    (tall,) = crop(gray_frame(disc), [(0.25, 0, 0.75, 1)], 25, 50, Color.GRAY, CropFit.CENTER)
    assert (tall[25] > 128).all()


box = st.tuples(*[st.floats(-0.5, 1.5)] * 4)


@given(st.lists(box, max_size=4), st.sampled_from(list(CropFit)), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_any_box_gives_a_picture(boxes: list[Any], fit: CropFit, width: int, height: int) -> None:
    assert crop(noise_frame(FORMATS[1]), boxes, width, height, Color.BGR, fit).shape == (
        len(boxes), height, width, 3,
    )  # fmt: skip


def test_a_margin_widens_within_the_frame() -> None:
    assert widened((0.4, 0.4, 0.6, 0.8), 0.5) == pytest.approx((0.3, 0.2, 0.7, 1.0))
    assert widened((0.0, 0.0, 1.0, 1.0), 0.5) == (0.0, 0.0, 1.0, 1.0)


def test_a_read_only_frame_is_left_as_it_is() -> None:
    frame: Frame = noise_frame(FORMATS[0])
    before = frame.pixels.copy()
    crop(frame, BOXES, 200, 100, Color.GRAY)[:] = 0
    np.testing.assert_array_equal(frame.pixels, before)
