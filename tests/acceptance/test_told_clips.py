"""Clips are told of exactly once over orderly stops, perhaps twice over kills, and numbered like events."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edged.model.recordings import CLIPS
from tests.servers.daemon import ALGORITHMS, Daemon, Subscriber
from tests.servers.mosquitto import Mosquitto
from tests.servers.rtsp import Camera, RtspServer
from tests.stopwatch import HANGS_S

BURSTS = {"algorithm": "bursts", "params": {"per_run": 1}, "sampling": {"interval": 1}}
TOPIC = "job/ticks/gate/event"


@pytest.fixture
def camera() -> Iterator[str]:
    with RtspServer([Camera("/a", size=(320, 240), rate=20, keyint=20)]) as server:
        yield server.url("/a")


def daemon_with(folder: Path, broker: Mosquitto, camera: str, **record: float) -> Daemon:
    jobs = {"ticks": {**BURSTS, "record": {"on": ["tick"], **record}}}
    spec = {"sources": {"gate": {"url": camera}}, "jobs": jobs}
    disk = {"path": str(folder / "disk")}
    return Daemon(folder / "box", broker.port, spec, algorithms=[ALGORITHMS], recordings=disk)


def events(ears: Subscriber) -> list[dict[str, Any]]:
    return [heard.content for heard in ears.messages(TOPIC)]


def clips(ears: Subscriber) -> list[dict[str, Any]]:
    return [event for event in events(ears) if event["type"] == "clip"]


def is_clip(event: dict[str, Any]) -> bool:
    return bool(event["type"] == "clip")


def new_part(folder: Path, known: set[str]) -> str:
    """The name of a clip that is being written and not known yet, once there is something in it."""
    until_s = time.monotonic() + HANGS_S
    while time.monotonic() < until_s:
        for path in folder.glob(".*.part"):
            if path.name not in known and path.stat().st_size > 20_000:
                return path.name
        time.sleep(0.1)
    raise AssertionError(f"no new clip in {list(folder.glob('*'))}")


def test_a_clip_is_told_of_exactly_once_over_orderly_stops(
    tmp_path: Path, broker: Mosquitto, camera: str
) -> None:
    folder, parts = tmp_path / "disk" / "gate" / CLIPS, set[str]()
    daemon = daemon_with(tmp_path, broker, camera, before=1, after=60)
    with Subscriber(broker.port) as ears:
        for _ in range(3):
            daemon.start()
            # what was left was looked at before: the same thread does both, in this order
            parts.add(new_part(folder, parts))
            daemon.stop()
            assert not list(folder.glob(".*")), "neither a part nor a note is left"
        told = clips(ears)
        assert len(told) == len(parts) == 3
        assert {f".{Path(event['data']['file']).name}.part" for event in told} == parts
        assert max(Counter(event["id"] for event in told).values()) == 1
        assert not any("cut" in event["data"] for event in told)
        for boot in {event["boot"] for event in told}:
            of_boot = [event for event in events(ears) if event["boot"] == boot]
            assert [event["seq"] for event in of_boot] == list(range(1, len(of_boot) + 1))
            assert of_boot[-1]["type"] == "clip", "it ended with the daemon"


def test_after_a_kill_a_clip_may_be_told_of_twice_as_the_same(
    tmp_path: Path, broker: Mosquitto, camera: str
) -> None:
    with (
        Subscriber(broker.port) as ears,
        daemon_with(tmp_path, broker, camera, before=0.5, after=0) as daemon,
    ):
        first = ears.until(TOPIC, is_clip).content
        daemon.end(signal.SIGKILL)
        daemon.start()
        # of this boot: by then what was left was told of
        ears.until(TOPIC, lambda event: is_clip(event) and event["boot"] != first["boot"] and "seq" in event)
        again = [event for event in clips(ears) if event["id"] == first["id"]]
        assert 1 <= len(again) <= 2
        assert all(event["data"]["file"] == first["data"]["file"] for event in again)
        assert all(event["time"] == first["time"] for event in again)


def test_clips_have_the_next_number_whatever_dies(tmp_path: Path, broker: Mosquitto, camera: str) -> None:
    with (
        Subscriber(broker.port) as ears,
        daemon_with(tmp_path, broker, camera, before=0.5, after=0.2) as daemon,
    ):
        for victim in ("worker:main", "capture:gate", "worker:main"):
            since_s = time.monotonic()
            ears.until(TOPIC, is_clip, since_s=since_s)
            os.kill(daemon.child(victim), signal.SIGKILL)
            after_s = time.monotonic()
            ears.until(TOPIC, lambda event: event["type"] == "tick", since_s=after_s)
            ears.until(TOPIC, is_clip, since_s=after_s)
        daemon.stop()
        told = events(ears)
        assert len({event["boot"] for event in told}) == 1
        assert [event["seq"] for event in told] == list(range(1, len(told) + 1))
        assert {event["type"] for event in told} >= {"tick", "clip"}
