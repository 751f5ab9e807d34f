"""The params of algorithms whose model takes pictures."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.algorithm import ParamsInvalid, Scaling
from edged.algorithm.picture_params import SCALINGS, Normalize, PictureParams, middle

SHARES = st.floats(0, 1)


@given(
    st.tuples(SHARES, SHARES, SHARES, SHARES),
    st.integers(16, 4000),
    st.integers(16, 4000),
    st.floats(0.2, 5),
)
def test_the_middle_has_the_proportions_and_lies_inside(
    corners: Any, width: int, height: int, aspect: float
) -> None:
    x_min, x_max = sorted(corners[:2])
    y_min, y_max = sorted(corners[2:])
    if x_max - x_min < 0.01 or y_max - y_min < 0.01:
        return
    region = (x_min, y_min, x_max, y_max)
    left, top, right, bottom = middle(region, width, height, aspect)
    slack = 1e-9
    assert x_min - slack <= left < right <= x_max + slack
    assert y_min - slack <= top < bottom <= y_max + slack
    across, down = (right - left) * width, (bottom - top) * height
    assert across / down == pytest.approx(aspect)
    assert across == pytest.approx((x_max - x_min) * width) or down == pytest.approx((y_max - y_min) * height)
    assert left + right == pytest.approx(x_min + x_max)


@pytest.mark.parametrize(
    ("given_params", "wanted"),
    [
        ({}, Scaling(1 / 255)),
        ({"normalize": "auto"}, SCALINGS[Normalize.SIGNED]),
        ({"normalize": "none"}, Scaling()),
        ({"normalize": "auto", "scale": 2}, Scaling(2.0)),
        ({"scale": "1/255"}, Scaling(1 / 255)),
        ({"mean": 127.5, "std": [1, 2, 4]}, Scaling(1.0, (127.5,), (1.0, 2.0, 4.0))),
    ],
)
def test_scalings(given_params: dict[str, Any], wanted: Scaling) -> None:
    params = PictureParams.model_validate({"model": "m.onnx", **given_params})
    assert params.scaling(3, Normalize.SIGNED) == wanted


@pytest.mark.parametrize(
    ("numbers", "names"),
    [({"scale": 2}, "`scale`"), ({"mean": 1, "std": 2}, "`mean`, `std`"), ({"std": [1, 2, 3]}, "`std`")],
)
def test_what_the_numbers_are_is_said_in_one_way(numbers: dict[str, Any], names: str) -> None:
    message = f"`normalize: none` and {names} say the same twice: drop `normalize`, or {names}"
    with pytest.raises(ValueError, match=message):
        PictureParams.model_validate({"model": "m.onnx", "normalize": "none", **numbers})
    nothing = dict.fromkeys(numbers)
    assert (
        PictureParams.model_validate({"model": "m.onnx", "normalize": "none", **nothing}).scaling(3)
        == Scaling()
    )


def test_one_number_or_one_a_channel() -> None:
    params = PictureParams.model_validate({"model": "m.onnx", "std": [1, 2, 3]})
    with pytest.raises(ParamsInvalid, match="3 numbers; the picture has 1 channels") as raised:
        params.scaling(1)
    assert raised.value.path == "std"


@pytest.mark.parametrize(
    "wrong", [{"scale": "1/0"}, {"scale": "a/b"}, {"scale": 0}, {"std": [0]}, {"model": ""}]
)
def test_params_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        PictureParams.model_validate({"model": "m.onnx", **wrong})
