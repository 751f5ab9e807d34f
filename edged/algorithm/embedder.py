"""What things look like, as vectors: crops that show the same one point the same way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.batches import run_batches
from edged.algorithm.color import Color
from edged.algorithm.context import Context
from edged.algorithm.frame import Box, Fit, Frame
from edged.algorithm.image_input import AS_IT_IS, ImageInput, Scaling
from edged.algorithm.session import Session
from edged.errors import AlgorithmError

_MOST_DIMENSIONS = 16_384
"""More is a map of features, not a vector."""


class Embedder:
    """A re-identification model, loaded. Crops are stretched to its input, as such models are trained."""

    def __init__(
        self, session: Session, image: ImageInput, *, color: Color = Color.BGR, scaling: Scaling = AS_IT_IS
    ) -> None:
        self._session = session
        self._image = image
        self._color = Color.GRAY if image.channels == 1 else color
        self._scaling = scaling
        self.dimensions = 0
        """Of a vector; known once it was warmed up."""

    @classmethod
    def open(
        cls, context: Context, model: str, *, provider: str = "auto", threads: int | None = None
    ) -> Embedder:
        """Load ``model`` and warm it up. It takes crops as BGR 0-255 and gives a vector for each as its first
        output. Raises `AlgorithmError`.
        """
        session = context.model(model, provider=provider, threads=threads)
        embedder = cls(session, ImageInput.of(session))
        embedder.warm_up()
        return embedder

    def warm_up(self) -> None:
        """Run it once, to know ``dimensions``; raises `AlgorithmError` where it gives no vectors."""
        shape = (self._image.height, self._image.width)
        blank = np.zeros(shape if self._color == Color.GRAY else (*shape, 3), dtype=np.uint8)
        output = run_batches(self._session, self._image, [blank], self._scaling)[0]
        self.dimensions = int(output.size)
        if not 2 <= self.dimensions <= _MOST_DIMENSIONS or max(output.shape) != output.size:
            raise AlgorithmError(
                f"{self._session.path.name} gives {output.shape} for a picture, which is no vector: "
                "export it without its last layers, or with global pooling"
            )

    def embed(self, frame: Frame, boxes: Sequence[Box]) -> NDArray[np.float32]:
        """A vector of unit length for what lies in each of ``boxes`` (fractions of the frame): ``(n, d)``.

        The scalar product of two is their cosine. A vector of zeros stays so. Raises `AlgorithmError`
        where the model returns NaN or infinite numbers.
        """
        if not boxes:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        size = (self._image.width, self._image.height)
        crops = [frame.picture(*size, fit=Fit.STRETCH, color=self._color, region=box).pixels for box in boxes]
        output = run_batches(self._session, self._image, crops, self._scaling)[0]
        vectors = np.asarray(output, dtype=np.float32).reshape(len(boxes), self.dimensions)
        if not np.isfinite(vectors).all():
            raise AlgorithmError(
                f"{self._session.path.name} returned NaN or infinite numbers: "
                "run it with `provider: cpu`, or export it in float32"
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, np.float32(1e-12)), dtype=np.float32)
