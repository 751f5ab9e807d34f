"""A model that looks at crops, or at a frame as a whole: a classifier, re-identification."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from edged.algorithm.batches import run_batches, runs_for
from edged.algorithm.color import Color
from edged.algorithm.context import Context
from edged.algorithm.crops import CropFit, CropInput, to_tensor
from edged.algorithm.frame import Box, Frame
from edged.algorithm.image_input import ImageInput
from edged.algorithm.params import ParamsInvalid, blame
from edged.algorithm.picture_params import PictureParams
from edged.algorithm.session import Session
from edged.errors import AlgorithmError


class CropModelParams(PictureParams):
    """What the model is and which pictures it was trained on; subclasses may have other defaults."""

    output: str | None = Field(None, description="the output that counts, by name; default: the first")


class CropModel:
    """A model of one input that is a picture."""

    def __init__(self, session: Session, wanted: CropInput, output: int = 0) -> None:
        self.session = session
        self.wanted = wanted
        self._output = output
        self.answer: tuple[int, ...] = ()
        """The shape of what it gives for one picture; empty before `probe`."""

    @classmethod
    def open(
        cls,
        context: Context,
        params: CropModelParams,
        *,
        threads: int | None = None,
        margin: float = 0.0,
        open_size: tuple[int, int] = (224, 224),
    ) -> CropModel:
        """Load it. Raises `ParamsInvalid` that blames the param which does not fit the model."""
        with blame("model"):
            session = context.model(params.model, provider=params.provider, threads=threads)
            image = _image(session, params.input_size, open_size)
        color = Color.GRAY if image.channels == 1 else Color(params.color)
        fit = CropFit.STRETCH if params.resize == "auto" else CropFit(params.resize)
        wanted = CropInput(image, color, fit, params.scaling(image.channels), margin)
        return cls(session, wanted, _output(session, params.output))

    def run(self, frame: Frame, boxes: Sequence[Box]) -> NDArray[np.float32]:
        """Its output for each of ``boxes`` (fractions of the frame): ``(n, numbers)``, finite.

        In one run where its batch is open. The uint8 of quantised models becomes 0-1. Raises
        `AlgorithmError` for NaN and infinite numbers, and for an output without a row per picture.
        """
        outputs = run_batches(
            self.session, self.wanted.image.batch, boxes, lambda some: self.wanted.tensor(frame, some)
        )
        return self._numbers(outputs[self._output], len(boxes))

    def runs_for(self, boxes: int) -> int:
        """How many runs of the session that takes."""
        return runs_for(self.wanted.image.batch, boxes)

    def probe(self) -> NDArray[np.float32]:
        """What it gives for two pictures of noise, ``(2, numbers)``: warms it up, too."""
        image = self.wanted.image
        shape = (2, image.height, image.width, 3)[: 3 if image.channels == 1 else 4]
        noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        outputs = run_batches(
            self.session, image.batch, [0, 1], lambda some: to_tensor(noise[list(some)], self.wanted)
        )
        self.answer = outputs[self._output].shape[1:]
        return self._numbers(outputs[self._output], 2)

    def _numbers(self, output: NDArray[Any], rows: int) -> NDArray[np.float32]:
        if output.dtype != np.uint8 and not np.issubdtype(output.dtype, np.floating):
            outputs = ", ".join(str(each) for each in self.session.outputs)
            raise AlgorithmError(
                f"{self.session.path.name}: an output of {output.dtype} tells no scores: choose another by "
                f"`output`, or export it without what makes it; its outputs are {outputs}"
            )
        numbers = output.astype(np.float32).reshape(rows, output[:1].size if rows else 0)
        if output.dtype == np.uint8:
            numbers /= np.float32(255)
        if not np.isfinite(numbers).all():
            raise AlgorithmError(
                f"{self.session.path.name} returned NaN or infinite numbers: "
                "check scale, mean and std, try `provider: cpu`, or export it in float32"
            )
        return numbers


def _image(session: Session, size: tuple[int, int] | None, open_size: tuple[int, int]) -> ImageInput:
    image = ImageInput.of(session, size, default=open_size)
    if len(session.inputs) != 1:
        inputs = ", ".join(str(each) for each in session.inputs)
        raise AlgorithmError(f"{session.path.name}: it must take one picture and no more; it takes {inputs}")
    return image


def _output(session: Session, name: str | None) -> int:
    names = [output.name for output in session.outputs]
    if name is not None and name not in names:
        raise ParamsInvalid(f"{session.path.name} has no output {name!r}: {', '.join(names)}", path="output")
    return 0 if name is None else names.index(name)
