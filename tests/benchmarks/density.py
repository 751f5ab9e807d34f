"""8 and 16 cameras of 1080p30 with YOLOX-nano at 5 runs a second each.

8: at most 1 % of the turns missed, p99 at most 250 ms from capture to the subscriber, inference included.
16: more than the machine can do; then the worst camera runs at least 0.8 times as often as the mean, and
results are late, but not later and later.
"""

from __future__ import annotations

import argparse
import statistics

from edged.app.bench.figures import Figure, median_figure
from edged.app.bench.measures import MOST_MISSED, Density, density_of
from edged.app.bench.observing import observe
from edged.app.bench.scenes import detecting
from tests.benchmarks.setting import Setting, run

INTERVAL_S = 0.2
P99_MS = 250.0
FAIREST = 0.8
BOUND_MS = 1500.0
"""A capture that is a second behind goes on from where it should be; then a run waits for all others'."""
GROWTH_MS = 100.0
_EIGHT, _SIXTEEN = 8, 16


def measure(ready: Setting) -> list[Figure]:
    eight = [_observe(ready, _EIGHT) for _ in range(ready.repeats)]
    sixteen = [_observe(ready, _SIXTEEN) for _ in range(ready.repeats)]
    return [
        *_common(eight, missed_at_most=100 * MOST_MISSED, p99_at_most=P99_MS),
        *_common(sixteen, missed_at_most=None, p99_at_most=BOUND_MS),
        median_figure(
            f"{_SIXTEEN} cameras, worst rate / mean",
            (one.fairness for one in sixteen),
            "x",
            at_least=FAIREST,
            note=_rates(sixteen[-1]),
        ),
        median_figure(
            f"{_SIXTEEN} cameras, later at the end than at the beginning",
            (one.growth_ms for one in sixteen),
            "ms",
            at_most=GROWTH_MS,
            note="medians of the last and the first third",
        ),
    ]


def _observe(ready: Setting, cameras: int) -> Density:
    model = ready.options.model if ready.options.model.is_file() else None
    ready.progress.step(f"{cameras} cameras, {model.name if model else 'motion (there is no model)'}")
    scene = detecting(ready.film.path, cameras, INTERVAL_S, model)
    seen = observe(scene, ready.broker, ready.window.for_cameras(cameras), ready.progress.tick)
    return density_of(seen, scene.sources, INTERVAL_S)


def _common(found: list[Density], *, missed_at_most: float | None, p99_at_most: float) -> list[Figure]:
    name = f"{found[0].cameras} cameras, "
    return [
        median_figure(
            f"{name}missed turns",
            (100 * one.missed for one in found),
            "%",
            at_most=missed_at_most,
            note=_missed(found[-1]),
        ),
        median_figure(f"{name}p50", (one.p50_ms for one in found), "ms"),
        median_figure(f"{name}p99", (one.p99_ms for one in found), "ms", at_most=p99_at_most),
        median_figure(f"{name}cores busy", (one.cores for one in found)),
    ]


def _missed(one: Density) -> str:
    shares = sorted(100 * turns.missed for turns in one.turns.values())
    return f"by camera {shares[0]:.1f} to {shares[-1]:.1f} %"


def _rates(one: Density) -> str:
    rates = sorted(one.rates.values())
    return f"{rates[0]:.2f} to {rates[-1]:.2f} runs a second, mean {statistics.fmean(rates):.2f}"


def steps(options: argparse.Namespace) -> int:
    return 2 * int(options.repeats)


if __name__ == "__main__":
    run("density", __doc__, measure, steps)
