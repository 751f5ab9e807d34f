"""The params of algorithms whose model takes pictures, and how a frame becomes one by them."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, field_validator, model_validator

from edged.algorithm.base import AlgorithmParams
from edged.algorithm.color import Color
from edged.algorithm.frame import WHOLE, Anchor, Box, Fit, Frame, Picture
from edged.algorithm.image_input import ImageInput, Scaling
from edged.algorithm.params import ParamsInvalid
from edged.algorithm.runtime import Provider


class Normalize(StrEnum):
    """What a model's numbers are, made of 0-255."""

    AUTO = "auto"
    NONE = "none"
    """0 to 255, as they are."""
    UNIT = "unit"
    """0 to 1."""
    SIGNED = "signed"
    """-1 to 1."""
    IMAGENET = "imagenet"
    """ImageNet's mean and deviation, RGB: what torchvision, MMPose and most others train with."""


SCALINGS = {
    Normalize.NONE: Scaling(),
    Normalize.UNIT: Scaling(1 / 255),
    Normalize.SIGNED: Scaling(1 / 127.5, (1.0,)),
    Normalize.IMAGENET: Scaling(1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


def _fraction(value: Any) -> Any:
    """``1/255`` as people write it."""
    if isinstance(value, str) and "/" in value:
        try:
            return float(Fraction(value))
        except (ValueError, ZeroDivisionError):
            return value
    return value


def listed(value: Any) -> Any:
    """A single number for all channels, as people write it."""
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else value


Resize: TypeAlias = Literal["auto", "stretch", "letterbox", "crop"]
_Positive = Annotated[float, Field(gt=0)]
Scale = Annotated[_Positive, BeforeValidator(_fraction)]
"""What each value is multiplied by."""


class PictureParams(AlgorithmParams):
    model: str = Field(min_length=1, description="an .onnx file in a model folder, or an absolute path")
    provider: Provider = Field(Provider.AUTO, description="what runs the model")
    input_size: tuple[Annotated[int, Field(ge=8)], Annotated[int, Field(ge=8)]] | None = Field(
        None, description="width and height, for a model that leaves them open; default: 640, 640"
    )
    color: Literal["rgb", "bgr"] = Field("rgb", description="the order of its channels")
    resize: Resize = Field(
        "stretch", description="how frames fill the input; crop: the middle that has its proportions"
    )
    normalize: Normalize = Field(
        Normalize.UNIT, description="what its numbers are: none 0-255, unit 0-1, signed -1-1, imagenet"
    )
    scale: Scale | None = Field(
        None, description="instead of normalize: (value * scale - mean) / std; may be written 1/255"
    )
    mean: tuple[float, ...] | None = Field(
        None, description="one number, or one a channel; scale is then 1 unless given"
    )
    std: tuple[_Positive, ...] | None = Field(None, description="with scale: one number, or one a channel")

    @field_validator("mean", "std", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return listed(value)

    @model_validator(mode="after")
    def _one_way(self) -> PictureParams:
        """Of two ways to say what the numbers are, one would be left out of account."""
        numbers = [name for name in ("scale", "mean", "std") if getattr(self, name) is not None]
        if numbers and "normalize" in self.model_fields_set and self.normalize != Normalize.AUTO:
            told = f"`{'`, `'.join(numbers)}`"
            raise ValueError(
                f"`normalize: {self.normalize.value}` and {told} say the same twice:"
                f" drop `normalize`, or {told}"
            )
        return self

    def scaling(self, channels: int, auto: Normalize = Normalize.UNIT) -> Scaling:
        """What is asked for, ``auto`` where that is left to the algorithm. Raises `ParamsInvalid`."""
        for name, given in (("mean", self.mean), ("std", self.std)):
            if given is not None and len(given) not in (1, channels):
                raise ParamsInvalid(f"{len(given)} numbers; the picture has {channels} channels", path=name)
        if (self.scale, self.mean, self.std) != (None, None, None):
            return Scaling(self.scale or 1.0, self.mean or (), self.std or ())
        return SCALINGS[auto if self.normalize == Normalize.AUTO else self.normalize]


def picture_for(
    frame: Frame,
    model_input: ImageInput,
    resize: Resize,
    color: str,
    *,
    region: Box = WHOLE,
    anchor: Anchor = Anchor.CENTER,
    pad: int = 114,
) -> Picture:
    """``region`` of ``frame`` as the picture that a model takes; gray where it has one channel.

    ``auto`` is stretch here: which is best only the algorithm knows.
    """
    if resize == "crop":
        region = middle(region, frame.width, frame.height, model_input.width / model_input.height)
    return frame.picture(
        model_input.width,
        model_input.height,
        fit=Fit.LETTERBOX if resize == "letterbox" else Fit.STRETCH,
        anchor=anchor,
        pad=pad,
        color=Color.GRAY if model_input.channels == 1 else Color(color),
        region=region,
    )


def middle(region: Box, width: int, height: int, aspect: float) -> Box:
    """The largest part of ``region`` around its centre whose width is ``aspect`` times its height, in
    pixels of a frame of ``width`` x ``height``.
    """
    x_min, y_min, x_max, y_max = region
    across, down = (x_max - x_min) * width, (y_max - y_min) * height
    wanted_across, wanted_down = min(across, down * aspect), min(down, across / aspect)
    x_center, y_center = (x_min + x_max) / 2, (y_min + y_max) / 2
    x_half, y_half = wanted_across / width / 2, wanted_down / height / 2
    return (x_center - x_half, y_center - y_half, x_center + x_half, y_center + y_half)


def _ordered(box: Box) -> Box:
    x_min, y_min, x_max, y_max = box
    if x_min >= x_max or y_min >= y_max:
        raise ValueError("a region is x_min, y_min, x_max, y_max, in fractions of the frame")
    return box


_Share = Annotated[float, Field(ge=0, le=1)]
Region = Annotated[tuple[_Share, _Share, _Share, _Share], Field()]


class RegionParams(PictureParams):
    region: Region = Field(
        WHOLE, description="the part of the frame to look at: x_min, y_min, x_max, y_max in fractions"
    )

    @field_validator("region")
    @classmethod
    def _some_area(cls, region: Box) -> Box:
        return _ordered(region)
