"""Whoever pairs events with their ends is left with nothing open, whatever is killed or taken away."""

from __future__ import annotations

import copy
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.servers.daemon import ALGORITHMS, PATTERN, Daemon, Subscriber
from tests.servers.mosquitto import Mosquitto

JOB = {
    "algorithm": "framing",
    "sampling": {"interval": 0.1},
    "then": [{"algorithm": "tracker"}, {"algorithm": "zones"}],
    "publish": {"when": "events"},
}
WHOLE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
HALL: dict[str, Any] = {"url": PATTERN, "zones": {"room": WHOLE}}
SPEC: dict[str, Any] = {"sources": {"hall": HALL}, "jobs": {"people": JOB}}
ENDS = {"zone_enter": "zone_exit", "object_start": "object_end"}


class Pairs:
    """What a reader knows: what has begun, and how what has ended did."""

    def __init__(self, ears: Subscriber, job: str = "people") -> None:
        self._ears = ears
        self._topic = f"job/{job}/[a-z]+/event"

    @property
    def heard(self) -> list[dict[str, Any]]:
        return [message.content for message in self._ears.messages(self._topic)]

    def open(self) -> dict[tuple[str, ...], dict[str, Any]]:
        """Fails for what begins twice, or ends without having begun."""
        open_: dict[tuple[str, ...], dict[str, Any]] = {}
        for event in self.heard:
            end = ENDS.get(event["type"], event["type"])
            key = (event["boot"], event["source"], end, str(event["track_id"]), event.get("zone", ""))
            if event["type"] in ENDS:
                assert key not in open_, f"begun twice: {event}"
                open_[key] = event
            else:
                assert key in open_, f"ended, and never begun: {event}"
                del open_[key]
        return open_

    def until(self, number: int, wanted: int | None = None, within_s: float = 60.0) -> None:
        """So many are open, after ``wanted`` events at least."""
        self._ears.until(
            self._topic,
            lambda _: len(self.open()) == number and len(self.heard) >= (wanted or 0),
            within_s=within_s,
        )

    def reasons(self) -> list[tuple[str, str]]:
        return [
            (event["type"], event["data"]["reason"]) for event in self.heard if event["type"] in ENDS.values()
        ]

    def check_numbers(self) -> None:
        for boot in {event["boot"] for event in self.heard}:
            numbers = [event["seq"] for event in self.heard if event["boot"] == boot]
            assert numbers == list(range(1, len(numbers) + 1))


def daemon_of(folder: Path, broker: Mosquitto, spec: dict[str, Any]) -> Daemon:
    return Daemon(folder / "box", broker.port, spec, algorithms=[ALGORITHMS])


def test_what_a_killed_worker_began_is_ended_and_begun_again_once(broker: Mosquitto, tmp_path: Path) -> None:
    with Subscriber(broker.port) as ears, daemon_of(tmp_path, broker, SPEC) as daemon:
        pairs = Pairs(ears)
        pairs.until(2)
        begun = {event["type"]: event for event in pairs.open().values()}
        # long enough for the last sight to be another than the first
        lasting = ears.until("job/people/status", lambda status: status["runs"] > 30, within_s=60)
        victim, first_s = daemon.child("worker:main"), ears.messages("job/people/hall/event")[0].at_s
        os.kill(victim, signal.SIGKILL)
        killed_s = time.monotonic()
        pairs.until(2, wanted=6)
        assert pairs.reasons() == [("zone_exit", "restarted"), ("object_end", "restarted")]
        exit_, end = (event for event in pairs.heard if event["type"] in ENDS.values())
        assert exit_["track_id"] == begun["zone_enter"]["track_id"] == end["track_id"]
        assert (exit_["zone"], exit_["box"]) == ("room", begun["zone_enter"]["box"])
        seen_s = lasting.at_s - first_s
        for told_s in (exit_["data"]["seconds"], end["data"]["duration"]):
            assert seen_s - 5 < told_s < killed_s - first_s + 5, "up to the last sight"
        life = end["data"]
        assert life["last_seen"] - life["first_seen"] == pytest.approx(life["duration"], abs=0.001)
        again = [event["track_id"] for event in pairs.open().values()]
        assert min(again) > exit_["track_id"], "never repeated within a boot"
        daemon.stop()
        pairs.until(0)
        assert pairs.reasons()[2:] == [("zone_exit", "ended"), ("object_end", "ended")]
        pairs.check_numbers()


