"""What is open when a video ends is ended, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import edged
from edged.errors import AlgorithmError, SourceUnavailable
from edged.offline.engine.result import Result
from tests.integration.clips import Clip, make_clip

ALGORITHMS = """
from edged import BaseAlgo

class Visits(BaseAlgo, keeps_state={keeps_state}):
    def init(self, fail_at=-1):
        self.fail_at = fail_at
    def run(self, frames):
        index = self.frame.index
        if index == self.fail_at:
            raise RuntimeError("it is full")
        if index == 0:
            self.emit("object_start", track_id=1, label="person")
            self.emit("object_start", track_id=2, label="dog")
        if index == 30:
            self.emit("zone_enter", track_id=1, zone="door", label="person")
            self.emit("zone_enter", track_id=2, zone="door", label="dog")
            self.emit("object_end", track_id=2, label="dog")
            self.emit("zone_exit", track_id=2, zone="door", label="dog", seconds=0.0)
        box = [10, 10, 20 + index, 40]
        found = {{"box": box, "label": "person", "score": 0.9, "track_id": 1, "zones": ["door"]}}
        return {{"detections": [found] if index < 75 else []}}

class Quiet(BaseAlgo):
    def run(self, frames):
        return {{}}
"""
VISITS = {"algorithm": "own:Visits", "sampling": {"interval": 0.1}}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 s at 30 frames a second."""
    return make_clip(tmp_path_factory.mktemp("clips") / "walk.mp4", Clip(frames=90))


@pytest.fixture(params=[False, True], ids=["stateless", "keeps state"])
def algorithms(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "own.py").write_text(ALGORITHMS.format(keeps_state=request.param))
    return tmp_path


def ended(results: Iterable[Result]) -> list[dict[str, Any]]:
    """What was said of the end that no algorithm said."""
    events = [event.to_dict() for result in results for event in result.events]
    return [event for event in events if event.get("data", {}).get("reason") == "ended"]


def test_the_open_ones_are_ended_once_and_behind_all_else(clip: Path, algorithms: Path) -> None:
    jobs = {"quiet": {"algorithm": "own:Quiet", "sampling": {"interval": 0}}, "visits": VISITS}
    results = list(edged.analyze(clip, jobs, algorithms=algorithms))
    last = results[-1]
    assert (last.job, last.wanted, last.index, last.pts) == ("visits", False, 87, 2.9)
    assert (last.detections, last.data) == ((), {})
    assert last.counts == results[-2].counts or results[-2].job == "quiet"
    out_of_door, gone = (event.to_dict() for event in last.events)
    assert ended(results) == [out_of_door, gone]
    assert (out_of_door["type"], gone["type"]) == ("zone_exit", "object_end"), "stays first"
    assert (out_of_door["zone"], out_of_door["track_id"], gone["track_id"]) == ("door", 1, 1)
    assert out_of_door["data"] == {"seconds": 1.4, "reason": "ended"}, "from frame 30 to 72, its last sight"
    assert gone["data"] == {"duration": 2.4, "first_seen": 0.0, "last_seen": 2.4, "reason": "ended"}
    assert (gone["label"], gone["score"]) == ("person", 0.9), "as it was seen last"
    assert gone["frame"] == {"index": 87, "pts": 2.9, "width": 160, "height": 120}
    seqs = [event.seq for result in results for event in result.events]
    assert seqs == list(range(1, len(seqs) + 1))
    assert len({event.fields["id"] for result in results for event in result.events}) == len(seqs)


def test_whatever_is_published_what_was_told_begun_is_told_ended(clip: Path, algorithms: Path) -> None:
    def kinds(when: str, video: Path = clip, **span: float) -> list[str]:
        job = {**VISITS, "publish": {"when": when}}
        return [event["type"] for event in ended(edged.analyze(video, job, algorithms=algorithms, **span))]

    both = ["zone_exit", "object_end"]
    assert kinds("always") == kinds("change") == kinds("detections") == kinds("events") == both
    assert kinds("never") == []
    assert kinds("always", end=2.0) == both
    assert kinds("always", end=0.5) == ["object_end", "object_end"]
    assert kinds("always", start=0.2, end=0.9) == []


def test_threads_change_nothing_of_it(clip: Path, algorithms: Path) -> None:
    one, four = (
        [result.to_json() for result in edged.analyze(clip, VISITS, algorithms=algorithms, threads=threads)]
        for threads in (1, 4)
    )
    assert one == four


def test_a_video_that_breaks_off_ends_them_too(clip: Path, algorithms: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn.mkv"
    whole = make_clip(tmp_path / "whole.mkv", Clip(frames=90)).read_bytes()
    torn.write_bytes(whole[: len(whole) * 2 // 3])
    for video, job, kind in (
        (torn, VISITS, SourceUnavailable),
        (clip, {**VISITS, "params": {"fail_at": 60}}, AlgorithmError),
    ):
        came: list[Result] = []
        with pytest.raises(kind):
            for result in edged.analyze(video, job, algorithms=algorithms):
                came.append(result)  # noqa: PERF402 - what came before the error counts
        assert [event["type"] for event in ended(came)] == ["zone_exit", "object_end"]
        assert came[-1].events


def test_who_looks_at_a_part_alone_is_told_no_end(clip: Path, algorithms: Path) -> None:
    came: list[Result] = []
    for result in edged.analyze(clip, VISITS, algorithms=algorithms):
        came.append(result)
        if result.index >= 60:
            break
    assert not ended(came)
    assert json.loads(came[-1].to_json())["frame"]["index"] == 60
