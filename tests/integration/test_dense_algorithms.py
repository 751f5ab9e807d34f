"""Built-in algorithms in a worker: what they find and tell arrives as the JSON that is documented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from edged.model.frame import FrameFormat
from edged.model.messages import LinkSpec
from tests.integration.worker_rig import Camera, Rig, job, worker
from tests.small_models import color_classes_model, fixed_model

SIZE = FrameFormat(128, 64)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    (tmp_path / "models").mkdir()
    with worker(tmp_path, models=(str(tmp_path / "models"),)) as rig:
        yield rig


@pytest.fixture
def camera() -> Iterator[Camera]:
    picture = np.full((64, 128, 3), (0, 0, 255), dtype=np.uint8)
    planes = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).reshape(-1)
    camera = Camera(format=SIZE, show=np.asarray(planes, dtype=np.uint8))
    yield camera
    camera.close()


def test_a_chain_of_them(rig: Rig, camera: Camera, tmp_path: Path) -> None:
    models = tmp_path / "models"
    color_classes_model(models / "colors.onnx")
    fixed_model(models / "raw.onnx", {"scores": np.array([[0.25, 0.5]])}, (1, 3, 8, 8))
    names = ["dark", "red", "green", "blue"]
    raw = LinkSpec("onnx", {"model": "raw.onnx"})
    health = LinkSpec("camera_health", {})
    params = {"model": "colors.onnx", "names": names, "normalize": "unit", "resize": "stretch"}
    rig.apply(job("look", "segmentation", params=params, then=(raw, health)))
    camera.offer(rig.channel)
    rig.running("look")
    camera.shoot()
    rig.until(lambda: rig.results("look"))
    data = rig.results("look")[0]["data"]
    assert [(each["label"], each["area"]) for each in data["segments"]] == [("red", 1.0)]
    assert data["outputs"] == {"scores": {"shape": [1, 2], "values": [[0.25, 0.5]]}}
    assert (data["camera"]["faults"], data["camera"]["still"]) == ([], 0.0)


def show_five(rig: Rig, camera: Camera) -> None:
    for _ in range(5):
        camera.shoot(400_000)
        rig.until(lambda: rig.frames("health")[-1:] == [camera.index])


def test_the_cameras_health_as_events(rig: Rig, camera: Camera) -> None:
    rig.apply(job("health", "camera_health", params={"after": 1, "clear": 1}))
    camera.show = np.full(SIZE.frame_bytes, 128, dtype=np.uint8)
    camera.show[: SIZE.y_bytes] = 18
    camera.offer(rig.channel)
    rig.running("health")
    show_five(rig, camera)
    camera.show[: SIZE.y_bytes] = 120
    show_five(rig, camera)
    told = [
        (event["type"], event["data"]["state"], event["frame"]["index"]) for event in rig.events("health")
    ]
    assert told == [("camera_black", "on", 3), ("camera_black", "off", 8)]
    assert rig.events("health")[0]["data"]["luma"] < 5
