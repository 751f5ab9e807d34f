"""What a model says of itself and what it returned: all that a head is recognised by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from edged.algorithm.session import Tensor


@dataclass(frozen=True, slots=True)
class Outputs:
    """All outputs of one run on one picture."""

    names: tuple[str, ...]
    arrays: tuple[NDArray[Any], ...]
    """As the model gives them, with the batch of one."""
    width: int
    """Of the picture that the model was given, in pixels."""
    height: int

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple(array.shape for array in self.arrays)

    def named(self, *wanted: str) -> NDArray[Any] | None:
        """The output with one of these names; what follows a colon (``scores:0``) does not count."""
        for name, array in zip(self.names, self.arrays, strict=True):
            if name.partition(":")[0] in wanted:
                return array
        return None

    def __str__(self) -> str:
        parts = (
            f"{name} {'x'.join(str(size) for size in shape) or 'scalar'}"
            for name, shape in zip(self.names, self.shapes, strict=True)
        )
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Signature:
    """A model as heads see it."""

    outputs: Outputs
    """Of a run on a gray picture: shapes are known, and what values look like where nothing is to be seen."""
    inputs: tuple[Tensor, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What the exporter wrote down."""

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Of the only output; None where there are several."""
        shapes = self.outputs.shapes
        return shapes[0] if len(shapes) == 1 else None
