"""How soon a new interval is in effect, and what the other jobs notice of it: nothing."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from edged.app.bench.figures import Figure
from edged.app.bench.report import Progress
from edged.worker.tally import quantile
from tests.servers.daemon import ALGORITHMS, PATTERN, Daemon, Heard, Subscriber
from tests.servers.fleet import Fleet
from tests.servers.mosquitto import Mosquitto

MOST_MS = 300.0
_SLOW_S, _QUICK_S = 1.0, 0.1
_OTHERS = {"every-frame": 0.0, "twice-a-second": 0.5}
"""Jobs that do not change, by interval."""
_PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the interval, in seconds since the fleet sent it."""

    in_effect_s: float
    """Until the first result came that the old interval would not have given."""
    applied_s: float
    """Until it was reported as applied: a run of the changed job has succeeded by then."""


def measure(folder: Path, progress: Progress, repeats: int) -> list[Figure]:
    progress.step(f"an interval of {_SLOW_S:g} s becomes one of {_QUICK_S:g} s, {repeats} times")
    with (
        Mosquitto(folder / "broker") as broker,
        Subscriber(broker.port) as heard,
        Fleet(broker.port, heard) as fleet,
        Daemon(folder, broker.port, _spec(_SLOW_S), algorithms=[ALGORITHMS]),
    ):
        for job in ("changed", *_OTHERS):
            heard.until(f"job/{job}/cam/result")
        since_s = time.monotonic()
        changes = [_change(fleet, 2 * number, Random(number), progress) for number in range(1, repeats + 1)]
        others = {job: heard.results(job, "cam", since_s) for job in _OTHERS}
    return [*_speed(changes), *itertools.chain.from_iterable(map(_lost, others, others.values()))]


def _spec(interval_s: float) -> dict[str, Any]:
    intervals = {"changed": interval_s, **_OTHERS}
    jobs = {
        name: {"algorithm": "ticks", "sampling": {"interval": interval_s}}
        for name, interval_s in intervals.items()
    }
    return {"sources": {"cam": {"url": PATTERN}}, "jobs": jobs}


def _change(fleet: Fleet, revision: int, random: Random, progress: Progress) -> Change:
    """To the short interval at some moment within the long one, and back."""
    heard = fleet.heard
    grid_s = heard.results("changed", "cam")[0].content["frame"]["pts"]
    time.sleep(random.uniform(0, _SLOW_S))
    sent_s = time.monotonic()
    fleet.desire(revision, _spec(_QUICK_S))
    new = heard.until(
        "job/changed/cam/result",
        lambda result: _is_extra(result, grid_s),
        since_s=sent_s,
        within_s=_PATIENCE_S,
    )
    applied = heard.until(
        "reported",
        lambda report: (report["revision"], report["phase"]) == (revision, "applied"),
        since_s=sent_s,
        within_s=_PATIENCE_S,
    )
    fleet.apply(revision + 1, _spec(_SLOW_S))
    progress.tick()
    return Change(new.at_s - sent_s, applied.at_s - sent_s)


def _is_extra(result: dict[str, Any], grid_s: float) -> bool:
    """Its frame is none that the long interval takes."""
    phase = (result["frame"]["pts"] - grid_s) / _SLOW_S % 1
    return 0.01 < phase < 0.99


def _speed(changes: Sequence[Change]) -> list[Figure]:
    effect = sorted(1000 * change.in_effect_s for change in changes)
    applied = sorted(1000 * change.applied_s for change in changes)
    return [
        Figure("a new interval is in effect, p50", quantile(effect, 0.5), "ms", samples=tuple(effect)),
        Figure("a new interval is in effect, p99", quantile(effect, 0.99), "ms", at_most=MOST_MS),
        Figure(
            "a new interval is in effect, at worst",
            effect[-1],
            "ms",
            at_most=MOST_MS,
            note=f"{len(effect)} times; its first turn comes up to {1000 * _QUICK_S:.0f} ms later",
        ),
        Figure(
            "it is reported as applied, p50", quantile(applied, 0.5), "ms", note=f"at worst {applied[-1]:.0f}"
        ),
    ]


def _lost(job: str, results: Sequence[Heard]) -> list[Figure]:
    """Frames that the job should have seen and did not, and results that are missing."""
    contents = [one.content for one in results]
    numbers = [content["seq"] for content in contents]
    frames = [content["frame"]["index"] for content in contents]
    steps = [after - before for before, after in itertools.pairwise(frames)]
    step = min(steps)
    return [
        Figure(
            f"meanwhile {job}, frames lost",
            float(sum(one // step - 1 + (one % step > 0) for one in steps)),
            at_most=0,
            note=f"of {len(frames)}: each {step}. frame",
        ),
        Figure(
            f"meanwhile {job}, results lost",
            float(numbers[-1] - numbers[0] + 1 - len(numbers)),
            at_most=0,
        ),
    ]
