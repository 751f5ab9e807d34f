"""What memory grows by in 10 minutes while an RTSP camera is killed and started every 20 s.

Main and each child, from the second minute on: the median of the last quarter of the samples less that of
the first is below 1 MB. The camera is a GStreamer RTSP server that is killed without a word.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import time
from dataclasses import dataclass, field

from edged.app.bench.figures import Figure
from edged.app.bench.meter import MAIN, Memory, memory
from edged.app.bench.observing import RunningDaemon, running
from edged.app.bench.results import read_result
from edged.app.bench.scenes import Scene
from edged.errors import EdgedError
from tests.benchmarks.setting import Setting, run
from tests.servers.rtsp import Film, RtspServer, missing_parts

INTERVAL_S = 0.2
MOST_MB = 1.0
_KILL_EVERY_S = 20.0
_AWAY_S = 2.0
_SAMPLE_EVERY_S = 3.0
_FROM_S = 60.0
_PATH = "/film"


@dataclass(slots=True)
class Samples:
    """Memory of each process over time."""

    taken: list[dict[str, Memory]] = field(default_factory=list)

    def growth_mb(self, name: str) -> float:
        """Last quarter less first, of resident memory for main and of its own for a child."""
        numbers = [
            one[name].resident_mb if name == MAIN else one[name].own_mb for one in self.taken if name in one
        ]
        quarter = len(numbers) // 4
        if not quarter:
            return float("nan")
        return statistics.median(numbers[-quarter:]) - statistics.median(numbers[:quarter])


def measure(ready: Setting) -> list[Figure]:
    reason = missing_parts()
    if reason:
        raise EdgedError(reason)
    seconds = 60 * ready.options.minutes
    ready.progress.step(f"{ready.options.minutes:g} minutes of a camera that goes away every 20 s")
    with RtspServer([Film(_PATH, ready.film.path)], life_s=int(seconds) + 300) as camera:
        return asyncio.run(_watch(ready, camera, seconds))


async def _watch(ready: Setting, camera: RtspServer, seconds: float) -> list[Figure]:
    scene = Scene({"camera-01": {"url": camera.url(_PATH), "timeout": 5}}, INTERVAL_S)
    samples = Samples()
    async with running(scene, ready.broker) as daemon:
        await daemon.first_results(ready.progress.tick)
        began_s = time.monotonic()
        from_s = min(_FROM_S, seconds / 4)
        killing = asyncio.create_task(_kill_again_and_again(camera))
        try:
            while (past_s := time.monotonic() - began_s) < seconds:
                await daemon.wait(min(_SAMPLE_EVERY_S, seconds - past_s), ready.progress.tick)
                if past_s >= from_s:
                    samples.taken.append(memory(daemon.pid))
        finally:
            killing.cancel()
        kills = await asyncio.gather(killing, return_exceptions=True)
        if isinstance(kills[0], Exception):
            raise kills[0]
        stretches = _stretches(daemon)
        await daemon.stop()
    return _figures(samples, seconds, stretches)


async def _kill_again_and_again(camera: RtspServer) -> None:
    while True:
        await asyncio.sleep(_KILL_EVERY_S - _AWAY_S)
        camera.kill()
        await asyncio.sleep(_AWAY_S)
        camera.start()


def _stretches(daemon: RunningDaemon) -> int:
    """How often results began to come (again): a gap of a second is a camera that was away."""
    seen = [one.captured_ns for one in map(read_result, daemon.arrivals) if one is not None]
    return 1 + sum(later - earlier > 1_000_000_000 for earlier, later in itertools.pairwise(seen))


def _figures(samples: Samples, seconds: float, stretches: int) -> list[Figure]:
    names = sorted({name for one in samples.taken for name in one})
    last = samples.taken[-1]
    figures = [
        Figure(
            f"{name.partition(':')[0]}, growth",
            samples.growth_mb(name),
            "MB",
            at_most=MOST_MB,
            note=f"now {last[name].resident_mb:.1f} MB resident, {last[name].own_mb:.1f} of its own"
            if name in last
            else "gone",
        )
        for name in names
    ]
    expected = int(seconds / _KILL_EVERY_S)
    return [
        *figures,
        Figure(
            "reconnects seen in the results",
            float(stretches - 1),
            at_least=max(1, expected - 2),
            note="times",
        ),
    ]


def steps(_: argparse.Namespace) -> int:
    return 1


if __name__ == "__main__":
    run("growth", __doc__, measure, steps)
