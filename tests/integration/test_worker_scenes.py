"""What jobs know of their source while they run, and what they share: scenes, numbers, runs of a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from edged.model.frame import FrameFormat
from edged.model.messages import Library, LinkSpec, MotionGate, Numbering, WorkerSpec
from edged.model.output import OutputKind
from edged.model.scene import Scene
from tests.integration.worker_rig import ECHO, GATED, GATES, Camera, Gate, Rig, job, worker
from tests.pictures import save_model

DOOR = ((0.1, 0.1), (0.2, 0.1), (0.2, 0.2))
SIGHTED = """
from edged import Algorithm, Outcome

class Sighted(Algorithm):
    def run(self, window, before):
        scene = self.context.scene
        self.context.count("sighted.runs")
        return Outcome(None, {"zones": sorted(scene.zones)}, {"zones": {name: 2 for name in scene.zones}})
"""
NUMBERED = """
from edged import Algorithm, AlgorithmParams, Detection, Outcome

class Params(AlgorithmParams):
    version: int = 1

class Numbered(Algorithm):
    Params = Params
    def open(self):
        self.mine = None
    def run(self, window, before):
        if self.mine is None:
            self.mine = self.context.track_ids.next()
        return Outcome((Detection((0, 0, 1, 1), 1.0, "person", track_id=self.mine),))
"""
SHARING = """
from edged.algorithm import Batched, Fit, ImageInput, Outcome, Prepared

class Sharing(Batched):
    def open(self):
        self.session = self.context.model("sharing.onnx")
        self.session.batch = 4
        self.input = ImageInput.of(self.session, (8, 8))
    def prepare(self, window):
        picture = window[-1].picture(8, 8, fit=Fit.STRETCH)
        return Prepared(self.input.feed([picture.pixels]), picture)
    def conclude(self, prepared, outputs, window, before):
        mean, together = outputs
        if int(mean[0]) > 250:
            raise ValueError("too bright")
        return Outcome(None, {"mean": round(float(mean[0])), "together": int(together[0])})
"""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with worker(tmp_path, models=(str(tmp_path),)) as rig:
        for name, code in {"echo": ECHO, "gated": GATED, "sighted": SIGHTED, "numbered": NUMBERED}.items():
            rig.algorithm(name, code)
        yield rig


@pytest.fixture
def camera() -> Iterator[Camera]:
    camera = Camera()
    yield camera
    camera.close()


def show(rig: Rig, scene: Scene) -> None:
    """The same job, another scene."""
    rig.revision += 1
    jobs = (job("look", "sighted"),)
    library = Library((str(rig.folder),), rig.models)
    spec = WorkerSpec(rig.revision, "boot-1", "device-1", jobs, library, scenes={"cam": scene})
    assert rig.channel.send(spec, wait_s=5)


def test_a_zone_that_is_drawn_anew_is_seen_by_the_job_that_runs(rig: Rig, camera: Camera) -> None:
    show(rig, Scene({"door": DOOR}))
    camera.offer(rig.channel)
    rig.running("look")
    camera.shoot()
    rig.until(lambda: rig.results("look"))
    show(rig, Scene({"door": DOOR, "hall": DOOR}))
    rig.until(lambda: camera.shoot() and rig.results("look")[-1]["data"]["zones"] == ["door", "hall"])
    stats = rig.counted("look", lambda stats: len(stats.zones.get("cam", ())) == 2)
    assert stats.counters["sighted.runs"] >= 2, "it ran on: nothing was opened anew"
    assert [report.state for report in rig.reports].count("running") == 1
    counts = rig.of(OutputKind.COUNTS, "look")
    assert [b'"hall":2' in each.payload for each in counts] == [False, True]


def test_track_ids_go_on_in_the_job_that_takes_over(rig: Rig, camera: Camera) -> None:
    begun = {"cam": Numbering(track_id=40)}
    rig.apply(job("people", "numbered", numbering=begun))
    camera.offer(rig.channel)
    rig.running("people")
    camera.shoot()
    rig.until(lambda: len(rig.results("people")) == 1)
    rig.apply(job("people", "numbered", params={"version": 2}, numbering=begun, version=1))
    rig.until(lambda: any(report.version == 1 and report.state == "running" for report in rig.reports))
    camera.shoot()
    rig.until(lambda: len(rig.results("people")) == 2)
    assert [result["detections"][0]["track_id"] for result in rig.results("people")] == [41, 42]
    assert [output.track_id for output in rig.of(OutputKind.RESULT, "people")] == [41, 42]


def test_a_job_that_waits_for_movement_runs_where_there_is_some(rig: Rig) -> None:
    camera = Camera(format=FrameFormat(320, 180))
    still = np.full(camera.format.frame_bytes, 90, dtype=np.uint8)
    walker = still.copy()
    walker[: 320 * 180].reshape(180, 320)[60:140, 100:130] = 200
    rig.apply(job("people", "echo", gate=MotionGate(every_s=1000, hold_s=0)))
    camera.offer(rig.channel)
    rig.running("people")
    for show in (still, still, still, walker, still):
        camera.show = show
        camera.shoot(1_000_000)
        stats = rig.counted("people", lambda stats: stats.runs + stats.skipped.get("still", 0) > camera.index)
    assert rig.frames("people")[:2] == [0, 3]
    assert stats.skipped["still"] == 5 - len(rig.frames("people")) >= 2
    camera.close()


# ---- cameras that share runs of a model ----


def sharing_model(path: Path) -> None:
    """Any number of pictures in; for each its mean, and how many there were."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Shape", ["mean"], ["size"]),
        helper.make_node("Cast", ["size"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "number"], ["together"]),
    ]
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 8, 8])
    answers = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("mean", "together")]
    zero = numpy_helper.from_array(np.float32(0), "zero")
    save_model(path, helper.make_graph(nodes, "sharing", [images], answers, [zero]))


