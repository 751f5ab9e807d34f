"""`edged.analyze`: the same results for any number of threads; hooks, errors, and an early end."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import edged
from edged import AlgorithmError, AnalyzedFrame
from edged.errors import SourceUnavailable, SpecRejected
from edged.offline.engine.result import Progress
from tests.integration.clips import Clip, make_clip
from tests.integration.offline_rig import CHAIN, own_threads, told, write_algorithms


@pytest.fixture
def algorithms(tmp_path: Path) -> Path:
    return write_algorithms(tmp_path)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 s at 30 frames a second."""
    return make_clip(tmp_path_factory.mktemp("clips") / "walk.mp4", Clip(frames=90, b_frames=2))


def test_threads_change_nothing(clip: Path, algorithms: Path) -> None:
    jobs = {
        "split": CHAIN,
        "early": {"algorithm": "own:Bright", "sampling": {"interval": 0.2, "count": 3, "step": 2}},
        "late": {"algorithm": "own:Sum", "sampling": {"interval": 0}},
    }
    runs = [told(edged.analyze(clip, jobs, algorithms=algorithms, threads=threads)) for threads in (1, 2, 4)]
    assert runs[0] == runs[1] == runs[2]
    bodies = [json.loads(line) for line in runs[0]]
    split = [body for body in bodies if body["job"] == "split" and "type" not in body]
    assert [body["frame"]["index"] for body in split] == list(range(0, 90, 3))
    assert [body["seq"] for body in split] == list(range(1, 31))
    sums = [body["data"]["sum"] for body in split]
    assert sums == list(np.cumsum([body["data"]["level"] for body in split]))
    events = [body for body in bodies if body["job"] == "split" and "type" in body]
    assert [body["seq"] for body in events] == list(range(1, len(events) + 1))
    assert {body["type"] for body in events} == {"fifth", "seventh"}
    assert len({body["id"] for body in events}) == len(events)
    assert {body["data"]["seen"] for body in bodies if body["job"] == "early" and "data" in body} == {3}
    assert not own_threads()


def test_where_a_chain_is_split_changes_nothing(clip: Path, algorithms: Path) -> None:
    held = {**CHAIN, "algorithm": "own:Held"}
    apart, together = (
        told(edged.analyze(clip, {"job": job}, algorithms=algorithms, threads=3)) for job in (CHAIN, held)
    )
    assert apart == together


def test_results_are_values(clip: Path, algorithms: Path) -> None:
    first = next(edged.analyze(clip, {"algorithm": "own:Bright"}, algorithms=algorithms))
    assert (first.job, first.source, first.seq, first.index, first.pts) == ("own-Bright", "walk", 1, 0, 0.0)
    assert (first.width, first.height) == (160, 120)
    assert first.detections is not None
    assert first.detections[0].label == "spot"
    assert first.counts == {"total": 1, "labels": {"spot": 1}}
    body = first.to_dict()
    assert body == json.loads(first.to_json())
    assert (
        replace(first, seq=7).to_dict() == {**body, "seq": 7} == json.loads(replace(first, seq=7).to_json())
    )
    assert not {"boot", "time", "latency_ms"} & body.keys()
    assert body["frame"] == {"index": 0, "pts": 0.0, "width": 160, "height": 120}


def test_publish_decides_what_is_given(clip: Path, algorithms: Path) -> None:
    def given(when: str) -> list[tuple[int, bool, int]]:
        job = {**CHAIN, "publish": {"when": when}}
        results = edged.analyze(clip, {"job": job}, algorithms=algorithms)
        return [(one.seq, one.wanted, len(one.events)) for one in results]

    assert len(given("always")) == 30
    assert given("never") == []
    events = given("events")
    assert events
    assert all(not wanted and number for _, wanted, number in events)
    assert [seq for seq, _, _ in given("detections")] == list(range(1, 31))


