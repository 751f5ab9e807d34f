"""YOLOX as its authors' demo does it, sharing no code with edged, and how far two findings agree.

The whole frame as BGR, resized with OpenCV, decoded and suppressed in Python loops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edged.algorithm.coco import COCO_LABELS

SCORE = 0.4
LEAST = 0.3
"""Counterparts of a box just above 0.4 may lie below it."""
IOU_WANTED, SCORE_WANTED = 0.9, 0.05

Box = tuple[float, float, float, float]


class Found(Protocol):
    """What both sides of a comparison are made of; boxes in fractions of the frame."""

    @property
    def label(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def box(self) -> Box: ...


@dataclass(frozen=True)
class Plain:
    label: str
    score: float
    box: Box


class PlainYolox:
    """YOLOX-nano at 416x416."""

    def __init__(self, path: Path) -> None:
        self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def find(self, picture: NDArray[np.uint8], least: float = LEAST) -> list[Plain]:
        """``picture`` is BGR, (height, width, 3)."""
        height, width = picture.shape[:2]
        ratio = min(416 / height, 416 / width)
        canvas = np.full((416, 416, 3), 114, dtype=np.uint8)
        inner = cv2.resize(picture, (round(width * ratio), round(height * ratio)))
        canvas[: inner.shape[0], : inner.shape[1]] = inner
        tensor = canvas.astype(np.float32).transpose(2, 0, 1)[np.newaxis]
        (rows,) = self.session.run(None, {"images": tensor})[0]
        sizes = (width * ratio, height * ratio) * 2
        found = []
        for row, (x, y, stride) in enumerate(grid()):
            if rows[row, 4] < least:  # no label of it can score more
                continue
            scores = rows[row, 4] * rows[row, 5:]
            label = int(scores.argmax())
            if scores[label] >= least:
                cx, cy = (rows[row, 0] + x) * stride, (rows[row, 1] + y) * stride
                w, h = np.exp(rows[row, 2]) * stride, np.exp(rows[row, 3]) * stride
                corners = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
                box = [min(max(float(c / s), 0.0), 1.0) for c, s in zip(corners, sizes, strict=True)]
                found.append(Plain(COCO_LABELS[label], float(scores[label]), tuple(box)))  # type: ignore[arg-type]
        return self.suppress(found)

    @staticmethod
    def suppress(found: list[Plain]) -> list[Plain]:
        kept: list[Plain] = []
        for one in sorted(found, key=lambda each: -each.score):
            if all(other.label != one.label or overlap(one.box, other.box) <= 0.45 for other in kept):
                kept.append(one)
        return kept


def grid() -> Iterator[tuple[int, int, int]]:
    """x, y and stride of each row of the output."""
    for stride in (8, 16, 32):
        for y in range(416 // stride):
            for x in range(416 // stride):
                yield x, y, stride


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union."""
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - width * height
    return width * height / union if union else 0.0


def agrees(one: Found, others: Sequence[Found]) -> bool:
    return any(
        other.label == one.label
        and overlap(one.box, other.box) >= IOU_WANTED
        and abs(other.score - one.score) <= SCORE_WANTED
        for other in others
    )


@dataclass
class Agreement:
    """How many boxes above 0.4, of either side, have their counterpart on the other."""

    boxes: int = 0
    agreed: int = 0

    @property
    def share(self) -> float:
        return self.agreed / self.boxes if self.boxes else 0.0

    def add(self, ours: Sequence[Found], plain: Sequence[Found]) -> None:
        for one, others in ((ours, plain), (plain, ours)):
            above = [found for found in one if found.score >= SCORE]
            self.boxes += len(above)
            self.agreed += sum(agrees(found, others) for found in above)
