"""What the plain implementations are made of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Outputs = Mapping[str, NDArray[Any]]
Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Raw:
    """One box in pixels of the model's input."""

    label_id: int
    score: float
    box: tuple[float, float, float, float]


def stretched(bgr: Picture, width: int, height: int) -> NDArray[np.float32]:
    return cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)


def letterboxed(bgr: Picture, width: int, height: int, *, pad: int) -> NDArray[np.float32]:
    """In the middle."""
    ratio = min(width / bgr.shape[1], height / bgr.shape[0])
    inner = (round(bgr.shape[1] * ratio), round(bgr.shape[0] * ratio))
    canvas = np.full((height, width, 3), pad, dtype=np.float32)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = stretched(bgr, *inner)
    return canvas


def channels_first(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return picture.transpose(2, 0, 1)[np.newaxis]


def rgb(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return picture[:, :, ::-1]


def around(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
    """The corners of a box by its centre and size."""
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def best(scores: NDArray[Any]) -> tuple[int, float]:
    numbers = [float(score) for score in scores]
    return numbers.index(max(numbers)), max(numbers)


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def softmax(values: NDArray[Any]) -> list[float]:
    powers = [math.exp(float(value) - float(max(values))) for value in values]
    return [power / sum(powers) for power in powers]


def cells(width: int, height: int, strides: tuple[int, ...]) -> Iterator[tuple[int, int, int]]:
    """Column, row and stride of each cell."""
    for stride in strides:
        for row in range(math.ceil(height / stride)):
            for column in range(math.ceil(width / stride)):
                yield column, row, stride
