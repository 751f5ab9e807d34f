"""A face detector, loaded: parts of a frame in, faces in fractions of the frame out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.batches import run_batches
from edged.algorithm.faces.head import FaceHead
from edged.algorithm.faces.registry import recognise
from edged.algorithm.frame import Box, Frame, Picture
from edged.algorithm.image_input import ImageInput
from edged.algorithm.params import ParamsInvalid
from edged.algorithm.session import Session
from edged.errors import AlgorithmError

_WARM_UP = (320, 320)
"""The picture that warms up a model which leaves its size open."""


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
        self.session = session
        self.head = head
        self._image = image
        """The last size it ran with."""
        self._size: tuple[int, int] | None = None
        """The size asked for then."""

    @classmethod
    def open(cls, session: Session, size: tuple[int, int] | None) -> FaceModel:
        """Warm it up and recognise its head. ``size`` (width, height) is the one asked for, None: any.

        Raises `AlgorithmError`, `ParamsInvalid` for a size that it does not take.
        """
        image = ImageInput.of(session, default=_WARM_UP)
        if len(session.inputs) != 1 or image.channels != 3:
            inputs = ", ".join(str(each) for each in session.inputs)
            raise AlgorithmError(f"{session.path.name} takes {inputs}; a face detector one colour picture")
        blank = np.zeros((image.height, image.width, 3), dtype=np.uint8)
        outputs = run_batches(session, image.batch, [blank], image.feed)
        head = recognise([output.shape[1:] for output in outputs], image.width, image.height)
        if size is not None:
            image = ImageInput.of(session, size)
            if size[0] % head.step or size[1] % head.step:
                raise ParamsInvalid(f"{head.name} takes multiples of {head.step}", path="input_size")
        return cls(session, head, image)

    def size_for(self, width_px: float, height_px: float, longest: int) -> tuple[int, int]:
        """Width and height of an input that has the shape of ``width_px`` x ``height_px`` of a frame, its
        longer side about ``longest``.
        """
        ratio = longest / max(width_px, height_px)
        step = self.head.step
        width, height = (max(1, round(side * ratio / step)) * step for side in (width_px, height_px))
        return width, height

    def picture(self, frame: Frame, region: Box, size: tuple[int, int]) -> Picture:
        """``region`` of a frame as the model wants it; ``size`` (width, height) where it leaves that open."""
        if size != self._size:
            self._image, self._size = ImageInput.of(self.session, default=size), size
        image, head = self._image, self.head
        return frame.picture(
            image.width, image.height, fit=head.fit, pad=head.pad, color=head.color, region=region
        )

    def feed(self, pictures: Sequence[Picture]) -> NDArray[Any]:
        """The model's input for pictures of one size."""
        return self._image.feed([picture.pixels for picture in pictures], self.head.scaling)

    def find(
        self, frame: Frame, regions: Sequence[Box], size: tuple[int, int], score: float
    ) -> list[FoundFaces]:
        """The faces in each of ``regions`` that reach ``score``; one run for all where its batch is open."""
        pictures = [self.picture(frame, region, size) for region in regions]
        outputs = run_batches(self.session, self._image.batch, pictures, self.feed)
        return [
            self.found([output[place : place + 1] for output in outputs], picture, score)
            for place, picture in enumerate(pictures)
        ]

    def found(self, outputs: Sequence[NDArray[Any]], picture: Picture, score: float) -> FoundFaces:
        """The faces that the model's answer to one picture, ``(1, …)`` each, tells of.

        Raises `AlgorithmError` for NaN and infinite numbers.
        """
        rows = [np.asarray(output[0], dtype=np.float32) for output in outputs]
        if not all(np.isfinite(row).all() for row in rows):
            name = self.session.path.name
            raise AlgorithmError(f"{name} returned NaN or infinite numbers: try `provider: cpu`")
        height, width = picture.pixels.shape[:2]
        found = self.head.decode(rows, width, height, score)
        points = picture.points_to_frame(found.points).reshape(found.points.shape)
        return FoundFaces(picture.to_frame(found.boxes), found.scores.astype(np.float64), points)
