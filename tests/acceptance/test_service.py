"""What the service manager hears: ready, status, the watchdog, reloading, stopping."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.daemon import PATTERN, Daemon
from tests.servers.mosquitto import Mosquitto

SPEC = {
    "sources": {"gate": {"url": PATTERN}},
    "jobs": {"moves": {"algorithm": "motion", "sampling": {"interval": 0.2}}},
}
WATCHDOG_S = 2.0


class ServiceManager:
    """The datagram socket of sd_notify(3), as systemd has it."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)

    def close(self) -> None:
        self._socket.close()

    def next(self, within_s: float) -> str | None:
        """One message; None when none came."""
        self._socket.settimeout(max(within_s, 0.001))
        try:
            return self._socket.recv(4096).decode()
        except TimeoutError:
            return None

    def until(self, begin: str, within_s: float = 60.0) -> str:
        """The next message that begins so, dropping those before it."""
        deadline_s = time.monotonic() + within_s
        seen: list[str] = []
        while (left_s := deadline_s - time.monotonic()) > 0:
            message = self.next(left_s)
            if message is not None and message.startswith(begin):
                return message
            seen.append(message or "")
        raise AssertionError(f"no {begin} within {within_s} s; only {seen}")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ServiceManager]:
    manager = ServiceManager(tmp_path / "notify")
    yield manager
    manager.close()


@pytest.fixture
def daemon(tmp_path: Path, broker: Mosquitto, manager: ServiceManager) -> Iterator[Daemon]:
    environment = {"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}
    with Daemon(tmp_path / "box", broker.port, SPEC, environment=environment) as daemon:
        yield daemon


def test_the_manager_hears_of_start_reload_and_stop(daemon: Daemon, manager: ServiceManager) -> None:
    manager.until("READY=1")
    manager.until("STATUS=1 of 1 sources running, 1 jobs")
    before_us = time.monotonic_ns() // 1000
    daemon.reload(SPEC)
    reloading = manager.until("RELOADING=1\nMONOTONIC_USEC=")
    assert before_us <= int(reloading.rpartition("=")[2]) <= time.monotonic_ns() // 1000
    manager.until("READY=1")
    daemon.write({"sources": {"gate": {"url": 5}}})
    os.kill(daemon.pid, signal.SIGHUP)
    manager.until("RELOADING=1")
    manager.until("READY=1")
    assert "not reloaded, what ran runs on" in daemon.log
    daemon.stop()
    manager.until("STOPPING=1")


def test_the_watchdog_is_fed_while_main_works_and_only_then(daemon: Daemon, manager: ServiceManager) -> None:
    manager.until("WATCHDOG=1")
    for _ in range(4):
        manager.until("WATCHDOG=1", within_s=WATCHDOG_S)
    children = daemon.lasting()
    os.kill(daemon.pid, signal.SIGSTOP)
    while manager.next(0.1) is not None:
        continue  # sent before it stopped
    assert manager.next(2 * WATCHDOG_S) is None
    os.kill(daemon.pid, signal.SIGCONT)
    manager.until("WATCHDOG=1", within_s=WATCHDOG_S)
    for _ in range(2):
        manager.until("WATCHDOG=1", within_s=WATCHDOG_S)
    assert daemon.lasting() == children, "a main that slept must not take its children for hung"