def test_a_part_of_a_video_has_the_numbers_of_the_whole(clip: Path, algorithms: Path) -> None:
    job = {"algorithm": "own:Bright", "sampling": {"interval": 0.1}}
    whole = list(edged.analyze(clip, job, algorithms=algorithms))
    part = list(edged.analyze(clip, job, algorithms=algorithms, start=1.0, end=2.0))
    assert [one.pts for one in part] == [one.pts for one in whole if 1.0 <= one.pts < 2.0]
    levels = {one.index: one.data["level"] for one in whole}
    assert all(one.data["level"] == levels[one.index] for one in part)
    assert [one.seq for one in part] == list(range(1, len(part) + 1))


def test_a_config_brings_jobs_and_the_scene_of_the_source_of_that_name(clip: Path, tmp_path: Path) -> None:
    write_algorithms(tmp_path)
    config = tmp_path / "edged.yaml"
    config.write_text(
        "algorithms: [.]\ndevice: gate-01\n"
        "spec:\n"
        "  sources:\n"
        "    left: {url: /elsewhere/walk.mp4, zones: {all: [[0, 0], [1, 0], [1, 1], [0, 1]]}}\n"
        "    right: {url: other.mp4}\n"
        "  jobs:\n"
        "    spots: {algorithm: own:Bright, sources: [left], then: [{algorithm: zones}]}\n"
        "    others: {algorithm: own:Sum, sources: [right]}\n"
        "    off: {algorithm: own:Sum, enabled: false}\n"
    )
    results = list(edged.analyze(clip, config))
    assert {one.job for one in results} == {"spots"}
    assert all(one.counts["zones"] == {"all": 1} for one in results)
    assert results[0].to_dict()["device"] == "gate-01"
    own = list(edged.analyze(clip, config, zones={"nowhere": [[0.9, 0.9], [1, 0.9], [1, 1]]}))
    assert all(one.counts["zones"] == {"nowhere": 0} for one in own)


@pytest.mark.parametrize(
    ("jobs", "said"),
    [
        ({"job": {"algorithm": "own:Brigth"}}, "did you mean"),
        ({"job": {"algorithm": "motion", "sampling": {"intervall": 1}}}, "spec.jobs.job.sampling.intervall"),
        ({"job": {"algorithm": "motion", "params": {"x": object()}}}, "is not plain data"),
        ({"job": {"algorithm": edged.BaseAlgo}}, "'file:BaseAlgo', and say in which"),
        ({}, "names no job"),
        ("nowhere.yaml", "there is no such file"),
    ],
)
def test_jobs_that_are_not_right_are_told(
    clip: Path, algorithms: Path, jobs: dict[str, Any] | str, said: str
) -> None:
    with pytest.raises((SpecRejected, AlgorithmError), match=said):
        list(edged.analyze(clip, jobs, algorithms=algorithms))
    assert not own_threads()


def test_masks_are_black_before_anybody_looks(clip: Path, algorithms: Path) -> None:
    job = {"algorithm": "own:Bright"}
    everything = {"all": [[0, 0], [1, 0], [1, 1], [0, 1]]}
    seen: list[int] = []
    results = edged.analyze(
        clip, job, algorithms=algorithms, masks=everything, on_frame=lambda one: seen.append(one.plain.max())
    )
    assert {one.data["level"] for one in results} == {0}
    assert set(seen) == {0}


def test_several_videos_come_one_after_the_other(clip: Path, algorithms: Path, tmp_path: Path) -> None:
    second = make_clip(tmp_path / "run here.mp4", Clip(frames=30))
    results = list(edged.analyze([clip, second], {"sum": {"algorithm": "own:Sum"}}, algorithms=algorithms))
    assert [(one.source, one.seq) for one in results] == [
        ("walk", 1), ("walk", 2), ("walk", 3), ("run-here", 1),
    ]  # fmt: skip
    assert results[-1].data["sum"] == 1, "each video has instances of its own"


