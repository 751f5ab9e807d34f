from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from edged.algorithm import Algorithm, AlgorithmParams, ParamsInvalid, parse_params


class ZoneParams(AlgorithmParams):
    score: float = Field(0.4, ge=0, le=1)
    labels: list[str] | None = None
    model: str


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
    assert made.model_dump() == {"score": 0.4, "labels": ["a"], "model": "x.onnx"}


@pytest.mark.parametrize(
    ("params", "path", "code", "message"),
    [
        ({"model": "x", "scroe": 1}, "scroe", "unknown_key", "did you mean 'score'?"),
        ({"model": "x", "zebra": 1}, "zebra", "unknown_key", "there are score, labels, model"),
        ({}, "model", "invalid", "must be given"),
        ({"model": "x", "score": 1.5}, "score", "invalid", "less than or equal to 1, not 1.5"),
        ({"model": "x", "score": float("nan")}, "score", "invalid", "finite"),
        ({"model": "x", "labels": ["a", 3]}, "labels.1", "invalid", "valid string, not 3"),
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
