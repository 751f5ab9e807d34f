"""Every family of face detectors there is, and which one a model belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from edged.algorithm.faces.head import FaceHead
from edged.algorithm.faces.ultraface import ULTRAFACE
from edged.algorithm.faces.yunet import YUNET
from edged.errors import AlgorithmError

FACE_HEADS: dict[str, FaceHead] = {head.name: head for head in (YUNET, ULTRAFACE)}
"""By name. A new family is a file and its place in this line."""


def recognise(shapes: Sequence[tuple[int, ...]], width: int, height: int) -> FaceHead:
    """The head of a model with outputs of these shapes, without the batch, for an input of ``width`` x
    ``height``. Raises `AlgorithmError` naming the heads and the shapes.
    """
    for head in FACE_HEADS.values():
        if head.fits(shapes, width, height):
            return head
    given = ", ".join("x".join(str(size) for size in shape) for shape in shapes)
    known = "; ".join(f"{head.name}: {head.outputs}" for head in FACE_HEADS.values())
    raise AlgorithmError(
        f"no face detector has outputs of {given} (input {width}x{height}). Known are {known}. "
        "For a detector of another family use the algorithm `detector`"
    )
