"""Pictures and shared sessions: the worker with a real model on real footage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edged.model.frame import FrameFormat
from edged.model.messages import Pictures
from tests.integration.worker_rig import Camera, Rig, job, worker

MODEL = "yolox_nano_416.onnx"
EVERY_S = 0.2


@pytest.fixture
def photograph(assets: Path) -> NDArray[np.uint8]:
    """Pedestrians, BGR with even sides."""
    picture = cv2.imread(str(assets / "pedestrians.jpg"))
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    return np.ascontiguousarray(picture[:height, :width], dtype=np.uint8)


@pytest.fixture
def rig(tmp_path: Path, assets: Path) -> Iterator[Rig]:
    settings = Pictures(str(tmp_path / "pictures"), every_s=EVERY_S)
    with worker(tmp_path, models=(str(assets),), pictures=settings) as rig:
        yield rig


def camera_showing(source: str, picture: NDArray[np.uint8]) -> Camera:
    height, width = picture.shape[:2]
    i420 = cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).reshape(-1)
    return Camera(source, format=FrameFormat(width, height), slots=4, show=i420)


def test_two_cameras_share_a_session_and_leave_pictures(
    rig: Rig, tmp_path: Path, photograph: NDArray[np.uint8]
) -> None:
    cameras = [camera_showing(name, photograph) for name in ("left", "right")]
    rig.algorithm(
        "census",
        "from edged import Algorithm, Outcome\nclass Census(Algorithm):\n    def run(self, window, before):\n"
        "        return Outcome(before.detections, {'sessions': self.context.sessions.loaded})\n",
    )
    people = job("people", "detector", "left", "right", params={"model": MODEL, "labels": ["person"]})
    rig.apply(people, job("census", "census", "left", "right"))
    for camera in cameras:
        camera.offer(rig.channel)
    rig.running("people", "census")
    for camera in cameras:
        camera.shoot()
    rig.until(lambda: len(rig.results("people")) == 2 and len(rig.results("census")) == 2)
    assert [result["data"]["sessions"] for result in rig.results("census")] == [1, 1]
    for result in rig.results("people"):
        assert len(result["detections"]) >= 5
        assert {found["label"] for found in result["detections"]} == {"person"}
    for camera in cameras:
        path = tmp_path / "pictures" / f"{camera.source}-people.jpg"
        rig.until(lambda path=path, camera=camera: path.exists() or camera.shoot() < 0)
        assert_drawn_on(path, photograph)
        camera.close()


def assert_drawn_on(path: Path, photograph: NDArray[np.uint8]) -> None:
    drawn = cv2.imread(str(path)).astype(int)
    assert drawn.shape == photograph.shape
    changed = np.abs(drawn - photograph).max(axis=2) > 60
    assert 0.002 < changed.mean() < 0.5, "boxes, and the photograph between them"


def test_pictures_come_at_most_so_often_and_draw_may_fail(rig: Rig, tmp_path: Path) -> None:
    rig.algorithm(
        "painter",
        "from edged import BaseAlgo\nclass Painter(BaseAlgo):\n    drawn = 0\n    def run(self, frames):\n"
        "        return {'detections': [{'box': [10, 10, 20, 20]}], 'drawn': self.drawn}\n"
        "    def draw(self, picture, result):\n        self.drawn += 1\n        picture[:] = 255\n"
        "        raise ValueError('out of paint')\n",
    )
    rig.apply(job("painter", "painter"))
    camera = Camera()
    camera.offer(rig.channel)
    rig.running("painter")
    path = tmp_path / "pictures" / "cam-painter.jpg"
    began = time.monotonic()
    while not rig.results("painter") or rig.results("painter")[-1]["data"]["drawn"] < 4:
        camera.shoot()
        rig.read(0.01)
        assert time.monotonic() < began + 10
    assert time.monotonic() - began > 3 * EVERY_S
    camera.close()
    rig.stop()
    assert (cv2.imread(str(path)) > 250).all()
    assert [file.name for file in path.parent.iterdir()] == [path.name], "no drafts are left"
