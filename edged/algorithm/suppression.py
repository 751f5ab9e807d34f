"""Non-maximum suppression: of boxes of one class that overlap, the best one stays."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_nms: Any = cv2.dnn.NMSBoxesBatched
"""Its stubs know lists only; arrays are quicker."""
_CHUNK = 512
"""Candidates looked at together, best first: OpenCV knows no end once enough are kept."""
_ROUNDING = 1e-6
"""OpenCV compares in single precision: overlaps that differ by less are equal."""


def suppress(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    label_ids: NDArray[np.intp],
    *,
    iou: float,
    most: int,
) -> NDArray[np.intp]:
    """Greedy suppression per class.

    ``boxes`` ``(n, 4)``, finite corners in any unit; ``scores`` and ``label_ids`` ``(n,)``. Returns the
    indexes of at most ``most`` boxes, best first, of equals the earlier one; no two of a class overlap by
    more than ``iou``. A box without an area overlaps with none.
    """
    order = np.argsort(-scores, kind="stable")
    corners = boxes.astype(np.float64)
    sizes = np.maximum(corners[:, 2:] - corners[:, :2], 0)
    areas = sizes[:, 0] * sizes[:, 1]
    iou += _ROUNDING
    kept = np.zeros(0, dtype=np.intp)
    for begin in range(0, len(order), _CHUNK):
        chunk = order[begin : begin + _CHUNK]
        chunk = chunk[_free(chunk, kept, corners, areas, label_ids, iou)]
        kept = np.concatenate((kept, chunk[_best(corners[chunk], sizes[chunk], label_ids[chunk], iou)]))
        if len(kept) >= most:
            break
    return kept[:most]


def _best(
    corners: NDArray[np.float64], sizes: NDArray[np.float64], label_ids: NDArray[np.intp], iou: float
) -> NDArray[np.intp]:
    """Which of boxes that stand best first stay; in that order."""
    if len(corners) < 2:
        return np.arange(len(corners))
    solid = (sizes > 0).all(axis=1)
    places = np.flatnonzero(solid)
    ranks = np.arange(len(corners), 0, -1, dtype=np.float32)
    rectangles = np.concatenate((corners, sizes), axis=1)[places][:, [0, 1, 4, 5]]
    found = _nms(rectangles, ranks[places], label_ids[places].astype(np.int32), 0.0, iou)
    stays = np.logical_not(solid)
    stays[places[np.asarray(found, dtype=np.intp).reshape(-1)]] = True
    return np.flatnonzero(stays)


def _free(
    chunk: NDArray[np.intp],
    kept: NDArray[np.intp],
    corners: NDArray[np.float64],
    areas: NDArray[np.float64],
    label_ids: NDArray[np.intp],
    iou: float,
) -> NDArray[np.bool_]:
    """Which of ``chunk`` overlap with none of ``kept`` of their class by more than ``iou``."""
    if not len(kept):
        return np.ones(len(chunk), dtype=np.bool_)
    ours, theirs = corners[chunk][:, np.newaxis], corners[kept][np.newaxis]
    sides = np.minimum(ours[..., 2:], theirs[..., 2:]) - np.maximum(ours[..., :2], theirs[..., :2])
    np.maximum(sides, 0, out=sides)
    overlaps = sides[..., 0] * sides[..., 1]
    unions = areas[chunk][:, np.newaxis] + areas[kept] - overlaps
    rivals = (overlaps > iou * unions) & (label_ids[chunk][:, np.newaxis] == label_ids[kept])
    return np.asarray(~rivals.any(axis=1))
