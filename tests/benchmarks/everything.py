"""All benchmarks, one after the other; about 40 minutes."""

from __future__ import annotations

import subprocess
import sys

NAMES = ("algorithms", "offline", "leaving", "life", "camera_cost", "latency", "density", "control", "growth")


def main() -> None:
    failed = []
    for name in NAMES:
        done = subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}", *sys.argv[1:]], check=False)
        if done.returncode:
            failed.append(name)
    sys.exit(f"over a limit or not measured: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
