"""From boxes to meaning, as a user has it: who crossed the line, who is in the zone, over MQTT."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.footage import cut
from tests.servers.daemon import Daemon, Subscriber
from tests.servers.mosquitto import Mosquitto

pytestmark = pytest.mark.assets

FOOTAGE = "one-by-one-person-detection.mp4"
WAY_OUT = [[0.74, 0.0], [0.74, 1.0]]
"""Whoever leaves crosses it to the right, which is from its right to its left: `out`."""
TABLE = [[0.3, 0.3], [0.74, 0.3], [0.74, 1.0], [0.3, 1.0]]
PEOPLE = {
    "algorithm": "detector",
    "params": {"model": "yolox_nano_416.onnx", "score": 0.1, "labels": ["person"]},
    "sampling": {"interval": 0.1},
    "then": [{"algorithm": "tracker"}, {"algorithm": "zones", "params": {"lost_after": 1}}],
}
WITHIN_S = 60.0


def test_who_leaves_is_counted_once_also_when_the_worker_is_replaced(
    broker: Mosquitto, assets: Path, tmp_path: Path
) -> None:
    """The same person leaves at each turn of the loop; frame 857 of the whole film, by eye."""
    film = cut(assets / FOOTAGE, tmp_path / "leaves.mp4", 83.0, 88.0)
    hall = {"url": str(film), "loop": True, "lines": {"way_out": WAY_OUT}, "zones": {"table": TABLE}}
    spec = {"sources": {"hall": hall}, "jobs": {"people": {**PEOPLE, "publish": {"when": "change"}}}}
    with (
        Subscriber(broker.port) as ears,
        Daemon(tmp_path / "box", broker.port, spec, models=[str(assets)]) as daemon,
    ):
        first = crossing(ears, 1)
        counts = ears.until("job/people/hall/counts", lambda seen: ways(seen) == (0, 1), within_s=5)
        assert set(counts.content["zones"]) == {"table"}
        os.kill(daemon.child("worker:main"), signal.SIGKILL)
        second = crossing(ears, 2)
        ears.until("job/people/hall/counts", lambda seen: ways(seen) == (0, 2), within_s=5)
        ears.until("job/people/hall/event", lambda event: event["type"] == "zone_exit", within_s=5)
        status = ears.until("job/people/status", lambda seen: "zones" in seen, within_s=15).content
        assert status["zones"] == {"hall": {"table": status["zones"]["hall"]["table"]}}
    for event in (first, second):
        assert (event["line"], event["direction"], event["label"]) == ("way_out", "out", "person")
    assert first["track_id"] != second["track_id"], "never repeated within a boot"
    check_events(ears)
    check_changes(ears)


def crossing(ears: Subscriber, number: int) -> dict[str, Any]:
    """The ``number``-th time that somebody crossed the line."""
    ears.until(
        "job/people/hall/event", lambda _: len(events(ears, "line_cross")) >= number, within_s=WITHIN_S
    )
    return events(ears, "line_cross")[number - 1]


def events(ears: Subscriber, kind: str) -> list[dict[str, Any]]:
    heard = [message.content for message in ears.messages("job/people/hall/event")]
    return [event for event in heard if event["type"] == kind]


def ways(counts: Any) -> tuple[int, int]:
    return counts["lines"]["way_out"]["in"], counts["lines"]["way_out"]["out"]


def check_events(ears: Subscriber) -> None:
    heard = [message.content for message in ears.messages("job/people/hall/event")]
    assert [event["seq"] for event in heard] == list(range(1, len(heard) + 1)), "none is missing"
    started = {event["track_id"] for event in events(ears, "object_start")}
    assert len(started) == len(events(ears, "object_start")), "each begins once"
    assert {event["track_id"] for event in events(ears, "line_cross")} <= started
    left = events(ears, "zone_exit")
    assert {event["zone"] for event in left} == {"table"}
    assert all(event["data"]["seconds"] >= 0 for event in left)


def check_changes(ears: Subscriber) -> None:
    """Each result has somebody else in it than the one before, or somewhere else."""
    results = [message.content for message in ears.results("people", "hall")]
    assert [result["seq"] for result in results] == list(range(1, len(results) + 1))
    assert len({result["boot"] for result in results}) == 1
    seen = [
        sorted((found.get("track_id", 0), *found.get("zones", ())) for found in result["detections"])
        for result in results
    ]
    repeated = [one for one, other in itertools.pairwise(seen) if one == other]
    assert len(repeated) <= 1, "only the worker that was replaced did not know what was said before"


def test_a_job_that_waits_for_movement_sleeps_while_nothing_moves(
    broker: Mosquitto, assets: Path, tmp_path: Path
) -> None:
    """Nobody is there for four seconds, then somebody comes: frame 921 of the whole film, by eye."""
    film = cut(assets / FOOTAGE, tmp_path / "comes.mp4", 88.0, 95.0)
    hall = {"url": str(film), "enabled": False}
    job = {**PEOPLE, "when": "motion", "then": []}
    spec: dict[str, Any] = {"sources": {"hall": hall}, "jobs": {"people": job}}
    with (
        Subscriber(broker.port) as ears,
        Daemon(tmp_path / "box", broker.port, spec, models=[str(assets)]) as daemon,
    ):
        ears.until("job/people/status", lambda status: status["state"] == "running", within_s=WITHIN_S)
        hall["enabled"] = True  # not before the model is there, so that no frame is missed
        daemon.reload(spec)
        ears.until("source/hall/status", lambda status: status["state"] == "ended", within_s=WITHIN_S)
        daemon.stop()
        results = [message.content for message in ears.results("people", "hall")]
    moments = [result["frame"]["pts"] for result in results]
    came_s = (921 - 880) / 10
    asleep = [moment for moment in moments if 1.0 < moment < came_s - 0.5]
    awake = [moment for moment in moments if moment > came_s + 1.0]
    assert moments[0] < 0.2, "the first is looked at"
    assert len(asleep) <= 5, f"of {10 * (came_s - 1.5):.0f} turns, nobody there: {asleep}"
    assert len(awake) >= 12, f"of {10 * (7 - came_s - 1):.0f} turns, somebody there: {awake}"
