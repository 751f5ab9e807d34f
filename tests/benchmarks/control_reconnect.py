"""How soon devices are back after their broker was away, one for real and a thousand in virtual time."""

from __future__ import annotations

import bisect
import json
import time
from contextlib import ExitStack
from pathlib import Path
from random import Random

from edged.app.bench.figures import Figure
from edged.app.bench.report import Progress
from edged.errors import EdgedError
from edged.mqtt.failure import FailureKind
from edged.mqtt.retry import STABLE_S, RetryPolicy
from edged.worker.tally import quantile
from tests.servers.daemon import Daemon
from tests.servers.mosquitto import Mosquitto
from tests.servers.mqtt_peer import Subscriber

P99_S = 5.0
DEVICES = 4
"""At once, each for itself: four times as many numbers in the same time."""
CLIENTS = 1000
MOST_IN_A_SECOND = 300
"""With 99 % back within 5 s, one in five comes in the busiest second whatever is done."""
_AWAY_S = (1.0, 10.0)
_OUTAGES_S = (0.0, 0.5, 2.0, 5.0, 10.0, 30.0, 300.0)
_CONNECTING_S = 0.3
"""Look-up, TCP, TLS and CONNACK, generously."""
_LIVED_S = 3600.0
_PATIENCE_S = 30.0


def measure(folder: Path, progress: Progress, restarts: int) -> list[Figure]:
    back = sorted(_restart(folder, progress, restarts))
    return [
        Figure("back after a restart of the broker, p50", quantile(back, 0.5), "s", samples=tuple(back)),
        Figure("back after a restart of the broker, p99", quantile(back, 0.99), "s", at_most=P99_S),
        Figure(
            "back after a restart of the broker, at worst",
            back[-1],
            "s",
            note=f"{DEVICES} devices, {restarts} restarts of {_AWAY_S[0]:g} to {_AWAY_S[1]:g} s",
        ),
        *_simulated(),
    ]


def _restart(folder: Path, progress: Progress, restarts: int) -> list[float]:
    """Seconds from the broker's first listening to each device's birth, seen by a subscriber."""
    random = Random(1)
    back: list[float] = []
    names = [f"box-{number}" for number in range(DEVICES)]
    with Mosquitto(folder / "broker") as broker, ExitStack() as stack:
        for name in names:
            stack.enter_context(Daemon(folder / name, broker.port, {}, device=name))
        _births(broker.port, names, time.monotonic_ns())
        for number in range(1, restarts + 1):
            progress.step(f"restart {number} of the broker")
            # shorter lives look like another client with the same id, and make a device slow
            time.sleep(STABLE_S + 1.0)
            broker.kill()
            time.sleep(random.uniform(*_AWAY_S))
            broker.start()
            back += _births(broker.port, names, time.monotonic_ns())
            progress.tick()
    return back


def _births(port: int, names: list[str], since_ns: int) -> list[float]:
    """When each was seen to be online, in seconds since a moment at which the broker knew nothing."""
    online: dict[str, int] = {}

    def all_are_back() -> bool:
        for arrival in subscriber.arrivals:
            if arrival.payload and json.loads(arrival.payload)["state"] == "online":
                online.setdefault(arrival.topic.split("/")[2], arrival.monotonic_ns)
        return online.keys() >= set(names)

    with Subscriber(port, "edged/v1/+/state") as subscriber:
        if not subscriber.wait_for(all_are_back, _PATIENCE_S):
            raise EdgedError(f"not back within {_PATIENCE_S:.0f} s: {sorted(set(names) - online.keys())}")
    return [(at_ns - since_ns) / 1e9 for at_ns in online.values()]


def _simulated() -> list[Figure]:
    """The policy alone: clients that lost their broker at the same moment, for outages short and long."""
    random = Random(1)
    slowest, busiest = 0.0, 0
    for outage_s in _OUTAGES_S:
        moments_s = sorted(_back_after_s(outage_s, random) for _ in range(CLIENTS))
        slowest = max(slowest, quantile(moments_s, 0.99))
        busiest = max(busiest, _busiest_second(moments_s))
    note = f"the worst of outages of {', '.join(f'{one:g}' for one in _OUTAGES_S)} s"
    return [
        Figure(f"{CLIENTS} clients, simulated, p99", slowest, "s", at_most=P99_S, note=note),
        Figure(
            f"{CLIENTS} clients, simulated, back in the busiest second",
            float(busiest),
            "clients",
            at_most=MOST_IN_A_SECOND,
            note=note,
        ),
    ]


def _back_after_s(outage_s: float, random: Random) -> float:
    """From the broker's return to that of one client."""
    policy = RetryPolicy(draw=random.uniform)
    policy.lived(_LIVED_S)
    elapsed_s = policy.delay_s(FailureKind.LOST)
    while elapsed_s < outage_s:
        elapsed_s += policy.delay_s(FailureKind.UNREACHABLE)
    return elapsed_s - outage_s + _CONNECTING_S


def _busiest_second(moments_s: list[float]) -> int:
    return max(bisect.bisect_left(moments_s, start + 1.0) - i for i, start in enumerate(moments_s))
