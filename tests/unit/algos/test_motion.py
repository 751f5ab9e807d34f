"""Motion on scenes that are computed, so that what moved is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from algos.motion import Motion
from edged.algorithm import Algorithm
from edged.algorithm.background import fit_light, shrink
from edged.model.detection import Detection, Outcome
from tests.pictures import gray_frame, opened

WIDTH, HEIGHT = 640, 360
EMPTY = Outcome()


def street(seed: int = 0) -> NDArray[np.float64]:
    """A still scene with structure, gray levels 40-200."""
    rng = np.random.default_rng(seed)
    blocks = rng.uniform(40, 200, (HEIGHT // 20, WIDTH // 20))
    return np.kron(blocks, np.ones((20, 20)))


def with_box(scene: NDArray[np.float64], x: int, y: int, size: int = 60) -> NDArray[np.float64]:
    """``scene`` with something in it whose gray is far from what it hides."""
    changed = scene.copy()
    hidden = changed[y : y + size, x : x + size]
    changed[y : y + size, x : x + size] = np.where(hidden > 120, hidden - 80, hidden + 80)
    return changed


class Scene:
    """Shows pictures to one instance, ``step_s`` apart, with the noise of a camera."""

    def __init__(self, noise: float = 2.0, step_s: float = 0.2, **params: Any) -> None:
        self.algorithm: Algorithm = opened(Motion, params)
        self.now_us = 0
        self.step_us = int(step_s * 1e6)
        self.noise = noise
        self.rng = np.random.default_rng(5)

    def show(self, picture: NDArray[np.float64], before: Outcome = EMPTY) -> tuple[Detection, ...]:
        self.now_us += self.step_us
        noisy = picture + self.rng.normal(0, self.noise, picture.shape)
        luma = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        found = self.algorithm.run([gray_frame(luma, pts_us=self.now_us)], before).detections
        assert found is not None
        return found

    def settle(self, picture: NDArray[np.float64], times: int = 20) -> None:
        for _ in range(times):
            self.show(picture)


def near(found: Detection, x: int, y: int, size: int = 60, slack: float = 0.02) -> bool:
    wanted = (x / WIDTH, y / HEIGHT, (x + size) / WIDTH, (y + size) / HEIGHT)
    return all(abs(a - b) <= slack for a, b in zip(found.box, wanted, strict=True))


def test_a_thing_that_moves_is_boxed_where_it_is() -> None:
    scene = Scene()
    scene.settle(street())
    for x in range(100, 400, 40):
        found = scene.show(with_box(street(), x, 120))
        assert found[0].label == "motion"
        assert near(found[0], x, 120)
        assert 0.5 < found[0].score <= 1


def test_a_still_scene_has_no_motion_however_noisy() -> None:
    for noise in (0.0, 2.0, 8.0, 25.0):
        scene = Scene(noise=noise)
        assert [len(scene.show(street())) for _ in range(40)] == [0] * 40


@pytest.mark.parametrize("gain", [0.6, 0.85, 1.2])
@pytest.mark.parametrize("offset", [-15, 0, 20])
def test_the_light_may_change_at_once(gain: float, offset: int) -> None:
    scene = Scene()
    scene.settle(street())
    assert scene.show(street() * gain + offset) == ()
    found = scene.show(with_box(street(), 300, 100) * gain + offset)
    assert len(found) == 1
    assert near(found[0], 300, 100)


def test_another_scene_as_a_whole_is_the_camera_not_motion() -> None:
    scene = Scene()
    scene.settle(street())
    assert scene.show(street(9)) == ()
    assert scene.show(street(9)) == ()
    assert near(scene.show(with_box(street(9), 300, 100))[0], 300, 100)


def test_what_stays_becomes_background_in_the_time_told() -> None:
    for step_s in (0.1, 1.0):
        scene = Scene(step_s=step_s, memory=5.0)
        scene.settle(street())
        parked = with_box(street(), 200, 100)
        assert scene.show(parked) != ()
        seen_s = 0.0
        while scene.show(parked):
            seen_s += step_s
            assert seen_s < 30
        assert seen_s > 4


def test_places_that_always_flicker_are_learnt_and_others_are_not() -> None:
    scene = Scene(memory=2.0)
    rng = np.random.default_rng(2)

    def windy() -> NDArray[np.float64]:
        picture = street()
        picture[:100, :150] += rng.normal(0, 9, (10, 15)).repeat(10, axis=0).repeat(10, axis=1)
        return picture

    scene.settle(windy(), 1)
    for _ in range(80):
        scene.show(windy())
    assert sum(len(scene.show(windy())) for _ in range(20)) <= 1
    assert near(scene.show(with_box(windy(), 400, 200))[0], 400, 200)


def test_what_is_smaller_than_asked_for_is_left_out() -> None:
    small = with_box(street(), 300, 100, size=24)
    share = 24 * 24 / (WIDTH * HEIGHT)
    for min_area, seen in ((share / 2, 1), (share * 2, 0)):
        scene = Scene(min_area=min_area)
        scene.settle(street())
        assert len(scene.show(small)) == seen


def test_the_largest_come_first_and_no_more_than_asked_for() -> None:
    scene = Scene(max_detections=2)
    scene.settle(street())
    picture = with_box(with_box(with_box(street(), 20, 20, 30), 200, 100, 90), 460, 200, 60)
    found = scene.show(picture)
    assert len(found) == 2
    assert near(found[0], 200, 100, 90)
    assert near(found[1], 460, 200, 60)


def test_a_new_epoch_begins_without_a_past() -> None:
    scene = Scene()
    scene.settle(street())
    scene.algorithm.reset()
    assert scene.show(with_box(street(), 300, 100)) == ()
    assert near(scene.show(street())[0], 300, 100)


def test_another_size_begins_without_a_past() -> None:
    scene = Scene()
    scene.settle(street())
    assert scene.show(with_box(street(), 300, 100)[:200, :500]) == ()


def test_it_adds_to_what_came_before() -> None:
    scene = Scene()
    scene.settle(street())
    earlier = Outcome((Detection((0, 0, 1, 1), 0.9, "person"),), {"n": 1})
    found = scene.show(with_box(street(), 300, 100), earlier)
    assert [each.label for each in found] == ["person", "motion"]
    outcome = scene.algorithm.run([gray_frame(street().astype(np.uint8), pts_us=scene.now_us + 1)], earlier)
    assert set(outcome.data) == {"n", "motion"}


@settings(max_examples=40, deadline=None)
@given(width=st.integers(1, 700), height=st.integers(1, 700), level=st.integers(0, 255))
def test_any_size_of_frame_will_do(width: int, height: int, level: int) -> None:
    luma = np.full((height, width), level, dtype=np.uint8)
    cells = shrink(luma)
    assert cells.shape[1] <= 320 or cells.shape[0] == 1
    assert np.allclose(cells, level)
    algorithm = opened(Motion, {})
    for index, picture in enumerate((luma, luma, 255 - luma)):
        outcome = algorithm.run([gray_frame(picture, index)], EMPTY)
        assert all(0 <= edge <= 1 for found in outcome.detections or () for edge in found.box)


def test_light_is_fitted_to_what_has_not_moved() -> None:
    scene = street().astype(np.float32)
    seen = (with_box(street(), 100, 100, 150) * 0.7 + 10).astype(np.float32)
    fitted = fit_light(scene, seen)
    assert np.abs(fitted - (scene * 0.7 + 10)).max() < 0.5
