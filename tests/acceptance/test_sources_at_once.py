"""A film, two cameras and a pattern at once: what is done to cameras or broker stays there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.clips import Clip, make_clip
from tests.servers.daemon import ALGORITHMS, PATTERN, Daemon, Subscriber, family
from tests.servers.mosquitto import Mosquitto
from tests.servers.rtsp import Camera, RtspServer
from tests.stopwatch import Stopwatch

INTERVAL_S = 0.5
TIMEOUT_S = 3
BACK_WITHIN_S = TIMEOUT_S + 5
"""The contract: noticed, and back, within the source's timeout and 5 s."""
CAMERAS = ("tcp", "udp")
STEADY = {"film": 1 / 20, "pattern": 1 / 20}
"""Sources that nothing is done to, and how long a frame of each lasts."""
USER, PASSWORD = "viewer", "pa55/w@rd+x"
WRITTEN = "pa55%2Fw%40rd%2Bx"
"""The password as a URL wants it."""


@pytest.fixture
def cameras() -> Iterator[RtspServer]:
    with RtspServer(
        [Camera("/a", size=(320, 240), rate=10), Camera("/b", size=(320, 240), rate=10)]
    ) as server:
        yield server


def site(folder: Path, cameras: RtspServer, credentials: str = "") -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    film = make_clip(folder / "film.mp4", Clip(frames=60, fps=20))
    rtsp = {"timeout": TIMEOUT_S}
    return {
        "sources": {
            "film": {"url": str(film), "loop": True},
            "pattern": {"url": PATTERN},
            "tcp": {"url": cameras.url("/a", credentials=credentials), "transport": "tcp", **rtsp},
            "udp": {"url": cameras.url("/b", credentials=credentials), "transport": "udp", **rtsp},
        },
        "jobs": {"ticks": {"algorithm": "ticks", "sampling": {"interval": INTERVAL_S}}},
    }


def wait_until_all_run(ears: Subscriber, since_s: float = 0.0) -> None:
    for name in (*STEADY, *CAMERAS):
        ears.until(f"source/{name}/status", lambda status: status["state"] == "running", since_s=since_s)
        ears.until(f"job/ticks/{name}/result", since_s=since_s)


def wait_for_state(ears: Subscriber, name: str, state: str, since_s: float, watch: Stopwatch) -> Any:
    heard = ears.until(f"source/{name}/status", lambda status: status["state"] == state, since_s=since_s)
    took = f"{name}: {state} after {heard.at_s - since_s:.2f} s {heard.content.get('error', '')}"
    assert watch.is_within(BACK_WITHIN_S), took
    return heard.content


def check_steady(ears: Subscriber) -> None:
    """The sources that nothing was done to never paused.

    (That they missed no turn at all is more than a busy machine can promise.)
    """
    for name, frame_s in STEADY.items():
        heard = ears.results("ticks", name)
        stamps = [one.content["frame"]["pts"] for one in heard]
        steps = [after - before for before, after in pairwise(stamps)]
        assert max(steps) < 5 * INTERVAL_S + 2 * frame_s, f"{name} paused: {steps}"
        waits = [after.calm_s - before.calm_s for before, after in pairwise(heard)]
        assert max(waits) < 5 * INTERVAL_S, f"{name} paused: {waits}"
        states = {one.content["state"] for one in ears.messages(f"source/{name}/status")}
        assert states <= {"starting", "running"}


def check_rising(ears: Subscriber) -> None:
    """Numbers go on over reconnects: seq without gaps, index and pts rising."""
    for name in (*STEADY, *CAMERAS):
        results = [one.content for one in ears.results("ticks", name)]
        assert [result["seq"] for result in results] == list(range(1, len(results) + 1))
        for key in ("index", "pts"):
            values = [result["frame"][key] for result in results]
            assert all(before < after for before, after in pairwise(values)), f"{name} {key}: {values}"


