from __future__ import annotations

import numpy as np
import pytest

from edged.algorithm.drawing import color_of, draw_detections
from edged.model.detection import Detection

SIZES = [(1, 1), (16, 20), (144, 176), (480, 640), (1080, 1920), (2160, 3840)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_box_stands_out_at_any_size_and_brightness(size: tuple[int, int], level: int) -> None:
    picture = np.full((*size, 3), level, dtype=np.uint8)
    draw_detections(picture, [Detection((0.25, 0.25, 0.75, 0.75), 0.9, "person", 0)])
    changed = (picture != level).any(axis=2)
    assert changed.any()
    if min(size) >= 100:
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        around = 0.02 * max(size)
        assert abs(rows[-1] - 0.75 * size[0]) < around
        assert abs(columns[0] - 0.25 * size[1]) < around
        assert not changed[
            int(0.4 * size[0]) : int(0.6 * size[0]), int(0.4 * size[1]) : int(0.6 * size[1])
        ].any()


@pytest.mark.parametrize(
    "box", [(0, 0, 1, 1), (0.99, 0.99, 1, 1), (0, 0, 0, 0), (1, 1, 1, 1), (0.9, 0, 1, 0.02)]
)
def test_labels_stay_inside_the_picture(box: tuple[float, float, float, float]) -> None:
    picture = np.zeros((480, 640, 3), dtype=np.uint8)
    draw_detections(picture, [Detection(box, 0.5, "person", 0)])
    background = (picture == color_of(Detection(box, 0.5, "person", 0))).all(axis=2)
    rows, columns = np.flatnonzero(background.sum(axis=1) > 20), np.flatnonzero(background.sum(axis=0) > 5)
    assert len(rows) >= 8
    assert len(columns) >= 40


def test_keypoints_are_drawn_where_they_are_seen() -> None:
    picture = np.zeros((200, 200, 3), dtype=np.uint8)
    points = ((0.5, 0.5, 0.9), (0.5, 0.75, 0.0))
    draw_detections(picture, [Detection((0.1, 0.1, 0.9, 0.9), 0.5, keypoints=points)])
    assert picture[100, 100].any()
    assert not picture[150, 100].any()


def test_labels_keep_their_colour() -> None:
    one, other = Detection((0, 0, 1, 1), 0.5, "cat", 1), Detection((0, 0, 0.1, 1), 0.9, "cat", 1)
    assert color_of(one) == color_of(other)
    assert color_of(one) != color_of(Detection((0, 0, 1, 1), 0.5, "dog", 2))
    assert color_of(Detection((0, 0, 1, 1), 0.5, "cat")) == color_of(Detection((0, 0, 1, 1), 0.1, "cat"))
