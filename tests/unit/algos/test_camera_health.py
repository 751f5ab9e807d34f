"""The camera's health on scenes that are computed, so that what is wrong, and since when, is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from algos.camera_health import FAULTS, CameraHealth
from edged.model.detection import Detection, Outcome
from tests.pictures import gray_frame, opened

Luma: TypeAlias = NDArray[np.uint8]
Fault: TypeAlias = Callable[[Luma, int], Luma]

WIDTH, HEIGHT = 640, 360
RNG = np.random.default_rng(11)


def street(seed: int = 0) -> Luma:
    """A scene of things of many sizes with sharp edges, 30-220."""
    rng = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH), 120, dtype=np.uint8)
    for _ in range(150):
        x, y = int(rng.integers(WIDTH)), int(rng.integers(HEIGHT))
        across, down = int(rng.integers(8, 90)), int(rng.integers(8, 90))
        picture[y : y + down, x : x + across] = int(rng.integers(30, 220))
    return picture


def noisy(picture: Luma, sigma: float = 2.0) -> Luma:
    return np.clip(np.rint(picture + RNG.normal(0, sigma, picture.shape)), 16, 235).astype(np.uint8)


def hand(picture: Luma, second: int) -> Luma:
    """A dim blob with soft shades over nearly everything."""
    down, across = np.mgrid[:HEIGHT, :WIDTH]
    inside = ((across / WIDTH - 0.5) / 0.6) ** 2 + ((down / HEIGHT - 0.5) / 0.6) ** 2 < 1
    shade = 60 + 50 * across / WIDTH + 3 * np.sin(second)
    return np.where(inside, shade, picture).astype(np.uint8)


def turned_away(picture: Luma, second: int) -> Luma:
    return street(99)


def shifted(picture: Luma, second: int) -> Luma:
    """To the left by 5 %, something else comes in."""
    moved = np.roll(picture, -WIDTH // 20, axis=1)
    moved[:, -WIDTH // 20 :] = street(5)[:, -WIDTH // 20 :]
    return moved


def out_of_focus(picture: Luma, second: int) -> Luma:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 3), dtype=np.uint8)


def dark(picture: Luma, second: int) -> Luma:
    return np.full_like(picture, 18)


def white(picture: Luma, second: int) -> Luma:
    return np.full_like(picture, 235)


class Watch:
    """One instance that sees a picture each second; events as (second, type, state)."""

    def __init__(self, **params: Any) -> None:
        self.events: list[tuple[int, str, str]] = []
        self.algorithm = opened(CameraHealth, params, emit=self._emit)
        self.second = 0
        self.values: dict[str, Any] = {}

    def _emit(self, kind: str, fields: dict[str, Any]) -> None:
        self.events.append((self.second, kind, fields["data"]["state"]))

    def show(self, picture: Luma, *, exact: bool = False) -> None:
        frame = gray_frame(picture if exact else noisy(picture), pts_us=self.second * 1_000_000)
        self.values = dict(self.algorithm.run([frame], Outcome()).data["camera"])
        self.second += 1

    def show_for(self, seconds: int, picture: Luma, fault: Fault | None = None) -> None:
        for _ in range(seconds):
            self.show(picture if fault is None else fault(picture, self.second))


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("black", dark),
        ("overexposed", white),
        ("covered", hand),
        ("blurred", out_of_focus),
        ("moved", shifted),
        ("moved", turned_away),
    ],
)
def test_each_fault_is_told_after_a_while_and_so_is_its_end(name: str, fault: Fault) -> None:
    watch = Watch()
    watch.show_for(20, street())
    watch.show_for(20, street(), fault)
    assert watch.values["faults"] == [name]
    watch.show_for(20, street())
    begins = 20 + (10 if name == "moved" else 5)
    assert watch.events == [(begins, f"camera_{name}", "on"), (45, f"camera_{name}", "off")]
    assert watch.values["faults"] == []


def test_a_frozen_picture() -> None:
    watch = Watch(frozen=8)
    watch.show_for(20, street())
    still = noisy(street())
    for _ in range(15):
        watch.show(still, exact=True)
    assert watch.values["still"] == 14
    watch.show_for(10, street())
    assert watch.events == [(28, "camera_frozen", "on"), (40, "camera_frozen", "off")]


def test_a_black_picture_is_black_and_nothing_else() -> None:
    watch = Watch(frozen=8)
    watch.show_for(20, street())
    for _ in range(30):
        watch.show(dark(street(), 0), exact=True)
    assert watch.events == [(25, "camera_black", "on")]


def test_what_passes_soon_is_not_told() -> None:
    for fault in (dark, white, hand, out_of_focus, shifted):
        watch = Watch()
        watch.show_for(20, street())
        for _ in range(4):
            watch.show_for(4, street(), fault)
            watch.show_for(4, street())
        assert watch.events == []


def test_day_night_clouds_and_noise_are_no_faults() -> None:
    watch = Watch()
    watch.show_for(20, street())
    for second in range(120):
        gain = 0.6 + 0.4 * np.cos(second / 20)
        dimmed = 16 + (street().astype(np.float64) - 16) * gain + 10 * (second % 3)
        watch.show(np.clip(dimmed, 16, 235).astype(np.uint8))
    for second in range(20):
        watch.show(noisy(street(), 4.0 + second % 5))
    assert watch.events == []


def test_people_walking_through_are_no_fault() -> None:
    watch = Watch()
    for second in range(120):
        picture = street().copy()
        for number in range(4):
            x = (second * 37 + number * 160) % (WIDTH - 120)
            picture[60:, x : x + 110] = 70 + 30 * number
            picture[100:140, x + 20 : x + 90] = 200
        watch.show(picture)
    assert watch.events == []


def test_a_camera_turned_for_good_is_learned_anew() -> None:
    watch = Watch(relearn=60)
    watch.show_for(20, street(1))
    watch.show_for(120, street(2))
    assert [event[1:] for event in watch.events] == [("camera_moved", "on"), ("camera_moved", "off")]
    watch.show_for(20, street(3))
    assert watch.events[-1][1:] == ("camera_moved", "on")


def test_a_camera_covered_from_the_start_is_judged_by_what_it_shows_later() -> None:
    watch = Watch()
    watch.show_for(30, np.full((HEIGHT, WIDTH), 90, dtype=np.uint8))
    watch.show_for(30, street())
    assert watch.events == []
    watch.show_for(20, street(), hand)
    assert [event[1:] for event in watch.events] == [("camera_covered", "on")]


def test_after_a_restart_the_view_is_learned_anew_and_a_fault_ends() -> None:
    watch = Watch()
    watch.show_for(20, street(1))
    watch.show_for(20, street(1), dark)
    watch.algorithm.reset()
    watch.show_for(40, street(2))
    assert watch.events == [(25, "camera_black", "on"), (45, "camera_black", "off")]


def test_only_the_faults_asked_for() -> None:
    watch = Watch(faults=["black"])
    watch.show_for(20, street(1))
    watch.show_for(30, street(2))
    watch.show_for(10, street(1), dark)
    assert [event[1:] for event in watch.events] == [("camera_black", "on")]
    assert FAULTS == ("black", "overexposed", "covered", "blurred", "frozen", "moved")


def test_the_size_may_change_and_be_tiny_and_what_came_before_stays() -> None:
    algorithm = opened(CameraHealth, {})
    before = Outcome((Detection((0, 0, 1, 1), 0.5),), {"motion": 0.5}, {"zones": {}})
    for second, size in enumerate([(360, 640), (1080, 1920), (16, 16), (2, 2), (33, 35), (360, 640)] * 3):
        luma = RNG.integers(16, 235, size).astype(np.uint8)
        outcome = algorithm.run([gray_frame(luma, pts_us=second * 5_000_000)], before)
        assert outcome.data["motion"] == 0.5
        assert (outcome.detections, outcome.counts) == (before.detections, before.counts)


def test_at_one_frame_a_minute() -> None:
    watch = Watch()
    for fault, minutes in ((None, 5), (hand, 3), (None, 3)):
        for _ in range(minutes):
            watch.show(street() if fault is None else fault(street(), 0))
            watch.second += 59
    assert [event[1:] for event in watch.events] == [("camera_covered", "on"), ("camera_covered", "off")]


def test_time_that_goes_back_turns_nothing() -> None:
    watch = Watch()
    watch.show_for(20, street())
    watch.show_for(2, street(), dark)
    watch.second = 3
    watch.show_for(2, street(), dark)
    assert watch.events == []
