"""A disk that does not answer: the daemon starts late, lives, and ends all the same.

A named pipe in the place of a file: whoever opens it waits for the other end.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.test_service import ServiceManager
from tests.servers.daemon import ALGORITHMS, PATTERN, TICKS, Daemon, Subscriber
from tests.servers.fleet import Fleet
from tests.servers.mosquitto import Mosquitto

SPEC = {"sources": {"gate": {"url": PATTERN}}, "jobs": {"steady": TICKS}}
SYSTEMD_WAITS_S = 10.0
"""TimeoutStopSec of the unit; then it kills, and the last words are not said."""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ServiceManager]:
    manager = ServiceManager(tmp_path / "notify")
    yield manager
    manager.close()


def test_a_disk_that_is_slow_to_read_only_delays_the_start(
    tmp_path: Path, broker: Mosquitto, manager: ServiceManager
) -> None:
    daemon = Daemon(
        tmp_path / "box",
        broker.port,
        SPEC,
        environment={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "1000000"},
        algorithms=[ALGORITHMS],
    )
    kept = daemon.folder / "state" / "twin.json"
    kept.parent.mkdir()
    os.mkfifo(kept)
    with daemon:
        for _ in range(3):
            manager.until("WATCHDOG=1")
        assert daemon.children() == {}
        kept.write_bytes(b"")
        daemon.child("worker:main")


def test_a_disk_that_hangs_in_a_change_does_not_hold_up_the_end(tmp_path: Path, broker: Mosquitto) -> None:
    daemon = Daemon(tmp_path / "box", broker.port, SPEC, algorithms=[ALGORITHMS])
    with Subscriber(broker.port) as heard, Fleet(broker.port, heard) as fleet, daemon:
        heard.until("job/steady/gate/result")
        os.mkfifo(daemon.folder / "state" / ".twin.json.new")
        fleet.desire(1, {"sources": {"gate": {"url": PATTERN}}})
        until_it_hangs(daemon.pid)
        ended = daemon.end(signal.SIGTERM)
        assert (ended.code, ended.left_behind) == (0, [])
        assert ended.took_s < SYSTEMD_WAITS_S
        heard.until("state", lambda state: state["state"] == "offline")
    assert "the disk does not answer" in daemon.log


def until_it_hangs(pid: int, within_s: float = 60.0) -> None:
    """One of its threads waits for the other end of a pipe."""
    deadline_s = time.monotonic() + within_s
    threads = Path(f"/proc/{pid}/task")
    while not any(
        (thread / "wchan").read_text().startswith("wait_for_partner") for thread in threads.iterdir()
    ):
        assert time.monotonic() < deadline_s, "no thread of it hangs"
        time.sleep(0.02)
