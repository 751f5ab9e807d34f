"""To a user it is a list of pictures like any other; only what is looked at is converted."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edged.algorithm.frame import Frame
from edged.algorithm.picture_list import PictureList
from edged.model.frame import FrameFormat
from tests.pictures import header_of

FORMAT = FrameFormat(8, 4)


class CountingFrame(Frame):
    conversions = 0

    def bgr(self) -> NDArray[np.uint8]:
        CountingFrame.conversions += 1
        return super().bgr()


@pytest.fixture
def window() -> list[Frame]:
    CountingFrame.conversions = 0
    pixels = [np.full(FORMAT.frame_bytes, 30 * place + 20, np.uint8) for place in range(4)]
    return [CountingFrame(header_of(FORMAT), each) for each in pixels]


LOOKS: dict[str, tuple[Callable[[list[Any]], Any], int]] = {
    "nothing": (lambda frames: None, 0),
    "how many": (lambda frames: (len(frames), bool(frames), isinstance(frames, list)), 0),
    "the newest": (lambda frames: frames[-1], 1),
    "the newest twice": (lambda frames: frames[-1] + frames[3], 1),
    "a slice": (lambda frames: np.stack(frames[1:3]), 2),
    "every second": (lambda frames: np.stack(frames[::2]), 2),
    "a loop that breaks": (lambda frames: next(iter(frames)), 1),
    "a loop": (lambda frames: [frame.sum() for frame in frames], 4),
    "unpacked": (lambda frames: max(*frames, key=np.sum), 4),
    "backwards": (lambda frames: list(reversed(frames)), 4),
    "numpy.array": (np.array, 4),
    "numpy.stack": (np.stack, 4),
    "numpy.asarray": (np.asarray, 4),
    "cv2.hconcat": (cv2.hconcat, 4),
    "list()": (lambda frames: np.stack(list(frames)), 4),
    "added": (lambda frames: np.stack([*frames, *(frames + frames)]), 4),
    "copied": (lambda frames: np.stack(frames.copy()), 4),
    "deeply copied": (lambda frames: np.stack(copy.deepcopy(frames)), 4),
    "pickled": (lambda frames: np.stack(pickle.loads(pickle.dumps(list(frames)))), 4),
    "popped": (lambda frames: (frames.pop(0), len(frames)), 4),
    "zipped": (lambda frames: [a - b for a, b in zip(frames, frames[1:], strict=False)], 4),  # noqa: RUF007
}


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_sees_what_a_plain_list_shows(look: str, window: list[Frame]) -> None:
    see, conversions = LOOKS[look]
    wanted = see([frame.bgr() for frame in window])
    CountingFrame.conversions = 0
    seen = see(PictureList(window))
    assert CountingFrame.conversions == conversions
    np.testing.assert_equal(seen, wanted)


@pytest.mark.parametrize("index", [4, -5, 100])
def test_beyond_its_end_is_an_index_error(index: int, window: list[Frame]) -> None:
    with pytest.raises(IndexError):
        PictureList(window)[index]


def test_a_picture_is_converted_once_and_is_the_users_to_draw_on(window: list[Frame]) -> None:
    pictures = PictureList(window)
    pictures[0][:] = 7
    assert (pictures[0] == 7).all()
    assert CountingFrame.conversions == 1


def test_who_keeps_the_list_keeps_its_pictures() -> None:
    pixels = np.full(FORMAT.frame_bytes, 120, np.uint8)
    pictures = PictureList([Frame(header_of(FORMAT), pixels)])
    kept = [pictures]
    wanted = Frame(header_of(FORMAT), pixels.copy()).bgr()
    pictures.settle()
    pixels[:] = 0  # the slot is written again
    assert np.array_equal(kept[0][0], wanted)


def test_nothing_is_converted_for_a_list_that_nobody_kept(window: list[Frame]) -> None:
    pictures = PictureList(window)
    pictures.settle()
    assert CountingFrame.conversions == 0
