"""What things look like, as vectors: crops that show the same one point the same way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.context import Context
from edged.algorithm.crop_model import CropModel, CropModelParams
from edged.algorithm.frame import Box, Frame
from edged.algorithm.runtime import Provider
from edged.errors import AlgorithmError

_MOST_DIMENSIONS = 16_384
"""More is a map of features, not a vector."""


class Embedder:
    """A re-identification model, loaded."""

    def __init__(self, model: CropModel, dimensions: int) -> None:
        self.model = model
        self.dimensions = dimensions
        """Of a vector."""

    @classmethod
    def open(
        cls, context: Context, model: str, *, provider: str = "auto", threads: int | None = None
    ) -> Embedder:
        """Load a model that takes crops, stretched, as BGR 0-255 (as Open Model Zoo's do), and warm it up.

        Its first output is the vector. Raises `AlgorithmError`.
        """
        params = CropModelParams.model_validate(
            {"model": model, "color": "bgr", "scale": 1.0, "provider": Provider(provider)}
        )
        return cls.of(CropModel.open(context, params, threads=threads, open_size=(128, 256)))

    @classmethod
    def of(cls, model: CropModel) -> Embedder:
        """Warm ``model`` up; raises `AlgorithmError` where it gives no vectors."""
        dimensions = model.probe().shape[1]
        if not 2 <= dimensions <= _MOST_DIMENSIONS:
            raise AlgorithmError(
                f"{model.session.path.name} gives {dimensions} numbers for a picture, which is no vector: "
                "export it with global pooling and without what comes after it"
            )
        return cls(model, dimensions)

    def embed(self, frame: Frame, boxes: Sequence[Box]) -> NDArray[np.float32]:
        """A vector of unit length for what lies in each of ``boxes`` (fractions of the frame): ``(n, d)``.

        The scalar product of two is their cosine. A vector of zeros stays so. In one run where the model's
        batch is open. Raises `AlgorithmError` where the model returns NaN or infinite numbers.
        """
        if not boxes:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        vectors = self.model.run(frame, boxes)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, np.float32(1e-12)), dtype=np.float32)