def test_the_hook_sees_every_frame_in_order_in_the_callers_thread(clip: Path, algorithms: Path) -> None:
    seen: list[tuple[int, float, int, bool]] = []
    here = threading.get_ident()

    def look(frame: AnalyzedFrame) -> None:
        assert frame.picture.shape == (120, 160, 3)
        frame.picture[:] = 0
        seen.append((frame.index, frame.pts, len(frame.results), bool(frame.fresh)))
        assert threading.get_ident() == here

    job = {"late": {"algorithm": "own:Bright", "sampling": {"interval": 1, "count": 2}}}
    results = list(edged.analyze(clip, job, algorithms=algorithms, on_frame=look))
    assert [index for index, _, _, _ in seen] == list(range(90))
    assert seen[30][1] == pytest.approx(1.0)
    assert [index for index, _, _, fresh in seen if fresh] == [one.index for one in results]
    assert [known for _, _, known, _ in seen] == [0] + [1] * 89


def test_a_hook_that_raises_ends_it(clip: Path, algorithms: Path) -> None:
    def look(frame: AnalyzedFrame) -> None:
        if frame.index == 4:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        list(edged.analyze(clip, {"algorithm": "own:Sum"}, algorithms=algorithms, on_frame=look))
    assert not own_threads()


def test_an_algorithm_that_raises_fails_its_video(clip: Path, algorithms: Path) -> None:
    job = {"sum": {"algorithm": "own:Sum", "params": {"fail_at": 60}, "sampling": {"interval": 0.5}}}
    got = []
    with pytest.raises(AlgorithmError, match=r"job sum failed at 2\.000 s: RuntimeError: it is full \(own"):
        for result in edged.analyze(clip, job, algorithms=algorithms):
            got.append(result.index)  # noqa: PERF401 - what came before the error counts
    assert got == [0, 15, 30, 45]
    assert not own_threads()


