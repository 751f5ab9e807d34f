"""Any ONNX model, raw: what goes in by params, what comes out as it is.

For models that no other algorithm knows, and for a first look at one: outputs that are small stand in the
result as they are, of larger ones only their shape and what can be said in five numbers.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from edged.algorithm import (
    Algorithm,
    AlgorithmError,
    Anchor,
    Frame,
    ImageInput,
    Outcome,
    ParamsInvalid,
    Tensor,
    blame,
    jsonable,
)
from edged.algorithm.picture_params import RegionParams, picture_for


class OnnxParams(RegionParams):
    anchor: Anchor = Field(Anchor.CENTER, description="where a letterboxed frame lies")
    pad: int = Field(114, ge=0, le=255, description="what a letterbox is filled with")
    inputs: dict[str, Any] = Field(
        {}, description="constants for its other inputs, by name: numbers or lists of them"
    )
    outputs: list[str] | None = Field(None, description="only these; default: all")
    max_values: int = Field(
        256, ge=0, le=10_000, description="an output with more numbers is summed up: min, max, mean, argmax"
    )


class Onnx(Algorithm):
    """The raw outputs of any ONNX model that takes a picture."""

    Params = OnnxParams
    params: OnnxParams
    keeps_state = False
    returns = "data.outputs: by name, shape and values (or min, max, mean, argmax of large ones)"
    sends: ClassVar = {}

    def open(self) -> None:
        params = self.params
        with blame("model"):
            self._session = self.context.model(params.model, provider=params.provider)
            self._input = ImageInput.of(self._session, params.input_size)
            self._input.check_single(params.model)
        self._scaling = params.scaling(self._input.channels)
        self._constants = self._filled(params.inputs)
        self._wanted = self._chosen(params.outputs)
        blank = np.zeros((self._input.height, self._input.width, 3), dtype=np.uint8)
        picture = blank[:, :, 0] if self._input.channels == 1 else blank
        with blame("model"):
            self._infer(picture)

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        params = self.params
        picture = picture_for(
            window[-1], self._input, params.resize, params.color,
            region=params.region, anchor=params.anchor, pad=params.pad,
        )  # fmt: skip
        values = self._infer(picture.pixels)
        outputs = {name: described(values[place], params.max_values) for name, place in self._wanted.items()}
        return Outcome(before.detections, {**before.data, "outputs": outputs}, before.counts)

    def _infer(self, picture: NDArray[np.uint8]) -> list[Any]:
        feed = self._input.feed([picture], self._scaling)
        return self._session.run({self._input.name: feed, **self._constants})

    def _filled(self, given: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
        """The constants of all inputs but the picture."""
        others = {tensor.name: tensor for tensor in self._session.inputs if tensor.name != self._input.name}
        for name in given:
            if name == self._input.name:
                raise ParamsInvalid(f"{name} is the picture; it takes no constant", path=f"inputs.{name}")
            if name not in others:
                raise ParamsInvalid(_unknown("input", name, list(others)), path=f"inputs.{name}")
        missing = [str(tensor) for name, tensor in others.items() if name not in given]
        if missing:
            example = next(name for name in others if name not in given)
            raise ParamsInvalid(
                f"the model takes more than a picture: {', '.join(missing)}; give each a constant, as"
                f" `inputs: {{{example}: 1}}`",
                path="inputs",
            )
        return {name: constant(value, others[name]) for name, value in given.items()}

    def _chosen(self, wanted: Sequence[str] | None) -> dict[str, int]:
        places = {tensor.name: place for place, tensor in enumerate(self._session.outputs)}
        for name in wanted or ():
            if name not in places:
                raise ParamsInvalid(_unknown("output", name, list(places)), path="outputs")
        return {name: place for name, place in places.items() if wanted is None or name in wanted}


def constant(value: Any, tensor: Tensor) -> NDArray[Any]:
    """``value`` as the array that ``tensor`` takes; one number fills it (1 where its size is open).

    Raises `ParamsInvalid`.
    """
    path = f"inputs.{tensor.name}"
    try:
        array = np.asarray(value, dtype=tensor.dtype)
    except (TypeError, ValueError, OverflowError):
        raise ParamsInvalid(f"{tensor} takes numbers or lists of them", path=path) from None
    if array.ndim == 0:
        return np.full([size or 1 for size in tensor.shape], array, dtype=tensor.dtype)
    fits = array.ndim == len(tensor.shape) and all(
        wanted in (None, size) for wanted, size in zip(tensor.shape, array.shape, strict=True)
    )
    if not fits:
        sizes = "x".join(map(str, array.shape))
        raise ParamsInvalid(f"{sizes} values are given for {tensor}", path=path)
    return array


def described(output: Any, most: int) -> dict[str, Any]:
    """An output as JSON: its ``shape`` and its ``values``, or what can be said of more than ``most``.

    NaN and infinite numbers are null, and left out of what is said of many; ``not_finite`` counts them.
    """
    if not isinstance(output, np.ndarray):
        return {"values": _bounded(output, most)}
    shape: dict[str, Any] = {"shape": list(output.shape)}
    if output.size <= most:
        return {**shape, "values": _shortened(output.tolist(), output.dtype)}
    if output.dtype.kind not in "biuf":
        return shape
    finite = np.isfinite(output)
    lost = output.size - int(np.count_nonzero(finite))
    known = output if not lost else output[finite]
    told: dict[str, Any] = {**shape, **({"not_finite": lost} if lost else {})}
    if not known.size:
        return told
    best = np.argmax(output) if not lost else np.argmax(np.where(finite, output, -np.inf))
    return {
        **told,
        "min": _number(known.min()),
        "max": _number(known.max()),
        "mean": _number(known.mean(dtype=np.float64)),
        "argmax": [int(place) for place in np.unravel_index(best, output.shape)],
    }


def _bounded(value: Any, most: int) -> Any:
    """What is no tensor, such as the maps that scikit-learn's exporter makes."""
    plain = jsonable(value, "outputs")
    if _leaves(plain) > most:
        raise AlgorithmError(f"an output holds more than max_values ({most}) values and is no tensor")
    return plain


def _leaves(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_leaves(item) for item in value.values())
    return sum(_leaves(item) for item in value) if isinstance(value, list) else 1


def _shortened(value: Any, dtype: np.dtype[Any]) -> Any:
    """Floats with the digits that they have: seven are all of a float32."""
    if isinstance(value, list):
        return [_shortened(item, dtype) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return value if dtype.itemsize > 4 else float(f"{value:.7g}")
    return value if isinstance(value, bool | int) else str(value)


def _number(value: Any) -> int | float:
    return float(f"{float(value):.7g}") if np.asarray(value).dtype.kind == "f" else int(value)


def _unknown(kind: str, name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return f"the model has no {kind} {name!r}: did you mean {near[0]!r}?"
    there = f"there are {', '.join(known)}" if known else "there are none besides the picture"
    return f"the model has no {kind} {name!r}; {there}"
