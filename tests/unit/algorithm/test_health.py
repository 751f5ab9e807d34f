"""What a picture tells of the camera, on edges and patterns whose measures are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.algorithm.health import View, look_at, sharpness_of
from tests.pictures import gray_frame

HALF_SECOND_US = 500_000


def stripes(dark: int, light: int, sigma: float = 0) -> NDArray[np.uint8]:
    """``(96, 640)``: a vertical edge every 32 pixels, in the middle of a tile."""
    columns = np.where((np.arange(640) // 32) % 2, dark, light)
    columns = np.roll(columns, 16).astype(np.float64)
    picture = np.tile(columns, (96, 1))
    if sigma:
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    return np.rint(picture).astype(np.uint8)


@settings(max_examples=30)
@given(st.integers(16, 120), st.integers(60, 115))
def test_a_sharp_edge_has_the_sharpness_1_whatever_its_contrast(dark: int, contrast: int) -> None:
    assert sharpness_of(stripes(dark, dark + contrast)) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("sigma", [1.5, 2.0, 3.0])
def test_a_blurred_edge_is_as_sharp_as_the_formula_says(sigma: float) -> None:
    """The second derivative of an edge that a Gaussian blurred is 0.242 / sigma² of its contrast at most."""
    wanted = 0.242 / sigma**2
    assert sharpness_of(stripes(20, 220, sigma)) == pytest.approx(wanted, rel=0.2, abs=0.02)


def test_without_edges_there_is_no_sharpness() -> None:
    assert sharpness_of(np.full((96, 640), 90, dtype=np.uint8)) is None
    assert sharpness_of(np.full((96, 20), 90, dtype=np.uint8)) is None
    assert sharpness_of(stripes(90, 100)) is None


def scene(seed: int = 0) -> NDArray[np.uint8]:
    blocks = np.random.default_rng(seed).integers(30, 220, (18, 32)).astype(np.uint8)
    return np.kron(blocks, np.ones((20, 20), dtype=np.uint8))


def view_of(picture: NDArray[np.uint8]) -> View:
    look = look_at(gray_frame(picture))
    view = View.begin(look, 0)
    for number in range(1, 10):
        view = view.follow(look, number * HALF_SECOND_US, 10 * HALF_SECOND_US)
    return view


@pytest.mark.parametrize(("right", "down"), [(0, 0), (32, 0), (-64, 18), (0, -36), (100, 50)])
def test_the_shift_is_found(right: int, down: int) -> None:
    moved = np.roll(scene(), (down, right), axis=(0, 1))
    compared = view_of(scene()).compare(look_at(gray_frame(moved)))
    assert compared is not None
    assert compared.shift == pytest.approx((right / 640, down / 360), abs=0.006)


def test_another_scene_has_no_shift_and_does_not_match() -> None:
    compared = view_of(scene(1)).compare(look_at(gray_frame(scene(2))))
    assert compared is not None
    assert compared.shift is None
    assert compared.match < 0.3


@given(st.floats(0.3, 1.0), st.integers(0, 30))
@settings(max_examples=20, deadline=None)
def test_light_changes_neither_match_nor_place(gain: float, offset: int) -> None:
    dimmed = np.clip(16 + (scene().astype(np.float64) - 16) * gain + offset, 16, 235).astype(np.uint8)
    compared = view_of(scene()).compare(look_at(gray_frame(dimmed)))
    assert compared is not None
    assert (compared.match, compared.lost, compared.same_light) == (1.0, 0.0, True)
    assert compared.shift == (0.0, 0.0)


def test_blocks_that_always_change_tell_nothing() -> None:
    """Half of the picture is traffic; when it stops, the other half still tells that the view is the same."""
    view = view_of(scene())
    now_us = 5_000_000
    for number in range(40):
        busy = scene()
        busy[:, 320:] = scene(number + 10)[:, 320:]
        now_us += HALF_SECOND_US
        view = view.follow(look_at(gray_frame(busy)), now_us, 20 * HALF_SECOND_US)
    busy[:, 320:] = scene(99)[:, 320:]
    compared = view.compare(look_at(gray_frame(busy)))
    assert compared is not None
    assert compared.match > 0.9


def test_a_view_without_structure_is_no_view() -> None:
    plain = np.full((360, 640), 90, dtype=np.uint8)
    assert view_of(plain).compare(look_at(gray_frame(scene()))) is None
    assert not look_at(gray_frame(plain)).shows_something
    assert look_at(gray_frame(scene())).shows_something