def test_a_server_killed_and_started(tmp_path: Path, broker: Mosquitto, cameras: RtspServer) -> None:
    spec = site(tmp_path / "box", cameras)
    with (
        Subscriber(broker.port) as ears,
        Daemon(tmp_path / "box", broker.port, spec, algorithms=[ALGORITHMS]) as daemon,
    ):
        wait_until_all_run(ears)
        killed_s, watch = time.monotonic(), Stopwatch()
        cameras.kill()
        for name in CAMERAS:
            status = wait_for_state(ears, name, "retrying", killed_s, watch)
            assert status["error"]
        for name in CAMERAS:
            ears.until(
                f"source/{name}/status",
                lambda status: "nothing listens" in status.get("error", ""),
                since_s=killed_s,
            )
        started_s, watch = time.monotonic(), Stopwatch()
        cameras.start()
        for name in CAMERAS:
            status = wait_for_state(ears, name, "running", started_s, watch)
            assert status["reconnects"] == 1
            assert "error" not in status
            ears.until(f"job/ticks/{name}/result", since_s=started_s)
        daemon.stop()
        check_steady(ears)
        check_rising(ears)


def test_a_server_frozen_and_thawed(tmp_path: Path, broker: Mosquitto, cameras: RtspServer) -> None:
    spec = site(tmp_path / "box", cameras)
    with (
        Subscriber(broker.port) as ears,
        Daemon(tmp_path / "box", broker.port, spec, algorithms=[ALGORITHMS]) as daemon,
    ):
        wait_until_all_run(ears)
        frozen_s, watch = time.monotonic(), Stopwatch()
        cameras.freeze()
        for name in CAMERAS:
            status = wait_for_state(ears, name, "retrying", frozen_s, watch)
            assert "stopped sending" in status["error"]
        thawed_s, watch = time.monotonic(), Stopwatch()
        cameras.thaw()
        for name in CAMERAS:
            wait_for_state(ears, name, "running", thawed_s, watch)
            ears.until(f"job/ticks/{name}/result", since_s=thawed_s)
        daemon.stop()
        check_steady(ears)
        check_rising(ears)


def test_a_password_is_nowhere_but_at_the_camera(tmp_path: Path, broker: Mosquitto) -> None:
    mounts = [Camera("/a", size=(320, 240), rate=10), Camera("/b", size=(320, 240), rate=10)]
    with RtspServer(mounts, user=USER, password=PASSWORD) as server, Subscriber(broker.port) as ears:
        spec = site(tmp_path / "box", server, f"{USER}:{WRITTEN}")
        refused = {"url": server.url("/a", credentials=f"{USER}:{WRITTEN}no"), "timeout": TIMEOUT_S}
        absent = {"url": server.url("/nothing", credentials=f"{USER}:{WRITTEN}"), "timeout": TIMEOUT_S}
        spec["sources"] |= {"refused": refused, "absent": absent}
        daemon = Daemon(tmp_path / "box", broker.port, spec, algorithms=[ALGORITHMS])
        daemon.start("--log-level", "debug")
        with daemon:
            wait_until_all_run(ears)
            for name in ("refused", "absent"):
                ears.until(f"source/{name}/status", lambda status: status["state"] == "retrying")
            words = [psutil.Process(pid).cmdline() for pid in (daemon.pid, *family(daemon.pid))]
            assert len(words) > len(spec["sources"])
            server.kill()
            for name in CAMERAS:
                ears.until(f"source/{name}/status", lambda status: status["state"] == "retrying")
        told = [one.topic + one.payload.decode() for one in ears.messages(".*")]
        for text in (*told, daemon.log, *(" ".join(line) for line in words)):
            assert PASSWORD not in text
            assert WRITTEN not in text


def test_a_broker_restarted(tmp_path: Path, broker: Mosquitto, cameras: RtspServer) -> None:
    spec = site(tmp_path / "box", cameras)
    with Daemon(tmp_path / "box", broker.port, spec, algorithms=[ALGORITHMS]) as daemon:
        with Subscriber(broker.port) as ears:
            wait_until_all_run(ears)
            before = ears.messages("job/ticks/film/result")[-1].content
        broker.kill()
        broker.start()
        with Subscriber(broker.port) as ears:
            for topic in (
                "state",
                "info",
                "health",
                "job/ticks/status",
                *(f"source/{s}/status" for s in spec["sources"]),
            ):
                ears.until(topic)
            for name in (*STEADY, *CAMERAS):
                after = ears.until(f"job/ticks/{name}/result").content
                assert after["boot"] == before["boot"]
            film = ears.messages("job/ticks/film/result")[0].content
            assert film["seq"] > before["seq"]
            assert {one.content["state"] for one in ears.messages("state")} == {"online"}
            assert {one.content["state"] for one in ears.messages("source/.*/status")} == {"running"}
            daemon.stop()
            ears.until("state", lambda state: state["state"] == "offline")
