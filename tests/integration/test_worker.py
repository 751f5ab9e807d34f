"""The worker on real tracks: which frames it runs on, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.worker_rig import ECHO, Camera, Rig, job, worker


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with worker(tmp_path) as rig:
        rig.algorithm("echo", ECHO)
        yield rig


@pytest.fixture
def camera() -> Iterator[Camera]:
    camera = Camera()
    yield camera
    camera.close()


def test_one_job_on_one_track(rig: Rig, camera: Camera) -> None:
    rig.apply(job("people", "echo"))
    camera.offer(rig.channel)
    rig.running("people")
    for number in range(5):
        camera.shoot()
        rig.until(lambda number=number: len(rig.results("people")) == number + 1)
    assert rig.frames("people") == [0, 1, 2, 3, 4]
    assert rig.states("people") == ["starting", "running"]
    result = rig.results("people")[-1]
    assert result["seq"] == 5
    assert result["v"] == 1
    assert (result["device"], result["job"], result["source"], result["boot"]) == (
        "device-1", "people", "cam", "boot-1",
    )  # fmt: skip
    assert result["frame"] == {"index": 4, "pts": 0.4, "width": 64, "height": 48}
    assert result["data"]["runs"] == 5
    assert 0 <= result["latency_ms"]["wait"] <= result["latency_ms"]["total"] < 1000
    assert "detections" not in result
