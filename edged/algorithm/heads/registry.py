"""Every head there is, and which one a model has."""

from __future__ import annotations

from collections.abc import Sequence

from edged.algorithm.coco import COCO_LABELS
from edged.algorithm.heads.head import Head
from edged.algorithm.heads.yolov8 import YOLOV8
from edged.algorithm.heads.yolox import YOLOX
from edged.errors import AlgorithmError

HEADS: dict[str, Head] = {head.name: head for head in (YOLOX, YOLOV8)}
"""By name. A new head is a file and its place in this line."""


def recognise(
    shapes: Sequence[tuple[int, ...]], width: int, height: int, label_count: int | None = None
) -> Head:
    """The head of a model with outputs of these shapes for an input of ``width`` x ``height``.

    Where a shape could be two heads', the one with ``label_count`` classes is taken, else the one
    with COCO's 80. Raises `AlgorithmError` naming the heads and the shapes.
    """
    fitting = {name: head.classes(shapes[0], width, height) for name, head in HEADS.items()}
    found = [name for name, count in fitting.items() if count is not None]
    if not found or len(shapes) != 1:
        raise AlgorithmError(_unknown(shapes, width, height))
    for wanted in (label_count, len(COCO_LABELS)):
        for name in found:
            if wanted is not None and fitting[name] == wanted:
                return HEADS[name]
    return HEADS[found[0]]


def _unknown(shapes: Sequence[tuple[int, ...]], width: int, height: int) -> str:
    given = ", ".join("x".join(str(size) for size in shape) for shape in shapes)
    known = "; ".join(f"{head.name}: {head.output}" for head in HEADS.values())
    return f"no head is known for outputs of {given} (input {width}x{height}). Known are {known}"
