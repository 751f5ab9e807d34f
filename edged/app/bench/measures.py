"""What observations amount to: one function for each group of figures. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edged.app.bench.figures import Figure, median_figure
from edged.app.bench.meter import MAIN
from edged.app.bench.observing import Observation
from edged.app.bench.results import Seen, Turns, by_source, count_turns, rate
from edged.model.bench import DecodeReport
from edged.worker.tally import quantile

MOST_OF_DECODING = 1.25
P50_MS = 5.0
P99_MS = 25.0
MOST_MISSED = 0.01
MAIN_MB = 60.0
CAPTURE_MB = 50.0
START_S = 3.0
STOP_S = 3.0
_PERCENT = 100


@dataclass(frozen=True, slots=True)
class CostPair:
    """The daemon and decoding alone, measured one right after the other."""

    alone: DecodeReport
    daemon: Observation

    @property
    def ratio(self) -> float:
        """Both per second of the film, as both are paced."""
        return self.daemon.total_cores / alone_cores(self.alone)


@dataclass(frozen=True, slots=True)
class Density:
    """How a number of cameras fared."""

    turns: Mapping[str, Turns]
    """By camera."""
    p50_ms: float
    p99_ms: float
    cores: float
    rates: Mapping[str, float]
    """Runs a second, by camera."""
    growth_ms: float
    """How much later the results of the last third were than those of the first (medians)."""

    @property
    def cameras(self) -> int:
        return len(self.turns)

    @property
    def missed(self) -> float:
        """The share of all cameras' turns, 0 to 1."""
        due = sum(one.due for one in self.turns.values())
        return Turns(due, sum(min(one.run, one.due) for one in self.turns.values())).missed

    @property
    def keeps_up(self) -> bool:
        return self.missed <= MOST_MISSED

    @property
    def fairness(self) -> float:
        """The worst camera's rate, as a share of the mean."""
        mean = statistics.fmean(self.rates.values()) if self.rates else 0.0
        return min(self.rates.values()) / mean if mean else 0.0


def alone_cores(alone: DecodeReport) -> float:
    """CPU per second of the film."""
    return alone.cpu_s / max(alone.film_s, 1e-9)


def cost_figures(pairs: Sequence[CostPair], unpaced: DecodeReport) -> list[Figure]:
    """What one camera costs: of a core, and beside decoding alone."""
    per_frame = _PERCENT * 10 * unpaced.cpu_s / max(unpaced.frames, 1)
    return [
        median_figure(
            "decoding alone", (_PERCENT * alone_cores(pair.alone) for pair in pairs), "% of a core"
        ),
        Figure("decoding alone, unpaced", per_frame, "ms a frame"),
        median_figure(
            "a camera, all processes",
            (_PERCENT * pair.daemon.total_cores for pair in pairs),
            "% of a core",
            note=_shares(pairs[-1].daemon.cores),
        ),
        median_figure(
            "a camera / decoding alone", (pair.ratio for pair in pairs), "x", at_most=MOST_OF_DECODING
        ),
    ]


def latency_figures(seen: Iterable[Seen], note: str) -> list[Figure]:
    """From capture to the subscriber, less inference."""
    ordered = sorted(one.overhead_ms for one in seen)
    if not ordered:
        nothing = float("nan")
        return [Figure("latency less inference, p50", nothing, "ms", at_most=P50_MS, note="no results")]
    name = "latency less inference, p"
    return [
        Figure(f"{name}50", quantile(ordered, 0.50), "ms", at_most=P50_MS, note=note),
        Figure(f"{name}95", quantile(ordered, 0.95), "ms"),
        Figure(f"{name}99", quantile(ordered, 0.99), "ms", at_most=P99_MS, note=f"{len(ordered)} results"),
    ]


def life_figures(observations: Sequence[Observation], opening_s: float) -> list[Figure]:
    """Start, stop and memory; ``opening_s`` is what opening the source takes by itself."""
    kinds = (
        ("memory of main, resident", MAIN, MAIN_MB),
        ("memory of a capture, own", "capture:", CAPTURE_MB),
        ("memory of the worker, own", "worker:", None),
    )
    figures = [
        median_figure(
            "start to first result",
            (max(0.0, one.start_s - opening_s) for one in observations),
            "s",
            at_most=START_S,
            note=f"beside {opening_s:.2f} s for opening the source",
        ),
        median_figure("stop", (one.stop_s for one in observations), "s", at_most=STOP_S),
    ]
    for name, prefix, limit in kinds:
        taken = [_memory_mb(one, prefix) for one in observations]
        note = "" if prefix == MAIN else "beside its frame tracks"
        figures.append(median_figure(name, taken, "MB", at_most=limit, note=note))
    return figures


def density_of(observation: Observation, cameras: Iterable[str], interval_s: float) -> Density:
    """Of one run with several cameras; those of which nothing was seen count too."""
    seen = by_source(observation.seen)
    since_ns = observation.until_ns - int(observation.window_s * 1e9)
    turns = {
        name: count_turns(seen.get(name, ()), interval_s, since_ns, observation.until_ns) for name in cameras
    }
    latencies = sorted(one.latency_ms for one in observation.seen)
    return Density(
        turns=turns,
        p50_ms=quantile(latencies, 0.50),
        p99_ms=quantile(latencies, 0.99),
        cores=observation.total_cores,
        rates={name: rate(seen.get(name, ()), observation.window_s) for name in turns},
        growth_ms=_growth_ms(observation.seen),
    )


def density_figures(found: Sequence[Density]) -> list[Figure]:
    """How many cameras it can do, and how each number of them fared."""
    figures = [
        Figure(
            f"{one.cameras} camera{'s' if one.cameras > 1 else ''}, missed turns",
            _PERCENT * one.missed,
            "%",
            note=f"p50 {one.p50_ms:.0f} ms, p99 {one.p99_ms:.0f} ms, {one.cores:.2f} cores",
        )
        for one in found
    ]
    fine = max((one.cameras for one in found if one.keeps_up), default=0)
    more = any(not one.keeps_up for one in found)
    note = "" if more else "more were not tried"
    return [*figures, Figure("cameras without missed turns", float(fine), note=note)]


def _shares(cores: Mapping[str, float]) -> str:
    return ", ".join(f"{name.partition(':')[0]} {_PERCENT * share:.1f}" for name, share in cores.items())


def _memory_mb(observation: Observation, prefix: str) -> float:
    """Main's resident memory, as it is what a device gives to it; of children what is theirs alone."""
    if prefix == MAIN:
        return observation.memory[MAIN].resident_mb
    own = [one.own_mb for name, one in observation.memory.items() if name.startswith(prefix)]
    return max(own, default=float("nan"))


def _growth_ms(seen: Sequence[Seen]) -> float:
    latencies = [one.latency_ms for one in sorted(seen, key=lambda one: one.captured_ns)]
    third = len(latencies) // 3
    if not third:
        return 0.0
    return statistics.median(latencies[-third:]) - statistics.median(latencies[:third])
