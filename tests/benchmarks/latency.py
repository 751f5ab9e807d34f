"""How late a result is with one camera: from capture to a subscriber in another process, less inference.

The subscriber's wall time, less when the frame was captured, less the result's ``latency_ms.inference``.
The algorithm says when its frame was captured to the microsecond, because a result's ``time`` has whole
milliseconds. A film's frame is captured at the moment it is due, so waking up for it counts.
"""

from __future__ import annotations

import argparse

from edged.app.bench.figures import Figure
from edged.app.bench.measures import latency_figures
from edged.app.bench.observing import observe
from edged.app.bench.results import Seen
from edged.app.bench.scenes import STAMPED, Scene, detecting, film_cameras
from tests.benchmarks.setting import Setting, run

INTERVAL_S = 0.1


def measure(ready: Setting) -> list[Figure]:
    trivial = Scene(film_cameras(ready.film.path, 1), INTERVAL_S, STAMPED)
    figures = latency_figures(_seen(ready, trivial, "an algorithm that does nothing"), "does nothing, 10/s")
    if not ready.options.model.is_file():
        return figures
    found = _seen(
        ready, detecting(ready.film.path, 1, INTERVAL_S, ready.options.model), ready.options.model.name
    )
    return figures + latency_figures(found, f"{ready.options.model.name}, 10/s; up to 1 ms too high")


def _seen(ready: Setting, scene: Scene, what: str) -> list[Seen]:
    seen: list[Seen] = []
    for _ in range(ready.repeats):
        ready.progress.step(what)
        seen += observe(scene, ready.broker, ready.window, ready.progress.tick).seen
    return seen


def steps(options: argparse.Namespace) -> int:
    return int(options.repeats) * (2 if options.model.is_file() else 1)


if __name__ == "__main__":
    run("latency", __doc__, measure, steps)
