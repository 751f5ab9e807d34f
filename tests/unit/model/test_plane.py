"""What can be meant by corners that somebody drew."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.model.homography import homography
from edged.model.plane import crossing_edges, has_area, quadrangle_fault

SQUARE = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)]
BOW_TIE = [(0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)]
LOT = [(0, 0), (6, 0), (6, 20), (0, 20)]
_SHARES = st.integers(0, 20).map(lambda steps: steps / 20)
_FOUR = st.lists(st.tuples(_SHARES, _SHARES), min_size=4, max_size=4)


@pytest.mark.parametrize("corners", [SQUARE, BOW_TIE, [(0, 0), (1, 0), (0.5, 0.01)], [*SQUARE, (0.1, 0.1)]])
def test_what_has_an_inside(corners: list[tuple[float, float]]) -> None:
    assert has_area(corners)


@pytest.mark.parametrize(
    "corners",
    [
        [(0.1, 0.1), (0.2, 0.1), (0.3, 0.1)],
        [(0.1, 0.1), (0.2, 0.2), (0.7, 0.7)],
        [(0.5, 0.5)] * 3,
        [(0.1, 0.1), (0.8, 0.2), (0.9, 0.9), (0.8, 0.2)],
    ],
)
def test_there_and_back_encloses_nothing(corners: list[tuple[float, float]]) -> None:
    assert not has_area(corners)


@pytest.mark.parametrize(
    ("corners", "crossing"),
    [
        (SQUARE, None),
        (SQUARE[::-1], None),
        ([*SQUARE, (0.1, 0.1)], None),
        ([(0.1, 0.1), (0.9, 0.1), (0.5, 0.5), (0.9, 0.9), (0.1, 0.9), (0.5, 0.5)], None),  # it touches itself
        (BOW_TIE, (1, 3)),
        ([(0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)], (2, 4)),
    ],
)
def test_edges_that_cross(corners: list[tuple[float, float]], crossing: tuple[int, int] | None) -> None:
    assert crossing_edges(corners) == crossing


@given(_FOUR, st.integers(0, 3))
def test_whether_edges_cross_does_not_hang_on_the_corner_that_comes_first(
    corners: list[tuple[float, float]], turn: int
) -> None:
    turned = [*corners[turn:], *corners[:turn]]
    assert (crossing_edges(turned) is None) == (crossing_edges(corners) is None)


def test_corners_that_a_camera_may_see() -> None:
    seen = [(0.1, 0.9), (0.9, 0.9), (0.7, 0.3), (0.3, 0.3)]

    assert quadrangle_fault(seen, LOT) == ""
    assert quadrangle_fault(seen, LOT[::-1]) == ""  # a plane seen in a mirror is a plane
    assert "turn the ground over" in quadrangle_fault(BOW_TIE, LOT)
    assert "image points lie on one line" in quadrangle_fault(
        [(0.1, 0.9), (0.5, 0.9), (0.7, 0.9), (0, 0)], LOT
    )
    assert "ground points lie on one line" in quadrangle_fault(seen, [(0, 0), (3, 0), (6, 0), (0, 20)])


@given(_FOUR, _FOUR)
def test_refuses_what_a_job_would_refuse(
    image: list[tuple[float, float]], ground: list[tuple[float, float]]
) -> None:
    fault = quadrangle_fault(image, ground)

    try:
        homography(image, ground)
    except ValueError:
        assert fault
    else:
        assert not fault
