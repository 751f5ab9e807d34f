"""What one 1080p30 camera costs with an algorithm that does nothing at 10 runs a second.

CPU of all processes of edged together: at most 1.25 times what decoding alone takes, and at most an
eighth of what stream_infer takes for the same film and algorithm, one after the other in each repeat.
"""

from __future__ import annotations

import argparse

from edged.app.bench.figures import Figure, median_figure
from edged.app.bench.films import decode_alone
from edged.app.bench.measures import CostPair, cost_figures
from edged.app.bench.observing import observe
from edged.app.bench.results import by_source, rate
from edged.app.bench.scenes import Scene, film_cameras
from tests.benchmarks.peer import PRODUCERS, PeerRun, ensure_peer, run_peer
from tests.benchmarks.setting import Setting, run

INTERVAL_S = 0.1
MOST_OF_PEER = 1 / 8
_HELD = 0.99
"""Of the ten runs a second: a cost counts only for who does the work."""


def measure(ready: Setting) -> list[Figure]:
    python = None if ready.options.no_peer else ensure_peer()
    film, window, progress = ready.film, ready.window, ready.progress
    pairs: list[CostPair] = []
    peers: list[list[PeerRun]] = []
    for _ in range(ready.repeats):
        progress.step("decoding alone")
        alone = decode_alone(film.path, warm_up_s=window.settle_s, seconds=window.seconds, paced=True)
        progress.step("edged")
        scene = Scene(film_cameras(film.path, 1), INTERVAL_S)
        pairs.append(CostPair(alone, observe(scene, ready.broker, window, progress.tick)))
        peers.append([])
        for producer in PRODUCERS if python else ():
            progress.step(f"stream_infer, {producer}")
            log = ready.folder / "peer.log"
            peers[-1].append(run_peer(python, film, producer, window.settle_s, window.seconds, log))
    unpaced = decode_alone(film.path, warm_up_s=1, seconds=window.seconds, paced=False)
    runs = [rate(by_source(pair.daemon.seen)["camera-01"], pair.daemon.window_s) for pair in pairs]
    return [
        *cost_figures(pairs, unpaced),
        median_figure("runs of edged", runs, "a second", at_least=_HELD / INTERVAL_S),
        *(_beside_peer(pairs, peers) if python else ()),
    ]


def _beside_peer(pairs: list[CostPair], peers: list[list[PeerRun]]) -> list[Figure]:
    cheapest = [min(runs, key=lambda one: one.cores) for runs in peers]
    ratios = [pair.daemon.total_cores / peer.cores for pair, peer in zip(pairs, cheapest, strict=True)]
    figures = [
        median_figure(
            f"stream_infer, {producer}",
            (100 * one.cores for runs in peers for one in runs if one.producer == producer),
            "% of a core",
            note=f"{next(one.rate for one in peers[-1] if one.producer == producer):.1f} runs a second",
        )
        for producer in PRODUCERS
    ]
    note = f"its cheaper way, {cheapest[-1].producer}; limit 1/8"
    return [
        *figures,
        median_figure("a camera / stream_infer", ratios, "x", at_most=MOST_OF_PEER, note=note),
    ]


def steps(options: argparse.Namespace) -> int:
    return int(options.repeats) * (2 if options.no_peer else 2 + len(PRODUCERS))


if __name__ == "__main__":
    run("camera_cost", __doc__, measure, steps)
