"""What is lifted off black and white is what was painted: laid on any picture it looks as painted there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.algorithm.drawing.decal import (
    MOST_PX,
    Decal,
    blank_pictures,
    lift,
    nothing,
    pack_decal,
    unpack_decal,
)
from edged.types import PtsUs

Picture = NDArray[np.uint8]
Stroke = Callable[[Picture], object]
WIDTH, HEIGHT = 96, 64
PTS_US = PtsUs(41_133_000)

colors = st.tuples(*[st.integers(0, 255)] * 3)
places = st.tuples(st.integers(-10, WIDTH + 10), st.integers(-10, HEIGHT + 10))


def veil(color: Sequence[int], begin: tuple[int, int], end: tuple[int, int], share: float) -> Stroke:
    def paint(picture: Picture) -> None:
        paper = picture.copy()
        cv2.rectangle(paper, begin, end, color, -1)
        picture[:] = cv2.addWeighted(picture, 1 - share, paper, share, 0)

    return paint


def once() -> st.SearchStrategy[Stroke]:
    """What touches each pixel once: writing, areas, veils."""
    return st.one_of(
        st.builds(
            lambda c, a, t: lambda picture: cv2.putText(picture, t, a, 0, 0.7, c, 1, cv2.LINE_AA),
            colors, places, st.text("abcXYZ 0189", max_size=8),
        ),
        st.builds(
            lambda c, a, b: lambda picture: cv2.rectangle(picture, a, b, c, -1), colors, places, places
        ),
        st.builds(veil, colors, places, places, st.floats(0.1, 0.9)),
    )  # fmt: skip


def often() -> st.SearchStrategy[Stroke]:
    """Smoothed lines and discs: OpenCV mixes their edges in up to five times, and rounds each time."""
    return st.one_of(
        st.builds(
            lambda c, a, b, w: lambda picture: cv2.line(picture, a, b, c, w, cv2.LINE_AA),
            colors, places, places, st.integers(1, 6),
        ),
        st.builds(
            lambda c, a, r: lambda picture: cv2.circle(picture, a, r, c, -1, cv2.LINE_AA),
            colors, places, st.integers(1, 30),
        ),
    )  # fmt: skip


def lifted(draw: Stroke, width: int = WIDTH, height: int = HEIGHT) -> Decal:
    on_black, on_white = blank_pictures(width, height)
    draw(on_black)
    draw(on_white)
    return unpack_decal(pack_decal(lift(on_black, on_white, PTS_US)))


def laid(decal: Decal, picture: Picture) -> NDArray[np.float64]:
    seen = picture.astype(np.float64)
    rows, columns = decal.pixels.shape[:2]
    part = seen[decal.top : decal.top + rows, decal.left : decal.left + columns]
    part *= 1 - decal.pixels[..., 3:] / 255
    part += decal.pixels[..., :3]
    return seen


def noise(seed: int) -> Picture:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


@given(stroke=once(), seed=st.integers(0, 1000))
@settings(deadline=None)
def test_whatever_is_painted_is_lifted_to_two_levels(stroke: Stroke, seed: int) -> None:
    painted = noise(seed)
    stroke(painted)
    assert np.abs(laid(lifted(stroke), noise(seed)) - painted).max() <= 2


@given(several=st.lists(once() | often(), max_size=5), seed=st.integers(0, 1000))
@settings(deadline=None)
def test_what_is_painted_over_and_over_is_rounded_over_and_over(several: list[Stroke], seed: int) -> None:
    def draw(picture: Picture) -> None:
        for stroke in several:
            stroke(picture)

    painted = noise(seed)
    draw(painted)
    assert np.abs(laid(lifted(draw), noise(seed)) - painted).max() <= 8 * max(1, len(several))


def test_of_a_line_one_pixel_in_a_hundred_is_further_off() -> None:
    far = touched = 0
    places = np.random.default_rng(5).integers(-10, 74, (100, 4)).tolist()
    for seed, (x, y, to_x, to_y) in enumerate(places):

        def draw(picture: Picture, way: tuple[int, ...] = (x, y, to_x, to_y)) -> None:
            cv2.line(picture, way[:2], way[2:], (40, 200, 90), 1 + way[0] % 5, cv2.LINE_AA)

        painted = noise(seed)
        draw(painted)
        off = np.abs(laid(lifted(draw), noise(seed)) - painted).max(axis=2)
        far += int((off > 2).sum())
        touched += int((painted != noise(seed)).any(axis=2).sum())
    assert touched > 10_000
    assert far < 0.01 * touched


@given(stroke=once() | often())
@settings(deadline=None)
def test_it_is_no_larger_than_what_was_painted(stroke: Stroke) -> None:
    decal, painted = lifted(stroke), np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8)
    on_white = np.full_like(painted, 255)
    stroke(painted)
    stroke(on_white)
    touched = painted.any(axis=2) | (on_white != 255).any(axis=2)
    rows, columns = decal.pixels.shape[:2]
    outside = touched.copy()
    outside[decal.top : decal.top + rows, decal.left : decal.left + columns] = False
    # a level of one colour alone is less than half a level of opacity
    assert not (outside & (np.abs(on_white.astype(int) - 255).max(axis=2) > 1)).any()
    assert decal.is_empty or touched[decal.top : decal.top + rows].any()
    assert (decal.pts_us, decal.width, decal.height) == (PTS_US, WIDTH, HEIGHT)


def test_black_on_black_is_seen() -> None:
    decal = lifted(lambda picture: cv2.rectangle(picture, (10, 20), (19, 39), (0, 0, 0), -1))
    assert (decal.left, decal.top, *decal.pixels.shape) == (10, 20, 20, 10, 4)
    assert (decal.pixels == (0, 0, 0, 255)).all()


@pytest.mark.parametrize("draw", [lambda picture: None, lambda p: cv2.blur(p, (9, 9), dst=p)])
def test_nothing_is_nothing_and_what_is_made_of_the_picture_is_not_seen(draw: Stroke) -> None:
    assert lifted(draw).is_empty


def test_an_empty_one_travels() -> None:
    decal = unpack_decal(pack_decal(nothing(PTS_US)))
    assert decal.is_empty
    assert decal.pts_us == PTS_US


@given(width=st.integers(1, 5000), height=st.integers(1, 5000))
@settings(deadline=None, max_examples=40)
def test_pictures_to_draw_on_have_the_frames_shape_and_are_small(width: int, height: int) -> None:
    on_black, on_white = blank_pictures(width, height)
    rows, columns, _ = on_black.shape
    assert on_white.shape == on_black.shape
    assert 1 <= rows <= MOST_PX
    assert 1 <= columns <= MOST_PX
    share = min(1, MOST_PX / max(width, height))
    assert abs(rows - height * share) <= 1
    assert abs(columns - width * share) <= 1
    assert not on_black.any()
    assert (on_white == 255).all()


@given(st.binary(max_size=80))
def test_anything_else_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError):
        unpack_decal(payload)


@given(place=st.integers(8, 19), value=st.integers(0, 255), cut=st.integers(1, 12))
def test_a_damaged_one_is_refused_or_lies_in_its_picture(place: int, value: int, cut: int) -> None:
    packed = bytearray(pack_decal(lifted(lambda picture: cv2.circle(picture, (30, 30), 9, (9, 9, 9), -1))))
    with pytest.raises(ValueError):
        unpack_decal(bytes(packed[:-cut]) if cut < 4 else bytes(packed[: 20 + cut]))
    packed[place] = value
    try:
        decal = unpack_decal(bytes(packed))
    except ValueError:
        return
    rows, columns = decal.pixels.shape[:2]
    assert decal.left + columns <= decal.width <= MOST_PX
    assert decal.top + rows <= decal.height <= MOST_PX
