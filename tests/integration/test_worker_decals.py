"""What chains draw themselves for live pictures, by a real worker: never at the cost of results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.algorithm.drawing.decal import Decal, unpack_decal
from edged.model.output import OutputKind
from edged.worker.studio import LANE
from tests.integration.worker_rig import GATES, Camera, Gate, Rig, job, worker

DRAWS = """
from edged import BaseAlgo
from tests.integration.worker_rig import GATES

class Draws(BaseAlgo):
    def init(self):
        self.runs = 0
    def run(self, frames):
        self.runs += 1
        return {"runs": self.runs}
    def draw(self, picture, result):
        GATES["draw"].pass_through()
        picture[:8, : result["runs"]] = (0, 0, 255)
"""
OTHER_DRAW = """
from edged import BaseAlgo

class Other(BaseAlgo):
    def run(self, frames):
        self.draw(1, 2, 3)
    def draw(self, x, y, z):
        pass
"""
KEY = ("draws", "cam")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    GATES["draw"] = Gate()
    with worker(tmp_path) as rig:
        rig.algorithm("draws", DRAWS)
        rig.algorithm("other", OTHER_DRAW)
        yield rig
        GATES["draw"].let(100)


@pytest.fixture
def camera(rig: Rig) -> Iterator[Camera]:
    camera = Camera()
    camera.offer(rig.channel)
    yield camera
    camera.close()


def shoot(rig: Rig, camera: Camera, runs: int, name: str = "draws") -> None:
    for _ in range(runs):
        wanted = len(rig.results(name)) + 1
        camera.shoot()
        rig.until(lambda wanted=wanted: len(rig.results(name)) >= wanted)


def decals(rig: Rig, name: str = "draws") -> list[Decal]:
    return [unpack_decal(output.payload) for output in rig.of(OutputKind.DECAL, name)]


def test_results_go_on_while_a_draw_hangs_and_then_only_the_newest_is_drawn(rig: Rig, camera: Camera) -> None:
    gate = GATES["draw"]
    rig.shown = (KEY,)
    rig.apply(job("draws", "draws"))
    rig.running("draws")
    shoot(rig, camera, 1)
    gate.wait_until_entered()
    activity = rig.heartbeat.activity(LANE)
    assert (activity.phase, activity.job, activity.source) == ("draw", *KEY), "main ends it at its deadline"
    assert activity.deadline_ns > 0
    shoot(rig, camera, 30)
    assert not decals(rig)
    gate.let(4)
    rig.until(lambda: len(decals(rig)) == 2)
    assert [decal.pixels.shape for decal in decals(rig)] == [(8, 1, 4), (8, 31, 4)], "of runs 1 and 31"
    assert [decal.pts_us for decal in decals(rig)] == [0, 3_000_000]


def test_nothing_is_drawn_for_nobody_and_what_was_found_is_when_somebody_comes(
    rig: Rig, camera: Camera
) -> None:
    gate = GATES["draw"]
    gate.let(100)
    rig.apply(job("draws", "draws"), job("other", "other"))
    rig.running("draws", "other")
    shoot(rig, camera, 3)
    rig.until(lambda: len(rig.results("other")) >= 1)
    assert not gate.entered.acquire(blocking=False), "draw was not called"
    rig.shown = (KEY, ("other", "cam"))
    rig.apply(job("draws", "draws"), job("other", "other"))
    rig.until(lambda: decals(rig) and decals(rig, "other"))
    assert [decal.pixels.shape[1] for decal in decals(rig)] == [3]
    assert [decal.is_empty for decal in decals(rig, "other")] == [True]
    rig.shown = ()
    rig.apply(job("draws", "draws"), job("other", "other"))
    shoot(rig, camera, 2)
    assert len(decals(rig)) == 1
    assert len(decals(rig, "other")) == 1, "what is called draw and is something else draws nothing"
