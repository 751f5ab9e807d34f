"""What pictures that leave the device cost: packets that are kept, and a live picture, watched and not.

A 1080p30 film is the camera, an algorithm that does nothing at 1 a second the job. CPU of all processes of
edged, beside the same without: a ring of 30 s, continuous recording, an output that nobody watches, and one
that one viewer watches over RTSP, 1280x720 at 15 a second, encoded in software.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from edged.app.bench.figures import Figure, median_figure
from edged.app.bench.observing import Observation, observe
from edged.app.bench.scenes import Scene, film_cameras
from tests.benchmarks.setting import REPOSITORY, Setting, run

RING_S = 30
MOST_OF_RING, MOST_OF_VIEWER, MOST_UNWATCHED = 0.03, 0.25, 0.01
_OUTPUT = {"source": "camera-01", "size": [1280, 720], "fps": 15, "encoder": "software"}
_URL = "rtsp://127.0.0.1:8554/view"


@dataclass(frozen=True, slots=True)
class Case:
    """What is added to the camera."""

    source: Mapping[str, Any]
    outputs: Mapping[str, Mapping[str, Any]]
    watched: bool = False


CASES = {
    "a camera": Case({}, {}),
    "ring": Case({"buffer": RING_S}, {}),
    "recording": Case({"buffer": RING_S, "record": {"segment": 60}}, {}),
    "unwatched": Case({}, {"view": _OUTPUT}),
    "watched": Case({}, {"view": _OUTPUT}, watched=True),
}


def measure(ready: Setting) -> list[Figure]:
    seen: dict[str, list[Observation]] = {name: [] for name in CASES}
    for _ in range(ready.repeats):
        for name, case in CASES.items():
            ready.progress.step(name)
            cameras = {
                camera: {**source, **case.source}
                for camera, source in film_cameras(ready.film.path, 1).items()
            }
            with viewer(case):
                scene = Scene(cameras, 1.0, outputs=case.outputs)
                seen[name].append(observe(scene, ready.broker, ready.window, ready.progress.tick))
    return _figures(seen)


@contextmanager
def viewer(case: Case) -> Iterator[None]:
    """A player in a process of its own, which comes back until there is something to see."""
    if not case.watched:
        yield
        return
    program = [sys.executable, "-m", "tests.benchmarks.leaving_viewer", _URL]
    with subprocess.Popen(program, cwd=REPOSITORY) as player:
        try:
            yield
        finally:
            player.kill()


def _figures(seen: Mapping[str, list[Observation]]) -> list[Figure]:
    def more(name: str) -> list[float]:
        pairs = zip(seen[name], seen["a camera"], strict=True)
        return [one.total_cores - plain.total_cores for one, plain in pairs]

    def grown(name: str) -> list[float]:
        pairs = zip(seen[name], seen["a camera"], strict=True)
        return [(_capture_mb(one) - _capture_mb(plain)) for one, plain in pairs]

    return [
        median_figure("a camera", (one.total_cores for one in seen["a camera"]), "cores"),
        median_figure(f"a ring of {RING_S} s, more", more("ring"), "cores", at_most=MOST_OF_RING),
        median_figure("memory of the ring", grown("ring"), "MB", note="beside the bytes of the stream"),
        median_figure("recording and ring, more", more("recording"), "cores"),
        median_figure("an output, unwatched, more", more("unwatched"), "cores", at_most=MOST_UNWATCHED),
        median_figure("one viewer, more", more("watched"), "cores", note="capture and worker included"),
        median_figure(
            "its process", (_of_live(one) for one in seen["watched"]), "cores", at_most=MOST_OF_VIEWER
        ),
    ]


def _capture_mb(one: Observation) -> float:
    return sum(taken.own_mb for name, taken in one.memory.items() if name.startswith("capture"))


def _of_live(one: Observation) -> float:
    return sum(cores for name, cores in one.cores.items() if name.startswith("live"))


def steps(options: argparse.Namespace) -> int:
    return int(options.repeats) * len(CASES)


if __name__ == "__main__":
    run("leaving", __doc__, measure, steps)
