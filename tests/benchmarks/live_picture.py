"""What a live picture costs: nothing while nobody looks, and with one viewer of 720p15 at most a quarter of
a core in its process, drawing and x264 included.

    python -m tests.benchmarks.live_picture FILM.mp4 MODEL.onnx [--seconds 20]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

from edged.planning.plan import make_plan
from edged.settings import parse_settings
from tests.integration.device_rig import Rig, rig

MOST_CORES = 0.25
MOST_IDLE_CORES = 0.01
_ALGORITHMS = Path(__file__).resolve().parent.parent.parent / "algos"
_SETTLE_S = 3.0


def settings(film: Path, model: Path) -> str:
    job = {
        "algorithm": "detector",
        "params": {"model": model.name, "score": 0.3},
        "sampling": {"interval": 0.1},
        "then": [{"algorithm": "tracker"}, {"algorithm": "zones"}],
    }
    source = {"url": str(film), "loop": True, "zones": {"z": [[0.3, 0.1], [0.7, 0.1], [0.7, 0.9]]}}
    output = {"source": "cam", "size": [1280, 720], "fps": 15, "encoder": "software"}
    spec = {"sources": {"cam": source}, "jobs": {"people": job}, "outputs": {"gate": output}}
    live = {"rtsp_port": 0, "http_port": 0}
    return json.dumps({"device": "box", "models": [str(model.parent)], "live": live, "spec": spec})


def newest(box: Rig) -> dict[str, Any]:
    return (box.all("output/gate/status") or [None])[-1] or {}


async def cores(pid: int, seconds: float) -> float:
    process = psutil.Process(pid)
    began_s, before = time.monotonic(), sum(process.cpu_times()[:2])
    await asyncio.sleep(seconds)
    return (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began_s)


async def measure(film: Path, model: Path, seconds: float) -> bool:
    async with rig(algorithms=_ALGORITHMS) as box:
        loaded = parse_settings(settings(film, model), file="bench.yaml", folder=film.parent)
        box.device.apply(make_plan(loaded, film.parent))
        await box.results("people", "cam", 3)
        await box.until(lambda: bool(newest(box).get("url")))
        live = box.supervisor.pids()["live"]
        idle = await cores(live, seconds / 2)
        player = await asyncio.create_subprocess_exec(
            "ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", newest(box)["url"], "-c", "copy",
            "-f", "null", "-", stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await box.until(lambda: newest(box).get("state") == "live")
            await asyncio.sleep(_SETTLE_S)
            watched = await cores(live, seconds)
        finally:
            player.terminate()
            await player.wait()
    print(f"nobody looks: {idle:.3f} cores (at most {MOST_IDLE_CORES})")
    print(f"one viewer of 720p15: {watched:.3f} cores (at most {MOST_CORES})")
    return idle <= MOST_IDLE_CORES and watched <= MOST_CORES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("film", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    sys.exit(not asyncio.run(measure(options.film.resolve(), options.model.resolve(), options.seconds)))


if __name__ == "__main__":
    main()
