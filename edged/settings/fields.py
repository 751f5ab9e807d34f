"""The kinds of values that several parts of the file share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from edged.model.plane import has_area

NAME_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
MAX_SIDE_PX = 16384
LONGEST_S = 31_536_000.0
"""A year: what is longer is a mistake of units."""


class Section(BaseModel):
    """A mapping of the file: frozen, nothing unknown in it; a key without a value is left out."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _leave_out_empty(cls, value: Any) -> Any:
        """``jobs:`` with nothing below it is what remains when all below is commented out."""
        if value is None:
            return {}
        if not isinstance(value, dict):
            return value
        return {key: item for key, item in value.items() if item is not None or key not in cls.model_fields}


def later(what: str) -> PydanticCustomError:
    """The error for what the contract names and this version does not do yet."""
    return PydanticCustomError("later", "{what} is not available in this version", {"what": what})


def refuse(message: str) -> PydanticCustomError:
    """An error in our own words, shown as it is."""
    return PydanticCustomError("refused", "{message}", {"message": message})


def _no_control(text: str) -> str:
    if not text.strip():
        raise refuse("is empty")
    if not text.isprintable():
        raise refuse("holds a line break or a control character")
    return text


def _unlike(line: Line) -> Line:
    if line[0] == line[1]:
        raise refuse("begins and ends at the same point; a line needs two different ones")
    return line


def _not_flat(corners: tuple[Point, ...]) -> tuple[Point, ...]:
    if not has_area(corners):
        raise refuse("has no area: its corners lie on one line; give three that do not")
    return corners


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Text = Annotated[str, StringConstraints(max_length=4096), AfterValidator(_no_control)]
Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Seconds = Annotated[Number, Field(gt=0, le=LONGEST_S)]
Pixels = Annotated[Whole, Field(gt=0, le=MAX_SIDE_PX)]
Fraction = Annotated[Number, Field(ge=0, le=1)]
Point = tuple[Fraction, Fraction]
"""x and y in fractions of the frame, from its upper left corner."""
Polygon = Annotated[tuple[Point, ...], Field(min_length=3, max_length=256), AfterValidator(_not_flat)]
Line = tuple[Point, Point]
CheckedLine = Annotated[Line, AfterValidator(_unlike)]
