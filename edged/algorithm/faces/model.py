"""A face detector, loaded: parts of a frame in, faces in fractions of the frame out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.batches import run_batches
from edged.algorithm.faces.head import FaceHead, Outputs
from edged.algorithm.faces.registry import recognise
from edged.algorithm.frame import Box, Frame, Picture
from edged.algorithm.image_input import ImageInput
from edged.algorithm.params import ParamsInvalid
from edged.algorithm.session import Session
from edged.errors import AlgorithmError

_WARM_UP = 320
"""A side of the picture that warms up a model which leaves its size open."""


@dataclass(frozen=True, slots=True)
class FoundFaces:
    """Faces before non-maximum suppression, in fractions of the frame, float64."""

    boxes: NDArray[np.float64]
    """``(n, 4)``."""
    scores: NDArray[np.float64]
    """``(n,)``, 0-1."""
    points: NDArray[np.float64]
    """``(n, k, 2)``: as `FaceCandidates.points`."""


class FaceModel:
    """A session and the head that its outputs are recognised as."""

    def __init__(self, session: Session, head: FaceHead, image: ImageInput) -> None:
        self.head = head
        self._session = session
        self._image = image
        """The last size it ran with."""
        self._own_size = _own_size(session, image)

    @classmethod
    def open(cls, session: Session, size: tuple[int, int] | None) -> FaceModel:
        """Warm it up and recognise its head. ``size`` (width, height) is the one asked for, None: any.

        Raises `AlgorithmError`, `ParamsInvalid` for a size that it does not take.
        """
        image = ImageInput.of(session)
        width, height = _own_size(session, image)
        image = ImageInput.of(session, (width or _WARM_UP, height or _WARM_UP))
        if len(session.inputs) != 1 or image.channels != 3:
            inputs = ", ".join(str(each) for each in session.inputs)
            raise AlgorithmError(
                f"{session.path.name} takes {inputs}; a face detector takes one colour picture"
            )
        blank = np.zeros((image.height, image.width, 3), dtype=np.uint8)
        outputs = run_batches(session, image.batch, [blank], image.feed)
        head = recognise([output.shape[1:] for output in outputs], image.width, image.height)
        if size is not None:
            image = ImageInput.of(session, size)
            if size[0] % head.step or size[1] % head.step:
                raise ParamsInvalid(f"{head.name} takes multiples of {head.step}", path="input_size")
        return cls(session, head, image)

    @property
    def batch(self) -> int | None:
        """How many parts it looks at in one run; None: any number."""
        return self._image.batch

    def size_for(self, width_px: float, height_px: float, longest: int) -> tuple[int, int]:
        """Width and height of an input that has the shape of ``width_px`` x ``height_px`` of a frame, its
        longer side about ``longest``.
        """
        ratio = longest / max(width_px, height_px)
        step = self.head.step
        width, height = (max(1, round(side * ratio / step)) * step for side in (width_px, height_px))
        return width, height

    def find(
        self, frame: Frame, regions: Sequence[Box], size: tuple[int, int], score: float
    ) -> list[FoundFaces]:
        """The faces in each of ``regions`` that reach ``score``; ``size`` of the input, where it is open.

        All regions go through the model in one run where its batch is open. Raises `AlgorithmError`.
        """
        image, head = self._sized(size), self.head
        pictures = [
            frame.picture(
                image.width, image.height, fit=head.fit, pad=head.pad, color=head.color, region=region
            )
            for region in regions
        ]
        outputs = run_batches(
            self._session,
            image.batch,
            pictures,
            lambda some: image.feed([picture.pixels for picture in some], head.scaling),
        )
        floats = [np.asarray(output, dtype=np.float32) for output in outputs]
        if not all(np.isfinite(output).all() for output in floats):
            raise AlgorithmError(
                f"{self._session.path.name} returned NaN or infinite numbers: try `provider: cpu`"
            )
        return [
            self._found([output[place] for output in floats], picture, score)
            for place, picture in enumerate(pictures)
        ]

    def _sized(self, size: tuple[int, int]) -> ImageInput:
        wanted = tuple(own or given for own, given in zip(self._own_size, size, strict=True))
        if wanted != (self._image.width, self._image.height):
            self._image = ImageInput.of(self._session, (wanted[0], wanted[1]))
        return self._image

    def _found(self, outputs: Outputs, picture: Picture, score: float) -> FoundFaces:
        height, width = picture.pixels.shape[:2]
        found = self.head.decode(outputs, width, height, score)
        points = picture.points_to_frame(found.points).reshape(found.points.shape)
        return FoundFaces(picture.to_frame(found.boxes), found.scores.astype(np.float64), points)


def _own_size(session: Session, image: ImageInput) -> tuple[int | None, int | None]:
    """Width and height as the model declares them, None where it leaves them open."""
    shape = session.inputs[0].shape
    height, width = shape[1:3] if image.channels_last else shape[2:4]
    return width, height
