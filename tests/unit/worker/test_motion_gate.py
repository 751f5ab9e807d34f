from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edged.algorithm import Frame
from edged.model.messages import MotionGate
from edged.worker.motion_gate import Watchman
from tests.pictures import gray_frame

GATE = MotionGate(every_s=20, hold_s=3)


def scene(walker_at: int | None = None) -> NDArray[np.uint8]:
    picture = np.full((180, 320), 90, dtype=np.uint8)
    picture += np.random.default_rng(1).integers(0, 3, picture.shape, dtype=np.uint8)
    if walker_at is not None:
        picture[60:140, walker_at : walker_at + 30] = 200
    return picture


def passes(watchman: Watchman, second: float, walker_at: int | None = None, epoch: int = 1) -> bool:
    frame = gray_frame(scene(walker_at), pts_us=round(second * 1e6))
    return watchman.lets_pass(Frame(replace(frame.header, epoch=epoch), frame.pixels))


def test_it_lets_pass_the_first_what_moves_and_one_now_and_then() -> None:
    watchman = Watchman(GATE)
    walks = {30: 100, 31: 110, 32: 120}
    passed = [second for second in range(70) if passes(watchman, second, walks.get(second))]
    assert passed[:2] == [0, 20]
    moving = [second for second in passed if 30 <= second <= 55]
    assert moving == list(range(30, moving[-1] + 1)), "from the first movement on, without a gap"
    assert moving[-1] >= 32 + 3, "and on for a while"
    assert passed[2:] == [*moving, moving[-1] + 20], "then still again"


def test_a_new_epoch_is_looked_at() -> None:
    watchman = Watchman(GATE)
    assert passes(watchman, 0)
    assert not passes(watchman, 1)
    assert passes(watchman, 2, epoch=2)


def test_too_small_a_movement_is_none() -> None:
    watchman = Watchman(replace(GATE, min_area=0.5))
    assert passes(watchman, 0)
    assert not any(passes(watchman, second, 10 * second) for second in range(1, 10))
