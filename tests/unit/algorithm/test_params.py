from __future__ import annotations

import traceback
from typing import Annotated, Any

import pytest
from pydantic import Field, field_validator

from edged.algorithm import Algorithm, AlgorithmParams, ParamsInvalid, parse_params

Size = Annotated[float, Field(gt=0)]


class ZoneParams(AlgorithmParams):
    score: float = Field(0.4, ge=0, le=1)
    labels: list[str] | None = None
    model: str
    size: Size | dict[str, Size] = 1.0
    corner: tuple[int, int] = (0, 1)

    @field_validator("corner")
    @classmethod
    def _in_order(cls, corner: tuple[int, int]) -> tuple[int, int]:
        if corner[0] > corner[1]:
            raise ValueError("the smaller comes first")
        return corner


class Zones(Algorithm):
    Params = ZoneParams

    def run(self, window: Any, before: Any) -> Any:
        return before


class Bare(Algorithm):
    def run(self, window: Any, before: Any) -> Any:
        return before


def refused(algorithm: type[Algorithm], params: dict[str, Any]) -> ParamsInvalid:
    with pytest.raises(ParamsInvalid) as raised:
        parse_params(algorithm, params)
    return raised.value


def test_good_params_come_with_their_defaults() -> None:
    made = parse_params(Zones, {"model": "x.onnx", "labels": ["a"]})
    assert made.model_dump(exclude={"size", "corner"}) == {
        "score": 0.4,
        "labels": ["a"],
        "model": "x.onnx",
    }


@pytest.mark.parametrize(
    ("params", "path", "code", "message"),
    [
        ({"model": "x", "scroe": 1}, "scroe", "unknown_key", "did you mean 'score'?"),
        ({"model": "x", "zebra": 1}, "zebra", "unknown_key", "there are score, labels, model, size, corner"),
        ({}, "model", "invalid", "must be given"),
        ({"model": "x", "score": 1.5}, "score", "invalid", "less than or equal to 1, not 1.5"),
        ({"model": "x", "score": float("nan")}, "score", "invalid", "finite"),
        ({"model": "x", "labels": ["a", 3]}, "labels.1", "invalid", "should be text, not 3"),
        ({"model": "x", "labels": "a"}, "labels", "invalid", "should be a list, not 'a'"),
        ({"model": "x", "size": -1}, "size", "invalid", "should be greater than 0, or a mapping, not -1"),
        ({"model": "x", "size": {"a": -1}}, "size.a", "invalid", "should be greater than 0"),
        ({"model": "x", "corner": [3, 1]}, "corner", "invalid", "corner: the smaller comes first"),
    ],
)
def test_wrong_params_say_where_and_what_would_be_right(
    params: dict[str, Any], path: str, code: str, message: str
) -> None:
    error = refused(Zones, params)
    assert (error.path, error.code) == (path, code)
    assert str(error).startswith(f"{path}: ")
    assert message in str(error)


def test_every_problem_is_told() -> None:
    message = str(refused(Zones, {"score": -1, "modle": "x"}))
    assert all(part in message for part in ("score: ", "model: must be given", "did you mean 'model'?"))


def test_an_algorithm_without_params_takes_none() -> None:
    assert parse_params(Bare, {}).model_dump() == {}
    assert "takes no parameters" in str(refused(Bare, {"a": 1}))


def test_long_values_are_not_repeated_whole() -> None:
    assert len(str(refused(Zones, {"model": "x", "score": "y" * 10_000}))) < 300


class Login(Algorithm):
    class Params(AlgorithmParams):
        retries: int = 0
        tokens: tuple[int, ...] = ()
        account: str = ""

        @field_validator("account")
        @classmethod
        def _known(cls, value: str) -> str:
            raise ValueError(f"nobody is called {value}")

    def run(self, window: Any, before: Any) -> Any:
        return before


@pytest.mark.parametrize("secret", ["hunter2", "hunter2" * 100, "hun'ter\\2", "7x"])
@pytest.mark.parametrize(
    "shape", [lambda it: {"retries": it}, lambda it: {"retries": [it]}, lambda it: {"account": f"a {it} b"}]
)
def test_a_value_that_may_be_a_secret_is_not_repeated(secret: str, shape: Any) -> None:
    with pytest.raises(ParamsInvalid) as raised:
        parse_params(Login, shape(secret), (secret,))
    shown = "".join(traceback.format_exception(raised.value))
    assert secret[:7] not in str(raised.value)
    assert secret not in shown
    assert repr(secret)[1:-1] not in shown
    assert raised.value.path == next(iter(shape(secret)))


def test_a_value_below_a_secret_name_is_not_repeated() -> None:
    assert "271828" not in str(refused(Login, {"tokens": [271828.5]}))
    assert "not 271828.5" in str(refused(Login, {"retries": 271828.5}))
