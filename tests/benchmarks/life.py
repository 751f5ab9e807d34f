"""Start to first result, stop, and memory with one 1080p30 camera.

Main at most 60 MB resident, a capture at most 50 MB of its own beside its frame tracks; first result
within 3 s beside what opening the source takes; stopped within 3 s.
"""

from __future__ import annotations

import argparse

from edged.app.bench.figures import Figure
from edged.app.bench.films import probe_film
from edged.app.bench.measures import life_figures
from edged.app.bench.observing import Window, observe
from edged.app.bench.scenes import Scene, film_cameras
from tests.benchmarks.setting import Setting, run

INTERVAL_S = 0.1
_SECONDS = 5.0
"""Memory has settled by then; what grows later is for `tests.benchmarks.growth`."""


def measure(ready: Setting) -> list[Figure]:
    scene = Scene(film_cameras(ready.film.path, 1), INTERVAL_S)
    opening_s = probe_film(ready.film.path).first_frame_s
    window = Window(ready.window.settle_s, _SECONDS)
    seen = []
    for _ in range(ready.repeats):
        ready.progress.step("start, run, stop")
        seen.append(observe(scene, ready.broker, window, ready.progress.tick))
    return life_figures(seen, opening_s)


def steps(options: argparse.Namespace) -> int:
    return int(options.repeats)


if __name__ == "__main__":
    run("life", __doc__, measure, steps)
