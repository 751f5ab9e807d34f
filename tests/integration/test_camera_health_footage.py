"""The camera's health on real footage: silent on what the cameras saw, aloud on faults made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from algos.camera_health import CameraHealth
from edged.algorithm import Frame
from edged.model.detection import Outcome
from edged.types import PtsUs
from tests.pictures import decoded_frames, opened, read_only

pytestmark = pytest.mark.assets

Luma: TypeAlias = NDArray[np.uint8]
RATES = {
    "one-by-one-person-detection": 10.0,
    "bottle-detection": 29.8,
    "car-detection": 12.5,
    "store-aisle-detection": 15.0,
}
LENGTH_S = 26
BEGINS_S = 16


def watched(params: dict[str, Any]) -> tuple[Any, list[tuple[str, str]]]:
    events: list[tuple[str, str]] = []
    algorithm = opened(
        CameraHealth, params, emit=lambda kind, fields: events.append((kind, fields["data"]["state"]))
    )
    return algorithm, events


@pytest.mark.parametrize("name", RATES)
def test_it_is_silent_on_what_the_cameras_saw(assets: Path, name: str) -> None:
    """Each video whole, some three frames a second; quick to judge, so that the short one counts too."""
    algorithm, events = watched({"learn": 1.5, "after": 1, "moved_after": 2, "frozen": 5})
    step = round(RATES[name] / 3)
    for frame, _ in decoded_frames(assets / f"{name}.mp4", step, 10_000):
        pts = PtsUs(int(frame.header.index / RATES[name] * 1e6))
        algorithm.run([Frame(replace(frame.header, pts_us=pts), frame.pixels)], Outcome())
    assert events == []


@pytest.fixture(scope="module", params=list(RATES))
def footage(request: pytest.FixtureRequest, assets: Path) -> list[Frame]:
    """A frame a second; of the short video, there and back."""
    name, most = request.param, LENGTH_S
    step = round(RATES[name]) if name != "store-aisle-detection" else 5
    frames = [frame for frame, _ in decoded_frames(assets / f"{name}.mp4", step, most)]
    return (frames + frames[::-1] + frames)[:most]


def black(luma: Luma, second: int) -> Luma:
    noise = np.random.default_rng(second).normal(17, 1.5, luma.shape)
    return np.clip(noise, 0, 255).astype(np.uint8)


def hand(luma: Luma, second: int) -> Luma:
    height, width = luma.shape
    down, across = np.mgrid[:height, :width]
    inside = ((across / width - 0.5) / 0.68) ** 2 + ((down / height - 0.5) / 0.68) ** 2 < 1
    shade = 90 + 40 * across / width + 20 * down / height + 5 * np.sin(second)
    return np.where(inside, shade, luma).astype(np.uint8)


def blurred(luma: Luma, second: int) -> Luma:
    return np.asarray(cv2.GaussianBlur(luma, (0, 0), 3), dtype=np.uint8)


def shifted(luma: Luma, second: int) -> Luma:
    return np.roll(luma, luma.shape[1] // 12, axis=1)


def turned(luma: Luma, second: int) -> Luma:
    return np.ascontiguousarray(luma[::-1, ::-1])


def overexposed(luma: Luma, second: int) -> Luma:
    return np.clip(luma.astype(np.int16) + 190, 16, 235).astype(np.uint8)


def dusk(luma: Luma, second: int) -> Luma:
    noise = np.random.default_rng(second).normal(0, 2, luma.shape)
    return np.clip(16 + (luma.astype(np.float64) - 16) * 0.4 + noise, 0, 255).astype(np.uint8)


FAULTS: dict[str, tuple[Callable[[Luma, int], Luma], list[str]]] = {
    "black": (black, ["camera_black"]),
    "covered": (hand, ["camera_covered"]),
    "blurred": (blurred, ["camera_blurred"]),
    "shifted": (shifted, ["camera_moved"]),
    "turned": (turned, ["camera_moved"]),
    "overexposed": (overexposed, ["camera_overexposed"]),
    "dusk": (dusk, []),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_it_tells_each_fault_made_of_them(footage: list[Frame], fault: str) -> None:
    change, wanted = FAULTS[fault]
    algorithm, events = watched({"after": 2, "moved_after": 4, "learn": 8})
    for second, frame in enumerate(footage):
        algorithm.run([changed(frame, second, change if second >= BEGINS_S else None)], Outcome())
    assert events == [(kind, "on") for kind in wanted]


def test_it_tells_a_picture_that_stands_still(footage: list[Frame]) -> None:
    algorithm, events = watched({"frozen": 6})
    for second, frame in enumerate(footage):
        still = frame if second < BEGINS_S else footage[BEGINS_S]
        algorithm.run([changed(still, second, None)], Outcome())
    assert events == [("camera_frozen", "on")]


def changed(frame: Frame, second: int, change: Callable[[Luma, int], Luma] | None) -> Frame:
    pixels = frame.pixels
    if change is not None:
        pixels = pixels.copy()
        pixels[: frame.y.size] = change(frame.y, second).reshape(-1)
    header = replace(frame.header, pts_us=PtsUs(second * 1_000_000))
    return Frame(header, read_only(pixels))
