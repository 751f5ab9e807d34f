"""The figures of the control plane, on a real Mosquitto and real `edged run`s.

A new interval is in effect within 300 ms and no other job loses a frame. A burst of 1000 events a second for
10 s takes main half a core, with a broker and without. An idle device writes less than 1 MB a day. After a
restart of the broker a device is back within 5 s (p99), and a thousand do not come in the same second.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from edged.app.bench.figures import Figure
from edged.app.bench.report import Progress
from edged.errors import EdgedError
from tests.benchmarks import control_burst, control_idle, control_interval, control_reconnect
from tests.benchmarks.setting import finish, machine, parse

CHANGES = 20
BURST_S = 10.0
RESTARTS = 20
_QUICK_CHANGES, _QUICK_RESTARTS = 3, 1
_STEPS_BUT_RESTARTS = 4


def measure(folder: Path, options: argparse.Namespace, progress: Progress) -> list[Figure]:
    return [
        *control_interval.measure(
            folder / "interval", progress, _QUICK_CHANGES if options.quick else CHANGES
        ),
        *control_burst.measure(folder / "burst", progress, options.seconds or BURST_S),
        *control_idle.measure(folder / "idle", progress, options.idle_minutes),
        *control_reconnect.measure(folder / "reconnect", progress, _restarts(options)),
    ]


def main() -> None:
    options = parse(__doc__)
    progress = Progress(_STEPS_BUT_RESTARTS + _restarts(options))
    try:
        with tempfile.TemporaryDirectory(prefix="edged-benchmark-") as name, progress.shown():
            figures = measure(Path(name), options, progress)
    except EdgedError as error:
        sys.exit(f"control: {error}")
    about = {**machine(), "broker": "Mosquitto on loopback", "repeats": 1}
    sys.exit(0 if finish("control", about, figures) else 1)


def _restarts(options: argparse.Namespace) -> int:
    return _QUICK_RESTARTS if options.quick else RESTARTS


if __name__ == "__main__":
    main()
