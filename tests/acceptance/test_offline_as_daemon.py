"""`edged analyze -c` finds in a video what `edged run` publishes of it, with the very same file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.analyses import PEOPLE, analyze, lines
from tests.footage import cut
from tests.integration.offline_rig import as_in_realtime
from tests.servers.daemon import DEVICE, Daemon, Subscriber
from tests.servers.mosquitto import Mosquitto

pytestmark = pytest.mark.assets

JOBS = {
    "people": {
        "algorithm": "detector",
        "params": {"model": "yolox_nano_416.onnx", "labels": ["person"]},
        "sampling": {"interval": 0.5},
        "publish": {"qos": 1},
    },
    "windows": {
        "algorithm": "means:Means",
        "sampling": {"interval": 1, "count": 3, "step": 2},
        "publish": {"qos": 1},
    },
}
LEAST = {"people": 8, "windows": 4}
"""Results that a busy machine must have had time for; there are 24 and 12 turns."""


@pytest.mark.parametrize("intake", [{}, {"size": [480, 270], "fps": 6}], ids=["plain", "scaled"])
def test_the_same_config_finds_the_same(
    assets: Path, tmp_path: Path, broker: Mosquitto, intake: dict[str, Any]
) -> None:
    video = cut(assets / f"{PEOPLE}.mp4", tmp_path / "hall.mp4", 0, 12)
    masks = {"clock": [[0, 0], [0.3, 0], [0.3, 0.2], [0, 0.2]]}
    hall = {"url": str(video), "masks": masks, **intake}
    spec = {"sources": {"hall": {**hall, "enabled": False}}, "jobs": JOBS}
    folders = {"models": [str(assets)], "algorithms": [str(Path(__file__).parent.parent / "algorithms")]}
    with Subscriber(broker.port) as ears, Daemon(tmp_path / "box", broker.port, spec, **folders) as daemon:
        for job in JOBS:
            ears.until(f"job/{job}/status", lambda status: status["state"] == "running")
        daemon.reload({**spec, "sources": {"hall": hall}})  # not before the jobs can see it
        ears.until("source/hall/status", lambda status: status["state"] == "ended")
        for job, least in LEAST.items():
            ears.until(f"job/{job}/hall/result", lambda found, least=least: found["seq"] >= least)
        live = {job: [heard.content for heard in ears.results(job, "hall")] for job in JOBS}
    done = analyze(video, "-c", daemon.config, "-o", tmp_path / "out.jsonl")
    assert done.returncode == 0, done.stderr
    found = lines((tmp_path / "out.jsonl").read_text())
    assert {result["device"] for result in found} == {DEVICE}
    for job in JOBS:
        offline = {result["frame"]["index"]: bare(result) for result in found if result["job"] == job}
        assert len(live[job]) >= LEAST[job]
        for result in live[job]:
            assert bare(result) == offline[result["frame"]["index"]], json.dumps(result)
    assert any(result.get("detections") for result in found)


def bare(result: dict[str, Any]) -> dict[str, Any]:
    """Without what is numbered from where it began, and what is said of a clock that was not set."""
    return {key: value for key, value in as_in_realtime(result).items() if key not in ("seq", "clock")}
