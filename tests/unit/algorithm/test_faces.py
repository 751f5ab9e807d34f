"""Face heads: recognised by shapes alone, and numbers that no face has stay numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.algorithm import AlgorithmError
from edged.algorithm.faces import recognise

SIZES = st.tuples(st.integers(1, 20), st.integers(1, 20)).map(lambda sides: (32 * sides[0], 32 * sides[1]))


def yunet_shapes(width: int, height: int) -> list[tuple[int, int]]:
    cells = [(width // stride) * (height // stride) for stride in (8, 16, 32)]
    return [(count, numbers) for numbers in (1, 1, 4, 10) for count in cells]


@given(SIZES, st.randoms())
def test_yunet_is_recognised_whatever_the_order_of_its_outputs(size: tuple[int, int], chance: object) -> None:
    shapes = yunet_shapes(*size)
    chance.shuffle(shapes)  # type: ignore[attr-defined]
    assert recognise(shapes, *size).name == "yunet"


@pytest.mark.parametrize("shapes", [[(4420, 2), (4420, 4)], [(4420, 4), (4420, 2)]])
def test_ultraface_is_recognised(shapes: list[tuple[int, ...]]) -> None:
    assert recognise(shapes, 320, 240).name == "ultraface"


@pytest.mark.parametrize(
    "shapes", [[], [()], [(10, 4)], [(10, 2), (11, 4)], [(10, 2), (10, 4), (10, 10)], [(84, 8400)]]
)
def test_others_are_not(shapes: list[tuple[int, ...]]) -> None:
    with pytest.raises(AlgorithmError, match="Known are yunet"):
        recognise(shapes, 320, 320)


@given(st.integers(0, 99), st.floats(-1e6, 1e6, width=32), st.floats(0, 1, width=32))
def test_a_cell_gives_its_face_and_no_number_overflows(cell: int, value: float, sure: float) -> None:
    """One cell of the coarsest of three grids on 320 x 320."""
    outputs = [np.zeros(shape, np.float32) for shape in yunet_shapes(320, 320)]
    face, thing, box, points = (each for each in outputs if len(each) == 100)
    face[cell], thing[cell], box[cell], points[cell] = sure, 1.0, value, value
    found = recognise([each.shape for each in outputs], 320, 320).decode(outputs, 320, 320, 0.5)
    assert len(found.scores) == (np.sqrt(np.float32(sure)) >= 0.5)
    assert np.isfinite(found.boxes).all()
    if len(found.scores):
        column, row = cell % 10, cell // 10
        center = (found.boxes[0, :2] + found.boxes[0, 2:]) / 2
        np.testing.assert_allclose(found.points[0, 0], [(column + value) * 32, (row + value) * 32], rtol=1e-4)
        if value < 1:
            np.testing.assert_allclose(center, found.points[0, 0], rtol=1e-4, atol=1e-2)
