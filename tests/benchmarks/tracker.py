"""What the tracker costs a run, alone: no frames, no model. ``python -m tests.benchmarks.tracker``."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from itertools import count

import numpy as np

from algos.tracker import Tracker
from edged.algorithm import Detection, Frame
from edged.algorithm.tracking.follower import Follower
from edged.algorithm.tracking.look import Look
from edged.algorithm.tracking.track import Policy
from edged.model.detection import Outcome
from edged.model.frame import FrameFormat
from tests.pictures import header_of, opened, read_only

RATE = 10
LAYOUT = FrameFormat(1920, 1080)


def looks(objects: int, runs: int) -> list[Look]:
    """Objects that go straight on and turn back at the edges, seen with jitter."""
    random = np.random.default_rng(0)
    places, velocities = random.uniform(0.1, 0.9, (objects, 2)), random.normal(0, 0.05, (objects, 2))
    heights = random.uniform(0.1, 0.25, objects)
    half = np.column_stack((0.1 * heights, 0.5 * heights))
    made = []
    for run in range(runs):
        places = places + velocities / RATE
        velocities = np.where((places < 0.1) | (places > 0.9), -velocities, velocities)
        boxes = np.hstack((places - half, places + half)) + random.normal(0, 0.003, (objects, 4))
        scores = random.uniform(0.5, 0.95, objects)
        made.append(Look(run * 1_000_000 // RATE, 16 / 9, np.clip(boxes, 0, 1), scores, ["person"] * objects))
    return made


def machinery(seen: Sequence[Look]) -> list[float]:
    """Seconds of each run."""
    follower = Follower(Policy(), count(1).__next__)
    spent = []
    for look in seen:
        began = time.perf_counter()
        follower.follow(look)
        spent.append(time.perf_counter() - began)
    return spent


def algorithm(seen: Sequence[Look]) -> list[float]:
    """The same, with detections in and out."""
    tracker = opened(Tracker, {})
    pixels = read_only(np.zeros(LAYOUT.frame_bytes, dtype=np.uint8))
    spent = []
    for look in seen:
        found = [
            Detection(tuple(box), score, "person", 0)
            for box, score in zip(look.boxes.tolist(), look.scores.tolist(), strict=True)
        ]
        frame, before = Frame(header_of(LAYOUT, pts_us=look.now_us), pixels), Outcome(tuple(found))
        began = time.perf_counter()
        tracker.run([frame], before)
        spent.append(time.perf_counter() - began)
    return spent


def main() -> None:
    for objects, runs, repeats in ((1, 300, 5), (20, 300, 7), (60, 100, 5), (300, 30, 3)):
        seen = looks(objects, runs)
        for measure in (machinery, algorithm):
            repeated = [measure(seen)[5:] for _ in range(repeats)]
            least = min(min(spent) for spent in repeated)
            median = min(statistics.median(spent) for spent in repeated)
            what = f"{objects:4d} objects, {measure.__name__:9s}"
            print(f"{what}: least {1e3 * least:.3f} ms, median {1e3 * median:.3f} ms")


if __name__ == "__main__":
    main()
