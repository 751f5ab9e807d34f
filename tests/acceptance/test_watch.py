"""`edged ctl DEVICE watch` on terminals narrow and wide, while a real daemon is killed and its parts are."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from tests.servers.daemon import ALGORITHMS, DEVICE, PATTERN, TICKS, Daemon, Subscriber
from tests.servers.mosquitto import Mosquitto, free_port
from tests.stopwatch import HANGS_S

QUIET = {"publish": {"when": "never"}}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_CGROUPS = (
    (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"),
    (Path("/sys/fs/cgroup"), "memory.max"),
)
"""Of version 1 and 2."""


class Terminal:
    """``edged ctl DEVICE watch`` on one that is ``columns`` wide."""

    def __init__(self, port: int, columns: int, *words: str) -> None:
        self.columns = columns
        self._command = [sys.executable, "-m", "edged", "ctl", DEVICE, "watch", *words]
        self._url = f"mqtt://127.0.0.1:{port}"
        self._shown = b""
        self._news = threading.Condition()

    def __enter__(self) -> Terminal:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, self.columns, 0, 0))
        own = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        environment = {**own, "EDGED_MQTT": self._url, "TERM": "xterm-256color"}
        self._process = subprocess.Popen(self._command, stdout=theirs, stderr=theirs, env=environment)
        os.close(theirs)
        self._fd = ours
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(HANGS_S)
        self._reader.join()
        os.close(self._fd)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._fd, 4096)
            except OSError:  # EIO: the other end is closed
                data = b""
            with self._news:
                self._shown += data
                self._news.notify_all()
            if not data:
                return

    @property
    def rows(self) -> list[str]:
        """As they stand there, without colours."""
        return _COLOURS.sub("", self._shown.decode()).replace("\r\n", "\n").split("\n")

    @property
    def text(self) -> str:
        """A line each, however many rows it took, without its time."""
        whole = re.sub(r"\s*\n {14}", " ", "\n".join(self.rows))
        return re.sub(r"(?m)^[\d:.]{12} ", "", re.sub(r" +", " ", whole))

    def until(self, pattern: str, after: int = 0) -> int:
        """Where in `text` the first match ends that begins behind ``after``."""
        end = self.seen(pattern, after, HANGS_S)
        assert end is not None, f"no {pattern!r} in:\n{self.text[after:]}"
        return end

    def seen(self, pattern: str, after: int, within_s: float) -> int | None:
        """As `until`; None: not in time."""
        until_s = time.monotonic() + within_s
        with self._news:
            while (found := re.compile(pattern).search(self.text, after)) is None:
                left_s = until_s - time.monotonic()
                if left_s <= 0:
                    return None
                self._news.wait(left_s)
            return found.end()


class Two:
    """What both terminals show, in one order."""

    def __init__(self, *terminals: Terminal) -> None:
        self.terminals = terminals
        self._after = dict.fromkeys(terminals, 0)

    def until(self, pattern: str) -> None:
        """Behind what was looked for before."""
        for terminal in self.terminals:
            self._after[terminal] = terminal.until(pattern, self._after[terminal])


@contextlib.contextmanager
def watched(folder: Path, broker: Mosquitto, spec: dict[str, Any]) -> Iterator[tuple[Daemon, Two]]:
    """Everything runs, and two people know."""
    with (
        Subscriber(broker.port) as ears,
        Daemon(folder / "box", broker.port, spec, algorithms=[ALGORITHMS]) as daemon,
    ):
        ears.until("source/gate/status", lambda status: status["state"] == "running")
        ears.until("job/ticks/status", lambda status: status["state"] == "running")
        ears.until("health")
        with Terminal(broker.port, 60) as narrow, Terminal(broker.port, 140) as wide:
            two = Two(narrow, wide)
            for terminal in two.terminals:
                until_s = time.monotonic() + HANGS_S
                while terminal.seen("worker main was killed", 0, 3) is None:
                    # whoever had not subscribed by then takes it for long ago
                    assert time.monotonic() < until_s, terminal.text
                    os.kill(daemon.child("worker:main"), signal.SIGKILL)
            two.until(r"worker main was killed by SIGKILL(, \d+ times by now)? (started again|again )")
            yield daemon, two
            for terminal in two.terminals:
                assert max(map(len, terminal.rows)) <= terminal.columns


def test_what_dies_fails_and_comes_back_is_told(tmp_path: Path, broker: Mosquitto) -> None:
    away = f"rtsp://127.0.0.1:{free_port()}/none"
    spec = {
        "sources": {"gate": {"url": PATTERN}, "yard": {"url": away, "timeout": 2}},
        "jobs": {
            "ticks": {**TICKS, **QUIET, "sources": ["gate"]},
            "bad": {
                "algorithm": "trouble",
                "params": {"what": "raise", "after": 0},
                "sources": ["gate"],
                "worker": "own",
                **QUIET,
            },
        },
    }
    with watched(tmp_path, broker, spec) as (daemon, two):
        for terminal in two.terminals:
            terminal.until(r"source yard retrying nothing listens at [^\n]*; again (in [\d.]+ s|now)")
            terminal.until(r"job bad failed algorithm_failed: [^\n]*door is ajar[^\n]*; again (in|now)")
        os.kill(daemon.child("capture:gate"), signal.SIGKILL)
        two.until(r"source gate retrying capture was killed by SIGKILL")
        two.until(r"source gate running")
        daemon.stop()
        two.until(r"edged offline it was stopped")
        daemon.start()
        two.until(r"edged started again stopped for [\d.]+ s")
        daemon.child("worker:main")
        daemon.end(signal.SIGKILL)
        daemon.start()
        two.until(r"edged started again silent for [\d.]+ s before")
        for terminal in two.terminals:
            assert "capture gate" not in terminal.text, "its source said so"


def test_a_worker_that_hangs_is_told_with_what_it_was_at(tmp_path: Path, broker: Mosquitto) -> None:
    quick = {"deadline": 1, "sampling": {"interval": 0.2}, "worker": "own"}
    bad = {"algorithm": "trouble", "params": {"what": "hang", "after": 3}, **quick, **QUIET}
    spec: dict[str, Any] = {"sources": {"gate": {"url": PATTERN}}, "jobs": {"ticks": {**TICKS, **QUIET}}}
    with watched(tmp_path, broker, spec) as (daemon, two):
        daemon.reload({**spec, "jobs": {**spec["jobs"], "bad": bad}})
        for terminal in two.terminals:
            terminal.until(r"worker own was silent past its deadline \(run of bad on gate\)")
            terminal.until(r"job bad failed algorithm_failed: left out after 2 times")


def test_a_worker_for_which_there_is_no_memory_is_told_with_that(tmp_path: Path, broker: Mosquitto) -> None:
    spec = {"sources": {"gate": {"url": PATTERN}}, "jobs": {"ticks": {**TICKS, **QUIET}}}
    with watched(tmp_path, broker, spec) as (daemon, two):
        for _ in range(10):  # one that has all it needs by then lives on
            old = daemon.child("worker:main")
            os.kill(old, signal.SIGKILL)
            with little_memory(another(daemon, "worker:main", old)):
                if two.terminals[0].seen("for memory ran out", 0, 5) is not None:
                    break
        two.until(r"worker main was killed by SIGKILL, for memory ran out")


def another(daemon: Daemon, name: str, old: int) -> int:
    """The child in its place."""
    until_s = time.monotonic() + HANGS_S
    while (pid := daemon.child(name)) == old:
        assert time.monotonic() < until_s
    return pid


@contextlib.contextmanager
def little_memory(pid: int) -> Iterator[None]:
    """Skips where control groups cannot be made."""
    for root, limit in _CGROUPS:
        group = root / f"edged-test-{pid}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / limit).write_text(str(1 << 20))
            (group / "cgroup.procs").write_text(str(pid))
            # what it has already is not counted: it needs more
            break
        except OSError:
            group.rmdir()
    else:
        pytest.skip("no control group for memory can be made here")
    try:
        yield
    finally:
        until_s = time.monotonic() + HANGS_S
        while group.exists() and time.monotonic() < until_s:
            with contextlib.suppress(OSError):
                group.rmdir()
            time.sleep(0.1)
