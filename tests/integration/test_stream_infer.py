"""Algorithms written for stream_infer: in a worker, with their import changed and nothing else.

What is expected is what the same file does without edged: beside a stand-in of stream_infer's `BaseAlgo`
(a name, ``init(**kwargs)``, ``run(frames)``), driven as its `Inference` does.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edged.algorithm import Frame
from edged.model.sampling import Sampling
from tests.integration.worker_rig import SMALL, Camera, Rig, job, worker
from tests.pictures import header_of, read_only

THEIRS = '''
import logging

import cv2
import numpy as np

from stream_infer.algo import BaseAlgo

logger = logging.getLogger(__name__)


class LightAlgo(BaseAlgo):
    """Keeps state under every name that edged has a meaning for, too."""

    def __init__(self, name="light"):
        super().__init__(name)
        self.params = {"seen": 0}
        self.detections = []
        self.frame = None

    def init(self, limit=100, gains=(1.0, 2.0)):
        self.limit = limit
        self.model = np.array(gains)

    def run(self, frames):
        try:
            levels = [int(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).mean()) for frame in frames]
            change = 0 if self.frame is None else int(cv2.absdiff(self.frame, frames[-1]).max())
            self.frame = frames[-1]
            self.params["seen"] += 1
            self.detections.append(levels[-1])
            return {
                "levels": levels,
                "change": change,
                "scaled": self.model * levels[-1],
                "bright": np.bool_(levels[-1] > self.limit),
                "seen": self.params["seen"],
                "history": self.detections,
                "shape": frames[0].shape,
            }
        except Exception as e:
            logger.error(e)
            return None

    def draw(self, frame):
        cv2.putText(frame, str(self.detections[-1]), (10, 10), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 255))


class PersonAlgo(BaseAlgo):
    def init(self):
        self.person = {"box": np.array([16, 12, 48, 36]), "score": np.float32(0.5), "label": "person"}

    def run(self, frames):
        return {"detections": [self.person], "names": ["person"]}


class NamesAlgo(BaseAlgo):
    def init(self):
        pass

    def run(self, frames):
        return [str(len(frame)) for frame in frames]
'''
TASK = {"module": "./theirs.py", "name": "LightAlgo", "frame_count": 3, "frame_step": 2, "interval": 1}
"""As its dynamic configuration has them."""
KWARGS = {"limit": 40, "gains": [1.0, 0.5]}


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with worker(tmp_path) as rig:
        ours = THEIRS.replace("from stream_infer.algo import BaseAlgo", "from edged import BaseAlgo")
        assert sum(a != b for a, b in zip(THEIRS.splitlines(), ours.splitlines(), strict=True)) == 1
        rig.algorithm("theirs", ours)
        yield rig


@pytest.fixture
def camera() -> Iterator[Camera]:
    camera = Camera()
    yield camera
    camera.close()


def without_edged(name: str, kwargs: dict[str, Any], windows: list[list[Any]]) -> list[Any]:
    """What the class of the unchanged file returns, as JSON knows it."""

    class BaseAlgo:
        def __init__(self, name: str | None = None) -> None:
            self.name = name or type(self).__name__

    module = types.ModuleType("stream_infer.algo")
    module.BaseAlgo = BaseAlgo  # type: ignore[attr-defined]
    sys.modules["stream_infer"], sys.modules["stream_infer.algo"] = types.ModuleType("stream_infer"), module
    try:
        names: dict[str, Any] = {"__name__": "theirs"}
        exec(compile(THEIRS, "theirs.py", "exec"), names)
    finally:
        del sys.modules["stream_infer"], sys.modules["stream_infer.algo"]
    algo = names[name]()
    algo.init(**kwargs)
    return [
        json.loads(json.dumps(algo.run(window), default=lambda value: value.tolist())) for window in windows
    ]


def shown(index: int) -> NDArray[np.uint8]:
    """The planes of frame ``index``: brighter and brighter, a little red."""
    pixels = np.full(SMALL.frame_bytes, 140, dtype=np.uint8)
    pixels[: SMALL.y_bytes] = 20 + 5 * index
    return pixels


def picture(index: int) -> NDArray[np.uint8]:
    return Frame(replace(header_of(SMALL), index=index), read_only(shown(index))).bgr()


def test_results_are_those_that_stream_infer_would_collect(rig: Rig, camera: Camera) -> None:
    """10 frames a second; a window is (count - 1) * step + 1 = 5 frames, so the first run is at frame 4."""
    sampling = Sampling(
        interval_us=int(TASK["interval"] * 1_000_000), count=TASK["frame_count"], step=TASK["frame_step"]
    )
    rig.apply(job("light", "theirs:LightAlgo", sampling=sampling, params=KWARGS))
    camera.offer(rig.channel)
    rig.running("light")
    for index in range(41):
        camera.show = shown(index)
        camera.shoot()
        if index == 4 or (index and index % 10 == 0):
            rig.until(lambda: rig.frames("light")[-1:] == [camera.index])
    newest = [4, 10, 20, 30, 40]
    assert rig.frames("light") == newest
    windows = [[picture(each) for each in (last - 4, last - 2, last)] for last in newest]
    wanted = without_edged("LightAlgo", KWARGS, windows)
    assert [result["data"] for result in rig.results("light")] == wanted
    assert len({level for answer in wanted for level in answer["levels"]}) == 15


def test_detections_and_plain_answers(rig: Rig, camera: Camera) -> None:
    rig.apply(job("person", "theirs:PersonAlgo"), job("names", "theirs:NamesAlgo"))
    camera.offer(rig.channel)
    rig.running("person", "names")
    camera.shoot()
    rig.until(lambda: rig.results("person") and rig.results("names"))
    (person,) = rig.results("person")
    assert person["detections"] == [{"label": "person", "score": 0.5, "box": [0.25, 0.25, 0.75, 0.75]}]
    assert person["data"] == {"names": ["person"]}
    assert rig.results("names")[0]["data"] == {"result": ["48"]}


def test_its_import_says_what_to_write(rig: Rig, camera: Camera) -> None:
    rig.algorithm("unchanged", THEIRS)
    rig.apply(job("light", "unchanged:LightAlgo"))
    camera.offer(rig.channel)
    rig.until(lambda: "failed" in rig.states("light"))
    assert any("write `from edged import BaseAlgo`" in str(report) for report in rig.reports)