@pytest.fixture
def three(rig: Rig, request: pytest.FixtureRequest) -> Iterator[tuple[Gate, list[Camera]]]:
    """Three cameras of one job, and a gate that holds the worker up while their frames come."""
    sharing_model(rig.folder / "sharing.onnx")
    rig.algorithm("sharing", SHARING)
    gate = GATES[request.node.name] = Gate()
    cameras = [Camera(f"cam{number}") for number in range(3)]
    door = Camera("door")
    sources = [camera.source for camera in cameras]
    rig.apply(
        job("look", "sharing", *sources, then=(LinkSpec("echo", {}),)),
        job("gated", "gated", "door", params={"gate": request.node.name}),
    )
    for camera in (*cameras, door):
        camera.offer(rig.channel)
    rig.running("look", "gated")
    door.shoot()
    gate.wait_until_entered()
    yield gate, cameras
    for camera in (*cameras, door):
        camera.close()
    del GATES[request.node.name]


def test_cameras_that_wait_together_share_a_run(rig: Rig, three: tuple[Gate, list[Camera]]) -> None:
    gate, cameras = three
    for number, camera in enumerate(cameras):
        camera.show = np.full(camera.format.frame_bytes, 128, dtype=np.uint8)
        camera.show[: camera.format.y_bytes] = 40 + 50 * number
        camera.shoot()
    gate.let()
    rig.until(lambda: len(rig.results("look")) == 3)
    data = {result["source"]: result["data"] for result in rig.results("look")}
    assert [each["together"] for each in data.values()] == [3, 3, 3]
    wanted = [(luma - 16) * 255 / 219 for luma in (40, 90, 140)]
    assert [data[camera.source]["mean"] for camera in cameras] == pytest.approx(wanted, abs=1.5)
    assert [data[camera.source]["values"] for camera in cameras] == [[40], [90], [140]], "the chain goes on"
    assert rig.counted("look", lambda stats: stats.runs == 3).errors == 0


def test_one_that_fails_in_a_shared_run_fails_alone(rig: Rig, three: tuple[Gate, list[Camera]]) -> None:
    gate, cameras = three
    for camera, luma in zip(cameras, (40, 235, 140), strict=True):
        camera.show = np.full(camera.format.frame_bytes, 128, dtype=np.uint8)
        camera.show[: camera.format.y_bytes] = luma
        camera.shoot()
    gate.let()
    stats = rig.counted("look", lambda stats: stats.runs + stats.errors == 3)
    assert (stats.runs, stats.errors) == (2, 1)
    assert {result["source"] for result in rig.results("look")} == {"cam0", "cam2"}
    rig.until(lambda: any("cam1" in report.error for report in rig.reports))
