"""Videos over the workers of a real Ray cluster here: the same results, also when one is killed."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from edged.errors import AlgorithmError, EdgedError, SourceUnsupported
from edged.model.analyzing import ClusterOrder
from edged.model.intake import Intake
from edged.model.messages import JobSpec, Library, LinkSpec, MotionGate
from edged.model.sampling import Sampling
from edged.model.scene import Scene
from edged.offline.cluster.ray_engine import Coming, RayEngine
from edged.offline.engine.engine import Engine, Setup
from edged.offline.reading.reader import Span
from tests.integration.clips import Clip, make_clip

pytest.importorskip("ray", reason="Ray is not installed: pip install 'edged[ray]'")

ALGORITHMS = Path(__file__).parent.parent / "algorithms"
LIBRARY = Library(algorithms=(str(ALGORITHMS),))
SCENE = Scene(
    zones={"left": ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))}, lines={"way": ((0.5, 0.0), (0.5, 1.0))}
)
WORKERS = 2


def setup(*, every_s: float = 0.1, algorithm: str = "means:Means", count: int = 1, **more: object) -> Setup:
    params = {key: value for key, value in more.items() if key == "fail_at"}
    chain = (LinkSpec(algorithm, params), LinkSpec("tracker"), LinkSpec("zones"))
    sampling = Sampling(round(every_s * 1e6), count=count, step=3 if count > 1 else 0)
    gate = MotionGate() if more.get("gated") else None
    return Setup((JobSpec("bright", ("video",), chain, sampling, gate=gate),), LIBRARY, SCENE, device="box")


def results(engine: Engine | RayEngine, path: Path | str, source: str = "video") -> list[bytes]:
    """With the events, as bytes."""
    return [
        payload
        for result in engine.results(str(path), source=source)
        for payload in (result.to_json(), *(event.to_json() for event in result.events))
    ]


def on_this_machine(wanted: Setup, *paths: Path) -> list[list[bytes]]:
    with Engine(wanted, threads=2) as engine:
        return [results(engine, path, f"video{place}") for place, path in enumerate(paths)]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Long enough for several parts, with groups of a second and B-frames."""
    folder = tmp_path_factory.mktemp("clips")
    return [
        make_clip(folder / f"{name}.mp4", Clip(frames=frames, gop=30, b_frames=2))
        for name, frames in (("long", 1200), ("other", 700), ("short", 40))
    ]


@pytest.fixture
def nobody_left() -> Iterator[None]:
    yield
    deadline_s = time.monotonic() + 30
    while left := workers():
        assert time.monotonic() < deadline_s, left
        time.sleep(0.1)


def workers() -> list[psutil.Process]:
    """The processes of our actors."""
    mine = psutil.Process().children(recursive=True)
    return [process for process in mine if _title(process).startswith("ray::PartWorker")]


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@pytest.mark.usefixtures("nobody_left")
def test_videos_give_what_they_give_on_one_machine(clips: list[Path]) -> None:
    scaled = replace(setup(gated=True), intake=Intake((160, 90), 12))
    for wanted in (setup(), setup(count=4), scaled):
        expected = on_this_machine(wanted, *clips)
        if wanted is not scaled:  # what moves there lets too few pass for a track
            assert b'"reason":"ended"' in expected[0][-1]
        with RayEngine(wanted, ClusterOrder(workers=WORKERS)) as engine:
            engine.expect([Coming(str(path), f"video{place}", Span()) for place, path in enumerate(clips)])
            for place, path in enumerate(clips):
                assert results(engine, path, f"video{place}") == expected[place]
            assert engine.workers_lost == 0


@pytest.mark.usefixtures("nobody_left")
def test_a_worker_that_is_killed_midway_costs_nothing_but_time(clips: list[Path]) -> None:
    wanted = setup(algorithm="means:Burdened")
    expected = on_this_machine(wanted, clips[0])[0]
    with RayEngine(wanted, ClusterOrder(workers=WORKERS)) as engine:
        came: list[bytes] = []
        for number, result in enumerate(engine.results(str(clips[0]), source="video0")):
            came += [result.to_json(), *(event.to_json() for event in result.events)]
            if number == 0:
                victim = workers()[0]
                os.kill(victim.pid, signal.SIGKILL)
        assert engine.workers_lost == 1
    assert came == expected


@pytest.mark.usefixtures("nobody_left")
def test_what_is_wrong_is_said_as_on_one_machine(clips: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    wanted = setup(fail_at=900)
    before, failing = replace(setup().jobs[0], name="before"), wanted.jobs[0]
    wanted = replace(wanted, jobs=(before, failing))  # of the frame on which one fails, nothing is told
    with Engine(wanted) as local:
        expected, message = _until_error(local, clips[0], AlgorithmError)
    with RayEngine(wanted, ClusterOrder(workers=WORKERS)) as engine:
        with pytest.raises(SourceUnsupported, match="not a video"):
            results(engine, broken)
        assert _until_error(engine, clips[0], AlgorithmError) == (expected, message)
        assert results(engine, clips[2])
        with pytest.raises(EdgedError, match="local engine"):
            next(engine.results(str(clips[2]), record=tmp_path / "film.mp4"))
    assert "at 30.000 s" in message
    assert json.loads(expected[-1])["data"]["reason"] == "ended"
    assert {json.loads(line)["job"] for line in expected} == {"before", "bright"}
    assert max(json.loads(line)["frame"]["index"] for line in expected) == 897
    assert "told to fail here" in message


def _until_error(engine: Engine | RayEngine, path: Path, kind: type[EdgedError]) -> tuple[list[bytes], str]:
    came: list[bytes] = []
    with pytest.raises(kind) as raised:
        for result in engine.results(str(path)):  # what came before the error counts
            came += [result.to_json(), *(event.to_json() for event in result.events)]
    return came, str(raised.value)


def test_a_cluster_that_is_not_there_is_said() -> None:
    with pytest.raises(EdgedError, match=r"no Ray cluster at 127\.0\.0\.1:1: .*refused"):
        RayEngine(setup(), ClusterOrder("127.0.0.1:1")).__enter__()
