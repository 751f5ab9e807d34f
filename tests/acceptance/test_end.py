"""However main ends, and whatever its children are at, nothing of it stays; an ordered end is quick."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.daemon import (
    ALGORITHMS,
    PATTERN,
    STOP_WITHIN_S,
    TICKS,
    Daemon,
    Subscriber,
    family,
    listen,
)
from tests.servers.mosquitto import Mosquitto, free_port
from tests.stopwatch import HANGS_S, Stopwatch

GONE_WITHIN_S = 2.0


@dataclass(frozen=True)
class Ground:
    """Where a state of the daemon is brought about."""

    folder: Path
    broker: Mosquitto


State = Callable[[Ground], AbstractContextManager[Daemon]]


@contextmanager
def healthy(ground: Ground) -> Iterator[Daemon]:
    spec = {"sources": {"gate": {"url": PATTERN}}, "jobs": {"ticks": TICKS}}
    with (
        Subscriber(ground.broker.port) as ears,
        Daemon(ground.folder / "box", ground.broker.port, spec, algorithms=[ALGORITHMS]) as daemon,
    ):
        ears.until("job/ticks/gate/result")
        yield daemon


@contextmanager
def starting(ground: Ground) -> Iterator[Daemon]:
    spec = {"sources": {f"gate{n}": {"url": PATTERN} for n in range(3)}, "jobs": {"ticks": TICKS}}
    with Daemon(ground.folder / "box", ground.broker.port, spec, algorithms=[ALGORITHMS]) as daemon:
        deadline_s = time.monotonic() + HANGS_S
        while not family(daemon.pid):
            assert time.monotonic() < deadline_s, "no child came"
        yield daemon


@contextmanager
def hung_algorithm(ground: Ground) -> Iterator[Daemon]:
    mark = ground.folder / "hung"
    hangs = {
        "algorithm": "hangs",
        "params": {"mark": str(mark)},
        "deadline": 600,
        "sampling": {"interval": 0.2},
    }
    spec = {"sources": {"gate": {"url": PATTERN}}, "jobs": {"hangs": hangs}}
    with Daemon(ground.folder / "box", ground.broker.port, spec, algorithms=[ALGORITHMS]) as daemon:
        deadline_s = time.monotonic() + HANGS_S
        while not mark.exists():
            assert time.monotonic() < deadline_s, "it did not hang"
            time.sleep(0.02)
        yield daemon


@contextmanager
def silent_camera() -> Iterator[tuple[str, socket.socket]]:
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(HANGS_S)
        yield f"rtsp://127.0.0.1:{server.getsockname()[1]}/a", server


@contextmanager
def hung_open(ground: Ground) -> Iterator[Daemon]:
    with silent_camera() as (url, server):
        spec = {"sources": {"gate": {"url": url, "timeout": 60}}, "jobs": {"ticks": TICKS}}
        with Daemon(ground.folder / "box", ground.broker.port, spec, algorithms=[ALGORITHMS]) as daemon:
            connection, _ = server.accept()
            with connection:
                yield daemon


@contextmanager
def hung_open_embedded(ground: Ground) -> Iterator[Daemon]:
    port = free_port()
    mqtt = {"url": f"embedded://127.0.0.1:{port}"}
    with silent_camera() as (url, server):
        spec = {"sources": {"gate": {"url": url, "timeout": 60}}, "jobs": {"ticks": TICKS}}
        with Daemon(ground.folder / "box", port, spec, algorithms=[ALGORITHMS], mqtt=mqtt) as daemon:
            connection, _ = server.accept()
            with connection, listen(port) as ears:
                ears.until("state", lambda state: state["state"] == "online")
                yield daemon


@contextmanager
def stopped_children(ground: Ground) -> Iterator[Daemon]:
    with healthy(ground) as daemon:
        for name in ("capture:gate", "worker:main"):
            os.kill(daemon.child(name), signal.SIGSTOP)
        yield daemon


@contextmanager
def frozen_broker(ground: Ground) -> Iterator[Daemon]:
    with healthy(ground) as daemon, ground.broker.frozen():
        yield daemon


@contextmanager
def everything_stuck(ground: Ground) -> Iterator[Daemon]:
    with stopped_children(ground) as daemon, ground.broker.frozen():
        yield daemon


STATES = (
    starting,
    healthy,
    hung_algorithm,
    hung_open,
    hung_open_embedded,
    stopped_children,
    frozen_broker,
    everything_stuck,
)


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_nothing_outlives_a_killed_main(tmp_path: Path, broker: Mosquitto, state: State) -> None:
    with state(Ground(tmp_path, broker)) as daemon:
        assert family(daemon.pid)
        watch = Stopwatch()
        daemon.end(signal.SIGKILL)
        while family(daemon.pid) and watch.is_within(GONE_WITHIN_S):
            time.sleep(0.02)
        assert not family(daemon.pid)
        print(f"{state.__name__}: all gone after {watch.wall_s:.2f} s")


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_sigterm_stops_in_time(tmp_path: Path, broker: Mosquitto, state: State) -> None:
    with state(Ground(tmp_path, broker)) as daemon:
        ended = daemon.end(signal.SIGTERM)
        print(f"{state.__name__}: stopped in {ended.took_s:.2f} s")
        assert (ended.code, ended.left_behind) == (0, [])
        assert "Traceback" not in daemon.log
        assert ended.took_s < STOP_WITHIN_S


@pytest.mark.parametrize("state", (hung_algorithm, stopped_children), ids=lambda state: state.__name__)
def test_a_second_interrupt_kills_at_once(tmp_path: Path, broker: Mosquitto, state: State) -> None:
    with Subscriber(broker.port) as ears, state(Ground(tmp_path, broker)) as daemon:
        os.killpg(daemon.pid, signal.SIGINT)
        ears.until("state", lambda state: state["state"] == "stopping")
        ended = daemon.end(signal.SIGINT, group=True)
        print(f"{state.__name__}: gone {ended.took_s:.2f} s after the second order")
        assert (ended.code, ended.left_behind) == (0, [])
        assert "Traceback" not in daemon.log
        assert ended.took_s < 0.6


def test_ctrl_c_on_the_whole_group_stops_in_order(tmp_path: Path, broker: Mosquitto) -> None:
    with Subscriber(broker.port) as ears, healthy(Ground(tmp_path, broker)) as daemon:
        ended = daemon.end(signal.SIGINT, group=True)
        assert (ended.code, ended.left_behind) == (0, [])
        ears.until("state", lambda state: state["state"] == "offline")
        for complaint in ("Traceback", "ERROR"):
            assert complaint not in daemon.log
        assert "killed" not in daemon.log or not ended.is_calm
        assert ended.took_s < STOP_WITHIN_S


def test_ctrl_c_while_children_start_is_no_drama(tmp_path: Path, broker: Mosquitto) -> None:
    with starting(Ground(tmp_path, broker)) as daemon:
        ended = daemon.end(signal.SIGINT, group=True)
        assert (ended.code, ended.left_behind) == (0, [])
        assert "Traceback" not in daemon.log
        assert ended.took_s < STOP_WITHIN_S


@pytest.mark.parametrize("after_s", (0.05, 0.3, 0.6, 0.9, 1.2))
def test_sigterm_while_it_starts(tmp_path: Path, broker: Mosquitto, after_s: float) -> None:
    spec = {"sources": {"gate": {"url": PATTERN}}, "jobs": {"ticks": TICKS}}
    with Daemon(tmp_path / "box", broker.port, spec, algorithms=[ALGORITHMS]) as daemon:
        time.sleep(after_s)  # whatever it is at by then
        ended = daemon.end(signal.SIGTERM)
        assert ended.code in (0, -signal.SIGTERM)
        assert ended.left_behind == []
        assert "Traceback" not in daemon.log
        assert ended.took_s < STOP_WITHIN_S
