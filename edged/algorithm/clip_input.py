"""The window of frames that a model takes: how many, of which size, in which order of dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.image_input import ImageInput, Scaling
from edged.algorithm.params import ParamsInvalid
from edged.algorithm.session import Session
from edged.errors import AlgorithmError

CLIP_LAYOUTS = {
    "ntchw": "1 x T x 3 x H x W",
    "ncthw": "1 x 3 x T x H x W",
    "nthwc": "1 x T x H x W x 3",
    "tchw": "T x 3 x H x W",
    "stacked": "1 x 3T x H x W",
}
"""By name, what each looks like."""


@dataclass(frozen=True, slots=True)
class ClipInput:
    """One input of a model that is a clip."""

    layout: str
    frames: int | None
    """How many it takes; None: any number."""
    picture: ImageInput
    """What each of them is."""

    @classmethod
    def of(
        cls, session: Session, layout: str = "auto", open_size: tuple[int, int] | None = None
    ) -> ClipInput:
        """The first input of four or five dimensions.

        Raises `AlgorithmError` where there is none, `ParamsInvalid` where the layout cannot be told.
        """
        tensor = next((each for each in session.inputs if len(each.shape) in (4, 5)), None)
        if tensor is None or len(session.inputs) != 1:
            given = ", ".join(map(str, session.inputs))
            raise AlgorithmError(
                f"{session.path.name} takes no clip alone: its inputs are {given}; known are"
                f" {', '.join(CLIP_LAYOUTS.values())}"
            )
        shape = tensor.shape
        told = clip_layout(shape) if layout == "auto" else layout
        if told is None or not _fits(told, shape):
            problem = "which dimension is the time cannot be told" if told is None else f"that is no {told}"
            known = ", ".join(f"{name} ({what})" for name, what in CLIP_LAYOUTS.items())
            message = f"{session.path.name} takes {tensor}: {problem}; say `layout:` one of {known}"
            raise ParamsInvalid(message, path="layout")
        frames, height, width = _sizes(told, shape)
        open_width, open_height = open_size or (width or 224, height or 224)
        if open_size and ((width or open_width), (height or open_height)) != open_size:
            raise ParamsInvalid(f"{session.path.name} takes {width}x{height} only", path="input_size")
        picture = ImageInput(
            tensor.name, width or open_width, height or open_height, 3, told == "nthwc", tensor.dtype, None
        )
        return cls(told, frames, picture)

    def feed(self, pictures: Sequence[NDArray[np.uint8]], scaling: Scaling) -> NDArray[Any]:
        """One clip of pictures ``(height, width, 3)``, oldest first, in the model's layout and dtype."""
        batch = self.picture.feed(pictures, scaling)
        if self.layout == "tchw":
            return batch
        if self.layout == "stacked":
            return batch.reshape(1, -1, *batch.shape[2:])
        if self.layout == "ncthw":
            return np.ascontiguousarray(batch.transpose(1, 0, 2, 3))[np.newaxis]
        return batch[np.newaxis]


def clip_layout(shape: Sequence[int | None]) -> str | None:
    """The layout of an input of ``shape``, None where it may be several or none."""
    fitting = [name for name in CLIP_LAYOUTS if _fits(name, shape)]
    if len(shape) == 4:
        return fitting[0] if len(fitting) == 1 and None not in (shape[0], shape[1]) else None
    sure = [name for name in fitting if shape[{"ntchw": 2, "ncthw": 1, "nthwc": 4}[name]] == 3]
    return sure[0] if len(sure) == 1 else None


def _fits(layout: str, shape: Sequence[int | None]) -> bool:
    one, three = (None, 1), (None, 3)
    if layout == "tchw":
        return len(shape) == 4 and shape[1] in three and shape[0] != 1
    if layout == "stacked":
        several = shape[1] is None or (shape[1] % 3 == 0 and shape[1] > 3)
        return len(shape) == 4 and shape[0] in one and several
    channels = {"ntchw": 2, "ncthw": 1, "nthwc": 4}[layout]
    return len(shape) == 5 and shape[0] in one and shape[channels] in three


def _sizes(layout: str, shape: Sequence[int | None]) -> tuple[int | None, int | None, int | None]:
    """Frames, height and width."""
    if layout == "stacked":
        return (shape[1] // 3 if shape[1] else None), shape[2], shape[3]
    places = {"tchw": (0, 2, 3), "ntchw": (1, 3, 4), "ncthw": (2, 3, 4), "nthwc": (1, 2, 3)}[layout]
    frames, height, width = (shape[place] for place in places)
    return frames, height, width
