"""A child that is killed, stopped or cannot start is replaced, and numbers go on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from edged.model.clock import rfc3339
from tests.integration.clips import Clip, make_clip
from tests.servers.daemon import ALGORITHMS, PATTERN, STOP_WITHIN_S, TICKS, Daemon, Subscriber, alive, listen
from tests.servers.mosquitto import Mosquitto, free_port
from tests.servers.rtsp import Camera, RtspServer
from tests.stopwatch import Stopwatch

BACK_WITHIN_S = 3.0
"""The contract: results again after a kill, beside what opening the source takes."""
OPENING_S = {"film": 0.5, "pattern": 0.5, "camera": 1.5}
WORKER_SILENT_S = 5.0
"""The heartbeat's deadline of a worker that waits for frames."""
READ_SILENT_S = 2.0
"""What the heartbeat of a capture allows beyond its source's timeout."""
TIMEOUT_S = 2


@pytest.fixture
def site(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A film, a pattern and a camera, one job on all."""
    film = make_clip(tmp_path / "film.mp4", Clip(frames=40, fps=20))
    with RtspServer([Camera("/a", size=(320, 240), rate=10)]) as server:
        yield {
            "sources": {
                "film": {"url": str(film), "loop": True, "timeout": TIMEOUT_S},
                "pattern": {"url": PATTERN, "timeout": TIMEOUT_S},
                "camera": {"url": server.url("/a"), "timeout": TIMEOUT_S},
            },
            "jobs": {"ticks": TICKS},
        }


@contextmanager
def running(folder: Path, broker: Mosquitto, spec: dict[str, Any]) -> Iterator[tuple[Subscriber, Daemon]]:
    """With results on all sources."""
    with (
        Subscriber(broker.port) as ears,
        Daemon(folder / "box", broker.port, spec, algorithms=[ALGORITHMS]) as daemon,
    ):
        for name in spec["sources"]:
            ears.until(f"job/ticks/{name}/result", lambda result: result["seq"] >= 3)
        yield ears, daemon


class Kill(NamedTuple):
    """When it was."""

    watch: Stopwatch
    at_s: float
    """On the monotonic clock."""
    wall: str
    """As results write it."""


def kill(daemon: Daemon, name: str, number: signal.Signals) -> Kill:
    pid = daemon.child(name)
    moment = Kill(Stopwatch(), time.monotonic(), rfc3339(time.time_ns()))
    os.kill(pid, number)
    return moment


def back(ears: Subscriber, source: str, since: Kill, within_s: float) -> None:
    """There is a result on a frame that was captured after the kill, in time."""
    watch, at_s, wall = since
    heard = ears.until(f"job/ticks/{source}/result", lambda result: result["time"] > wall, since_s=at_s)
    assert watch.is_within(within_s), f"{source}: results again after {heard.at_s - at_s:.2f} s"


def check_numbers(ears: Subscriber, sources: dict[str, Any]) -> None:
    """seq without gap or repeat, index and pts rising, over everything that was replaced."""
    for name in sources:
        results = [one.content for one in ears.results("ticks", name)]
        assert [result["seq"] for result in results] == list(range(1, len(results) + 1)), name
        for key in ("index", "pts"):
            values = [result["frame"][key] for result in results]
            assert all(before < after for before, after in pairwise(values)), f"{name} {key}: {values}"
        assert len({result["boot"] for result in results}) == 1


def test_a_killed_capture_is_replaced(tmp_path: Path, broker: Mosquitto, site: dict[str, Any]) -> None:
    with running(tmp_path, broker, site) as (ears, daemon):
        for source in site["sources"]:
            since = kill(daemon, f"capture:{source}", signal.SIGKILL)
            ears.until(
                f"source/{source}/status",
                lambda status: "killed by SIGKILL" in status.get("error", ""),
                since_s=since.at_s,
            )
            back(ears, source, since, BACK_WITHIN_S + OPENING_S[source])
            ears.until(
                f"source/{source}/status", lambda status: status["state"] == "running", since_s=since.at_s
            )
        daemon.stop()
        check_numbers(ears, site["sources"])


def test_a_killed_worker_is_replaced(tmp_path: Path, broker: Mosquitto, site: dict[str, Any]) -> None:
    with running(tmp_path, broker, site) as (ears, daemon):
        since = kill(daemon, "worker:main", signal.SIGKILL)
        for source in site["sources"]:
            back(ears, source, since, BACK_WITHIN_S)
        ears.until("job/ticks/status", lambda status: status["state"] == "running", since_s=since.at_s)
        daemon.stop()
        check_numbers(ears, site["sources"])


def test_a_stopped_worker_is_found_and_replaced(
    tmp_path: Path, broker: Mosquitto, site: dict[str, Any]
) -> None:
    with running(tmp_path, broker, site) as (ears, daemon):
        stopped = daemon.child("worker:main")
        since = kill(daemon, "worker:main", signal.SIGSTOP)
        for source in site["sources"]:
            back(ears, source, since, WORKER_SILENT_S + 1 + BACK_WITHIN_S)
        assert not alive([stopped])
        daemon.stop()
        check_numbers(ears, site["sources"])


def test_a_stopped_capture_is_found_and_replaced(
    tmp_path: Path, broker: Mosquitto, site: dict[str, Any]
) -> None:
    with running(tmp_path, broker, site) as (ears, daemon):
        stopped = [daemon.child(f"capture:{source}") for source in site["sources"]]
        moments = {name: kill(daemon, f"capture:{name}", signal.SIGSTOP) for name in site["sources"]}
        found_s = TIMEOUT_S + READ_SILENT_S + 1
        for source, since in moments.items():
            back(ears, source, since, found_s + BACK_WITHIN_S + OPENING_S[source])
            status = ears.until(
                f"source/{source}/status", lambda status: status["state"] == "retrying", since_s=since.at_s
            )
            assert "stopped by a signal" in status.content["error"]
        assert not alive(stopped)
        daemon.stop()
        check_numbers(ears, site["sources"])


def test_a_killed_embedded_broker_is_replaced(tmp_path: Path) -> None:
    port = free_port()
    spec = {"sources": {"gate": {"url": PATTERN}}, "jobs": {"ticks": TICKS}}
    mqtt = {"url": f"embedded://127.0.0.1:{port}"}
    with Daemon(tmp_path / "box", port, spec, algorithms=[ALGORITHMS], mqtt=mqtt) as daemon:
        with listen(port) as ears:
            before = ears.until("job/ticks/gate/result").content
        killed_s = time.monotonic()
        os.kill(daemon.child("broker"), signal.SIGKILL)
        with listen(port) as ears:
            for topic in ("state", "info", "health", "job/ticks/status", "source/gate/status"):
                ears.until(topic)
            after = ears.until("job/ticks/gate/result", lambda result: result["seq"] > before["seq"]).content
            print(f"embedded broker: results again after {time.monotonic() - killed_s:.2f} s")
            assert after["boot"] == before["boot"]
            took_s = daemon.stop()
        assert took_s < STOP_WITHIN_S


def test_children_that_cannot_start_are_tried_again_until_they_can(tmp_path: Path, broker: Mosquitto) -> None:
    broken = tmp_path / "broken" / "av.py"
    broken.parent.mkdir()
    broken.write_text("raise ImportError('libbroken.so: cannot open shared object file')\n")
    spec = {"sources": {"gate": {"url": PATTERN}}, "jobs": {"ticks": TICKS}}
    with (
        Subscriber(broker.port) as ears,
        Daemon(
            tmp_path / "box",
            broker.port,
            spec,
            environment={"PYTHONPATH": str(broken.parent)},
            algorithms=[ALGORITHMS],
        ) as daemon,
    ):
        ears.until("source/gate/status", lambda status: "exited with 1" in status.get("error", ""))
        ears.until("job/ticks/status", lambda status: status["state"] == "running")
        watched_until_s = time.monotonic() + 5
        while time.monotonic() < watched_until_s:
            assert daemon.log.count("libbroken.so") < 40, "it loops hot"
            time.sleep(0.1)
        assert "libbroken.so" in daemon.log
        broken.unlink()
        ears.until("job/ticks/gate/result")
        assert daemon.stop() < STOP_WITHIN_S
