"""Non-maximum suppression: of boxes of one class that overlap, the best one stays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def suppress(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    label_ids: NDArray[np.intp],
    *,
    iou: float,
    most: int,
) -> NDArray[np.intp]:
    """Greedy suppression per class.

    ``boxes`` ``(n, 4)``, corners in any unit; ``scores`` and ``label_ids`` ``(n,)``. Returns the
    indexes of at most ``most`` boxes, best first; no two of a class overlap by more than ``iou``.
    """
    order = np.argsort(-scores, kind="stable")
    corners, labels = boxes[order].astype(np.float64), label_ids[order]
    areas = np.prod(np.maximum(corners[:, 2:] - corners[:, :2], 0), axis=1)
    kept: list[int] = []
    while len(order) and len(kept) < most:
        kept.append(int(order[0]))
        best, rest = corners[0], corners[1:]
        overlaps = _overlap(best, rest)
        unions = areas[0] + areas[1:] - overlaps
        stays = (overlaps <= iou * unions) | (labels[1:] != labels[0])
        order, corners, labels, areas = (
            order[1:][stays], rest[stays], labels[1:][stays], areas[1:][stays],
        )  # fmt: skip
    return np.array(kept, dtype=np.intp)


def _overlap(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """The area that ``box`` has in common with each of ``others``."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    sides = np.maximum(sides, 0)
    return np.asarray(sides[:, 0] * sides[:, 1])