def test_a_video_that_breaks_off_gives_what_it_has(clip: Path, algorithms: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mkv"
    whole = make_clip(tmp_path / "whole.mkv", Clip(frames=90, gop=10)).read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    got = []
    with pytest.raises(SourceUnavailable, match="broken"):
        for result in edged.analyze(broken, {"algorithm": "own:Sum"}, algorithms=algorithms):
            got.append(result.index)  # noqa: PERF401
    assert got
    with pytest.raises(SourceUnavailable):
        list(edged.analyze(tmp_path / "nowhere.mp4", {"algorithm": "own:Sum"}, algorithms=algorithms))
    assert not own_threads()


def test_an_early_end_leaves_no_thread(clip: Path, algorithms: Path) -> None:
    for record in (None, algorithms / "early.mp4"):
        results = edged.analyze(clip, {"job": CHAIN}, algorithms=algorithms, record=record)
        next(results)
        assert own_threads()
        results.close()
        assert not own_threads()


def test_progress_ends_with_all_of_it(clip: Path, algorithms: Path) -> None:
    told_of: list[Progress] = []
    list(edged.analyze(clip, {"job": CHAIN}, algorithms=algorithms, on_progress=told_of.append))
    assert told_of[-1].frames == 90
    assert told_of[-1].looked == 30
    assert told_of[-1].duration_s == pytest.approx(3.0, abs=0.1)
    assert [one.at_s for one in told_of] == sorted(one.at_s for one in told_of)


def test_it_works_in_a_notebook(clip: Path, algorithms: Path) -> None:
    """There a loop runs in the thread that asks."""

    async def cell() -> int:
        return sum(1 for _ in edged.analyze(clip, {"job": CHAIN}, algorithms=algorithms))

    assert asyncio.run(cell()) == 30


def test_no_broker_is_loaded(clip: Path, algorithms: Path) -> None:
    code = (
        "import sys, edged\n"
        f"job, folder = {{'algorithm': 'own:Sum'}}, {str(algorithms)!r}\n"
        f"assert sum(1 for _ in edged.analyze({str(clip)!r}, job, algorithms=folder)) == 3\n"
        "assert not {'paho', 'sqlite3', 'edged.mqtt', 'edged.control'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_job_that_waits_for_motion_looks_where_something_moves(algorithms: Path, tmp_path: Path) -> None:
    still = make_clip(tmp_path / "moving.mp4", Clip(frames=60))
    job = {"algorithm": "own:Sum", "when": "motion", "sampling": {"interval": 0}}
    always = {"algorithm": "own:Sum", "sampling": {"interval": 0}}
    results = list(edged.analyze(still, {"gated": job, "always": always}, algorithms=algorithms))
    gated = [one for one in results if one.job == "gated"]
    assert 1 <= len(gated) <= 60
    assert [one.seq for one in gated] == list(range(1, len(gated) + 1))


def test_ctrl_c_ends_it_and_leaves_a_film(algorithms: Path, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "long.mp4", Clip(frames=600))
    film = tmp_path / "out.mp4"
    code = (
        "import sys, edged\n"
        "video, folder, film = sys.argv[1:]\n"
        "job = {'job': {'algorithm': 'own:Slow', 'sampling': {'interval': 0}}}\n"
        "for result in edged.analyze(video, job, algorithms=folder, record=film):\n"
        "    print(result.index, flush=True)\n"
    )
    slow = "class Slow(BaseAlgo):\n    def run(self, frames):\n        time.sleep(0.1)\n"
    (algorithms / "own.py").write_text(f"import time\nfrom edged import BaseAlgo\n{slow}")
    words = [sys.executable, "-c", code, str(clip), str(algorithms), str(film)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        for _ in range(5):
            assert running.stdout.readline()
        running.send_signal(signal.SIGINT)
        rest, errors = running.communicate(timeout=60)
    assert running.returncode != 0
    assert "KeyboardInterrupt" in errors
    with av.open(str(film)) as container:
        frames = len(list(container.decode(video=0)))
    assert 5 <= frames <= 5 + len(rest.split()) + 1


@pytest.mark.assets
def test_models_are_loaded_once_for_all_videos(
    assets: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clips = [make_clip(tmp_path / f"{number}.mp4", Clip(frames=30)) for number in range(3)]
    job = {"algorithm": "detector", "params": {"model": "yolox_nano_416.onnx"}, "sampling": {"interval": 0.2}}
    with caplog.at_level("INFO", "edged.algorithm.session"):
        results = list(edged.analyze(clips, job, models=assets))
    assert [one.source for one in results] == ["0"] * 5 + ["1"] * 5 + ["2"] * 5
    assert sum("loaded yolox_nano" in record.getMessage() for record in caplog.records) == 1


HANGS = """
import time
from pathlib import Path
from edged import BaseAlgo

class Hangs(BaseAlgo, keeps_state=False):
    def run(self, frames):
        while self.frame.index > 5 and not Path(__file__).with_name("go").exists():
            time.sleep(0.02)
        return {"seen": 1}
"""


def test_a_program_hears_of_a_hang_and_may_leave(
    clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "hangs.py").write_text(HANGS)
    job = {"algorithm": "hangs:Hangs", "deadline": 0.5, "sampling": {"interval": 0.1}}
    told: list[Progress] = []

    def leave(progress: Progress) -> None:
        told.append(progress)
        if progress.stall is not None and progress.stall.lasts_s > 1.5:
            raise KeyboardInterrupt

    results = edged.analyze(clip, job, algorithms=tmp_path, on_progress=leave, threads=2)
    with pytest.raises(KeyboardInterrupt):
        for result in results:
            assert result.index <= 5
    assert set(own_threads()) <= {"edged-look", "edged-conclude"}
    assert own_threads(), "those that hang are not waited for"
    (tmp_path / "go").touch()
    until_s = time.monotonic() + 30
    while own_threads():
        assert time.monotonic() < until_s
        time.sleep(0.02)
    stalls = [progress.stall for progress in told if progress.stall is not None]
    assert len(stalls) > 1
    assert {stall.deadline_s for stall in stalls} == {0.5}
    warnings = [record.getMessage() for record in caplog.records if "waited for" in record.getMessage()]
    assert len(warnings) == 1
    assert f"is at the frame at {stalls[0].at_s:.3f} s" in warnings[0]
