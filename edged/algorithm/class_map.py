"""What semantic segmentation models return, as one class for each place; its areas, outlines and runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.errors import AlgorithmError

ClassMap: TypeAlias = NDArray[np.uint8]
"""``(rows, columns)``: the number of each place's class."""
Polygon: TypeAlias = NDArray[np.float64]
"""``(n, 2)``: x and y in fractions of the map, 0-1."""

MOST_CLASSES = 256
_DOUBLINGS = 12


def layout_of(shape: Sequence[int], width: int, height: int) -> str | None:
    """How an output of ``shape`` lies: ``chw`` or ``hwc``, scores of each class, or a ``map`` of classes.

    The two dimensions in the proportions of the input are the map's; where that fits twice, the smaller
    other one is the classes'. None: it is none of them, or it cannot be told.
    """
    sizes = tuple(shape[1:]) if len(shape) in (3, 4) and shape[0] == 1 else tuple(shape)
    if len(sizes) == 2:
        return "map" if _alike(sizes[1], sizes[0], width, height) else None
    if len(sizes) != 3:
        return None
    first = _alike(sizes[2], sizes[1], width, height)
    last = _alike(sizes[1], sizes[0], width, height)
    if first and last:
        if sizes[0] == sizes[2]:
            return None
        return "chw" if sizes[0] < sizes[2] else "hwc"
    if first:
        return "chw"
    return "hwc" if last else None


def planes_of(output: NDArray[Any], layout: str) -> NDArray[Any]:
    """A view ``(classes, rows, columns)`` of scores, ``(1, rows, columns)`` of a map of classes."""
    if layout == "map":
        return output.reshape([1, *(size for size in output.shape if size > 1)])
    plain = output[0] if output.ndim == 4 else output
    return np.moveaxis(plain, 2, 0) if layout == "hwc" else plain


def best_classes(planes: NDArray[Any]) -> ClassMap:
    """The class of the highest score in each place, the first of equal ones; a third of numpy's time.

    ``planes``: ``(classes, rows, columns)`` of floats. Raises `AlgorithmError` for NaN or infinity.
    """
    if len(planes) > MOST_CLASSES:
        raise AlgorithmError(f"{len(planes)} classes: {MOST_CLASSES} are the most that are known here")
    floats = planes if planes.dtype == np.float32 else planes.astype(np.float32)
    singles = _split(floats)
    best, classes = np.array(singles[0]), np.zeros(floats.shape[1:], dtype=np.uint8)
    for number, plane in enumerate(singles[1:], start=1):
        higher = cv2.compare(plane, best, cv2.CMP_GT)
        best = cv2.max(plane, best)
        cv2.copyTo(np.full_like(classes, number), higher, classes)
    if not np.isfinite(floats.max()):
        raise AlgorithmError(
            "the model returned NaN or infinite scores: check scale, mean and std, try `provider: cpu`, "
            "or export it in float32"
        )
    return classes


def polygons_of(
    mask: NDArray[np.uint8], *, min_area: float, simplify: float, most_points: int
) -> list[Polygon]:
    """The outer borders of the regions of ``mask`` (0 or not), the largest first; holes are not told.

    Regions of less than ``min_area`` (share of the mask) are left out. A border leaves the true one by
    ``simplify`` at most (share of the mask's longer side), by more where it would have more than
    ``most_points``. Points lie in the middle of a border's cells (Suzuki and Abe, 1985; Douglas and
    Peucker, 1973, as OpenCV has them).
    """
    rows, columns = mask.shape
    borders, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    sized = [(_cells(border), border) for border in borders]
    large = [(area, border) for area, border in sized if area >= max(1.0, min_area * mask.size)]
    large.sort(key=lambda pair: -pair[0])
    tolerance = simplify * max(rows, columns)
    simple = [_simplified(border, tolerance, most_points) for _, border in large]
    return [(points + 0.5) / (columns, rows) for points in simple if len(points) >= 3]


def runs_of(mask: NDArray[np.bool_], most: int) -> dict[str, Any]:
    """The mask as COCO's uncompressed RLE: ``{"size": [rows, columns], "counts": [...]}``.

    Counts are lengths of runs down the columns, one column after the other, of zeros and ones in turn,
    zeros first (maybe 0 of them). Where there would be more than ``most``, every other row and column is
    left out until there are not: ``size`` tells. Source: the COCO API's mask format, cocodataset.org.
    """
    while True:
        flat = mask.T.reshape(-1)
        turns = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        if len(turns) + 2 <= most or mask.size <= 4:
            break
        mask = mask[::2, ::2]
    edges = np.concatenate(([0], turns, [flat.size]))
    counts: list[int] = np.diff(edges).tolist()
    return {"size": list(mask.shape), "counts": [0, *counts] if flat[0] else counts}


def mask_of(runs: dict[str, Any]) -> NDArray[np.uint8]:
    """The mask of what `runs_of` made, 0 or 1."""
    rows, columns = runs["size"]
    values = np.arange(len(runs["counts"]), dtype=np.uint8) % 2
    return np.repeat(values, runs["counts"]).reshape(columns, rows).T


def _split(planes: NDArray[np.float32]) -> Sequence[NDArray[Any]]:
    """Each plane by itself, contiguous; scores whose classes come last are taken apart at once."""
    last = np.moveaxis(planes, 0, 2)
    if last.flags.c_contiguous and len(planes) > 1:
        return list(cv2.split(last))
    return [np.ascontiguousarray(plane) for plane in planes]


def _alike(width: int, height: int, input_width: int, input_height: int) -> bool:
    """Whether a map of this size shows the whole input: same proportions but for what rounding leaves."""
    if width < 2 or height < 2:
        return False
    return abs(width * input_height - height * input_width) <= 1.5 * max(input_width, input_height)


def _cells(border: NDArray[Any]) -> float:
    """The area within a border whose points are the middles of its cells, by Pick's theorem."""
    steps = np.abs(np.diff(border[:, 0], axis=0, append=border[:1, 0])).max(axis=1).sum()
    return float(cv2.contourArea(border) + steps / 2 + 1)


def _simplified(border: NDArray[Any], tolerance: float, most: int) -> NDArray[np.float64]:
    points = cv2.approxPolyDP(border, tolerance, closed=True)
    for _ in range(_DOUBLINGS):
        if len(points) <= most:
            break
        tolerance = max(2 * tolerance, 1.0)
        points = cv2.approxPolyDP(border, tolerance, closed=True)
    return np.asarray(points[:, 0], dtype=np.float64)
