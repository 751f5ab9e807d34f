"""Which frames jobs get, what that costs the source, and what jobs share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.clips import Clip, make_clip
from tests.servers.daemon import Daemon, Subscriber
from tests.servers.fleet import Fleet
from tests.servers.mosquitto import Mosquitto
from tests.stopwatch import Stopwatch

ALGORITHMS = str(Path(__file__).resolve().parent.parent / "algorithms")
FRAMES, FPS, GOP = 90, 30, 15
KEYFRAMES = list(range(0, FRAMES, GOP))

SAMPLINGS: dict[str, dict[str, Any]] = {
    "turns": {"interval": 0.5},
    "every": {"interval": 0},
    "window": {"interval": 0.5, "count": 3, "step": 5},
    "close": {"interval": 0.5, "count": 3},
    "keys": {"interval": 0, "on": "keyframes"},
    "rarekeys": {"interval": 1, "on": "keyframes"},
}
"""By name of the job, and of the source that it alone looks at."""


def statuses(fleet: Fleet) -> dict[str, dict[str, Any]]:
    """Of all sources and jobs, as they are now."""
    told: dict[str, dict[str, Any]] = fleet.command("get", what="stats")["data"]
    return told


class Played:
    """What was heard of a clip that was played once to each job."""

    def __init__(self, ears: Subscriber, fleet: Fleet, calm_share: float) -> None:
        self._ears = ears
        self._fleet = fleet
        self.calm_share = calm_share
        """Of the time that it played: nothing waited for a core."""

    def newest_indexes(self, job: str) -> list[int]:
        return [result.content["frame"]["index"] for result in self._ears.results(job, job)]

    def windows(self, job: str) -> list[list[int]]:
        return [result.content["data"]["indexes"] for result in self._ears.results(job, job)]

    def keyframes(self, job: str) -> set[bool]:
        return {
            flag for result in self._ears.results(job, job) for flag in result.content["data"]["keyframes"]
        }

    def source(self, name: str) -> dict[str, int]:
        ended = self._ears.until(f"source/{name}/status", lambda status: status["state"] == "ended")
        return dict(ended.content)

    def job(self, name: str, turns: int) -> dict[str, int]:
        """Its status once ``turns`` turns are accounted for."""
        until_s = time.monotonic() + 60
        while True:
            status: dict[str, int] = statuses(self._fleet)["job"][name]
            if status.get("runs", 0) + status.get("skipped", 0) >= turns:
                return status
            assert time.monotonic() < until_s, status
            time.sleep(0.2)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("sampling")
    clip = make_clip(folder / "clip.mp4", Clip(frames=FRAMES, fps=FPS, gop=GOP, b_frames=2))
    spec: dict[str, Any] = {
        "sources": {name: {"url": str(clip), "enabled": False} for name in (*SAMPLINGS, "unseen")},
        "jobs": {
            name: {"algorithm": "windows", "sources": [name], "sampling": sampling}
            for name, sampling in SAMPLINGS.items()
        },
    }
    with (
        Mosquitto(folder / "mosquitto") as broker,
        Subscriber(broker.port) as ears,
        Daemon(folder / "box", broker.port, spec, algorithms=[ALGORITHMS]) as daemon,
    ):
        for name in SAMPLINGS:
            ears.until(f"job/{name}/status", lambda status: status["state"] == "running")
        for source in spec["sources"].values():
            source["enabled"] = True  # not before the jobs are there, so that no frame is missed
        daemon.reload(spec)
        watch = Stopwatch()
        for name in spec["sources"]:
            ears.until(f"source/{name}/status", lambda status: status["state"] == "ended", within_s=30)
        calm_share = watch.calm_s / watch.wall_s
        with Fleet(broker.port, ears) as fleet:
            yield Played(ears, fleet, calm_share)


def test_windows_of_keyframes_beside_other_jobs_of_their_source(tmp_path: Path, broker: Mosquitto) -> None:
    """One takes every frame, so that many other frames lie between two keyframes."""
    clip = make_clip(tmp_path / "clip.mp4", Clip(frames=FRAMES, fps=FPS, gop=GOP))
    jobs = {
        "keys": {"algorithm": "windows", "sampling": {"interval": 0, "count": 3, "on": "keyframes"}},
        "every": {"algorithm": "windows", "sampling": {"interval": 0}},
    }
    spec = {"sources": {"gate": {"url": str(clip), "loop": True}}, "jobs": jobs}
    with (
        Subscriber(broker.port) as ears,
        Daemon(tmp_path / "box", broker.port, spec, algorithms=[ALGORITHMS]),
        Fleet(broker.port, ears) as fleet,
    ):
        heard = ears.until("job/keys/gate/result")
        first, second, third = heard.content["data"]["indexes"]
        assert third - second == second - first == GOP
        assert heard.content["data"]["keyframes"] == [True] * 3
        until_s = time.monotonic() + 60
        while "saves_cpu" not in (gain := statuses(fleet)["source"]["gate"].get("keyframes", {})):
            assert time.monotonic() < until_s
            time.sleep(0.2)
        assert gain["share"] == pytest.approx(1 / GOP, abs=0.03)
        assert gain["saves_cpu"] > 0


def check_mostly(found: list[Any], wanted: list[Any]) -> None:
    """In order, each at most once, nothing else, and most of them: a busy machine misses some turns."""
    places = [wanted.index(one) for one in found]
    assert places == sorted(set(places)), found
    assert len(found) > len(wanted) / 2, found


def test_due_frames_lie_on_the_grid(played: Played) -> None:
    check_mostly(played.newest_indexes("turns"), [0, 15, 30, 45, 60, 75])
    check_mostly(played.newest_indexes("rarekeys"), [0, 30, 60])
    check_mostly(played.newest_indexes("keys"), KEYFRAMES)
    assert played.keyframes("keys") == played.keyframes("rarekeys") == {True}


def test_windows_hold_every_step_th_frame_and_wait_until_they_are_full(played: Played) -> None:
    """The turn of frame 0 stays open until the window is full; the others keep to the grid."""
    newest = [10, 15, 30, 45, 60, 75]
    check_mostly(played.windows("window"), [[last - 10, last - 5, last] for last in newest])
    newest = [2, 15, 30, 45, 60, 75]
    check_mostly(played.windows("close"), [[last - 2, last - 1, last] for last in newest])


def test_interval_0_is_every_frame_and_those_missed_are_counted(played: Played) -> None:
    indexes = played.newest_indexes("every")
    assert indexes == sorted(set(indexes))
    status = played.job("every", FRAMES)
    assert status["runs"] == len(indexes)
    assert status["runs"] + status["skipped"] == FRAMES
    assert status["runs"] >= FRAMES // 2 * played.calm_share


@pytest.mark.parametrize(
    ("name", "decoded", "copied"),
    [
        ("turns", FRAMES, 6),
        ("every", FRAMES, FRAMES),
        ("window", FRAMES, FRAMES),
        ("keys", len(KEYFRAMES), len(KEYFRAMES)),
        ("rarekeys", len(KEYFRAMES), 3),
    ],
)
def test_a_source_decodes_and_copies_what_its_jobs_need(
    played: Played, name: str, decoded: int, copied: int
) -> None:
    status = played.source(name)
    assert (status["frames"], status["decoded"], status["copied"]) == (FRAMES, decoded, copied)
    assert status["dropped"] == 0


def test_a_source_nobody_looks_at_costs_next_to_nothing(played: Played) -> None:
    status = played.source("unseen")
    assert status["frames"] == FRAMES
    assert status["decoded"] <= len(KEYFRAMES)
    assert status["copied"] == 0


@pytest.mark.assets
def test_cameras_and_jobs_share_one_session_of_a_model(
    assets: Path, tmp_path: Path, broker: Mosquitto
) -> None:
    pattern = {"url": "pattern://testsrc2?size=320x240&rate=20"}
    sharing = {"algorithm": "sharing", "params": {"model": "mnist.onnx"}, "sampling": {"interval": 0.2}}
    spec: dict[str, Any] = {"sources": {"gate": pattern, "yard": pattern}, "jobs": {"first": sharing}}
    daemon = Daemon(tmp_path / "box", broker.port, spec, algorithms=[ALGORITHMS], models=[str(assets)])
    with Subscriber(broker.port) as ears, daemon:
        heard = [ears.until(f"job/first/{source}/result") for source in ("gate", "yard")]
        spec["jobs"]["second"] = sharing
        daemon.reload(spec)
        heard.append(ears.until("job/second/gate/result"))
        sessions = {(one.content["data"]["process"], one.content["data"]["session"]) for one in heard}
        assert len(sessions) == 1
