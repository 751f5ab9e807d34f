from __future__ import annotations

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.algorithm.suppression import suppress


def overlap(one: list[float], other: list[float]) -> float:
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    union = sum(areas) - width * height
    return width * height / union if union > 0 else 0.0


def naive(boxes: list[list[float]], scores: list[float], labels: list[int], iou: float) -> list[int]:
    kept: list[int] = []
    for place in sorted(range(len(boxes)), key=lambda place: (-scores[place], place)):
        rivals = [other for other in kept if labels[other] == labels[place]]
        if all(overlap(boxes[place], boxes[other]) <= iou for other in rivals):
            kept.append(place)
    return kept


def arrays(
    boxes: list[list[float]], scores: list[float], labels: list[int]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]:
    return (
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        np.array(scores, dtype=np.float32),
        np.array(labels, dtype=np.intp),
    )


box = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 20), st.integers(1, 20)).map(
    lambda b: [float(b[0]), float(b[1]), float(b[0] + b[2]), float(b[1] + b[3])]
)
found = st.lists(st.tuples(box, st.integers(0, 64).map(lambda n: n / 64), st.integers(0, 2)), max_size=40)


@settings(max_examples=200, deadline=None)
@given(found=found, iou=st.sampled_from([0.0, 0.3, 0.45, 0.71, 1.0]), most=st.integers(1, 50))
def test_it_is_what_the_plain_loops_give(
    found: list[tuple[list[float], float, int]], iou: float, most: int
) -> None:
    boxes, scores, labels = [f[0] for f in found], [f[1] for f in found], [f[2] for f in found]
    made = suppress(*arrays(boxes, scores, labels), iou=iou, most=most)
    assert made.tolist() == naive(boxes, scores, labels, iou)[:most]


crowd = st.integers(600, 1500).flatmap(
    lambda number: st.tuples(st.just(number), st.integers(0, 2**32 - 1), st.sampled_from([20, 200]))
)


@settings(max_examples=12, deadline=None)
@given(crowd=crowd, most=st.integers(1, 400))
def test_a_crowd_is_looked_at_in_parts_with_the_same_end(crowd: tuple[int, int, int], most: int) -> None:
    number, seed, span = crowd
    random = np.random.default_rng(seed)
    corners = random.integers(0, span, (number, 2))
    boxes = np.hstack((corners, corners + random.integers(2, 30, (number, 2)))).astype(np.float32)
    scores = random.integers(0, 500, number).astype(np.float32) / 512
    labels = random.integers(0, 3, number)
    made = suppress(boxes, scores, labels, iou=0.45, most=most)
    assert made.tolist() == naive(boxes.tolist(), scores.tolist(), labels.tolist(), 0.45)[:most]


def test_boxes_of_different_labels_do_not_suppress_each_other() -> None:
    made = suppress(*arrays([[0, 0, 9, 9], [0, 0, 9, 9]], [0.5, 0.9], [1, 2]), iou=0.1, most=9)
    assert made.tolist() == [1, 0]


def test_empty_boxes_do_no_harm() -> None:
    made = suppress(
        *arrays([[5, 5, 5, 5], [5, 5, 5, 5], [9, 9, 1, 1]], [0.9, 0.8, 0.7], [0, 0, 0]), iou=0.4, most=9
    )
    assert made.tolist() == [0, 1, 2]


def test_ten_thousand_boxes_are_done_in_time() -> None:
    rng = np.random.default_rng(1)
    corners = rng.uniform(0, 600, (10_000, 2))
    boxes = np.hstack((corners, corners + rng.uniform(4, 60, (10_000, 2)))).astype(np.float32)
    scores = rng.uniform(0.3, 1, 10_000).astype(np.float32)
    labels = rng.integers(0, 80, 10_000)
    began = time.process_time()
    made = suppress(boxes, scores, labels, iou=0.45, most=300)
    assert time.process_time() - began < 1.0
    assert made.tolist() == naive(boxes.tolist()[:], scores.tolist(), labels.tolist(), 0.45)[:300]