def test_a_job_that_is_changed_paused_moved_or_taken_away_leaves_nothing_open(
    broker: Mosquitto, tmp_path: Path
) -> None:
    spec = copy.deepcopy(SPEC)
    with Subscriber(broker.port) as ears, daemon_of(tmp_path, broker, spec) as daemon:
        pairs = Pairs(ears)
        pairs.until(2)
        job = spec["jobs"]["people"]
        job["then"][1]["params"] = {"margin": 0.2}
        daemon.reload(spec)
        pairs.until(2, wanted=6)
        job["worker"] = "other"
        daemon.reload(spec)
        pairs.until(2, wanted=10)
        job["enabled"] = False
        daemon.reload(spec)
        pairs.until(0)
        job["enabled"] = True
        daemon.reload(spec)
        pairs.until(2, wanted=14)
        spec["sources"]["hall"]["zones"] = {"corner": WHOLE}
        daemon.reload(spec)
        pairs.until(2, wanted=16)
        del spec["jobs"]["people"]
        daemon.reload(spec)
        pairs.until(0)
        twice = [("zone_exit", "restarted"), ("object_end", "restarted")] * 2
        gone = [("zone_exit", "ended"), ("object_end", "ended")]
        assert pairs.reasons() == [*twice, *gone, ("zone_exit", "redrawn"), *gone]
        pairs.check_numbers()


def test_a_source_that_is_paused_or_taken_away_leaves_nothing_open(broker: Mosquitto, tmp_path: Path) -> None:
    spec = copy.deepcopy(SPEC)
    spec["sources"]["yard"] = HALL
    with Subscriber(broker.port) as ears, daemon_of(tmp_path, broker, spec) as daemon:
        pairs = Pairs(ears)
        pairs.until(4)
        spec["sources"]["yard"] = {**HALL, "enabled": False}
        daemon.reload(spec)
        pairs.until(2)
        spec["sources"]["yard"] = HALL
        daemon.reload(spec)
        pairs.until(4)
        del spec["sources"]["yard"]
        daemon.reload(spec)
        pairs.until(2)
        assert pairs.reasons() == [("zone_exit", "ended"), ("object_end", "ended")] * 2


def test_what_was_begun_before_main_was_killed_is_of_another_boot(broker: Mosquitto, tmp_path: Path) -> None:
    with Subscriber(broker.port) as ears, daemon_of(tmp_path, broker, SPEC) as daemon:
        pairs = Pairs(ears)
        pairs.until(2)
        (boot,) = {event["boot"] for event in pairs.heard}
        daemon.end(signal.SIGKILL)
        since_s = time.monotonic()
        daemon.start()
        state = ears.until("state", lambda state: state.get("boot") not in (None, boot), since_s=since_s)
        pairs.until(4)
        now = [key for key in pairs.open() if key[0] == state.content["boot"]]
        assert len(now) == 2, "what is of another boot than `state` is over"


def test_nothing_is_lost_between_an_event_and_its_end_whenever_a_worker_dies(
    broker: Mosquitto, tmp_path: Path
) -> None:
    """Hundreds of events a second: most likely it dies between two of them."""
    job = {"algorithm": "comings", "sampling": {"interval": 0}, "publish": {"when": "events"}}
    with (
        Subscriber(broker.port) as ears,
        daemon_of(tmp_path, broker, {"sources": {"hall": HALL}, "jobs": {"people": job}}) as daemon,
    ):
        pairs = Pairs(ears)
        for number in (300, 900):
            ears.until(
                "job/people/hall/event", lambda event, number=number: event["seq"] > number, within_s=60
            )
            victim, since_s = daemon.child("worker:main"), time.monotonic()
            os.kill(victim, signal.SIGKILL)
            ears.until(
                "job/people/hall/event",
                lambda event: event.get("data", {}).get("reason") is not None,
                since_s=since_s,
                within_s=60,
            )
        daemon.stop()
        ears.until("state", lambda state: state["state"] == "offline")
        pairs.until(0)
        pairs.check_numbers()
