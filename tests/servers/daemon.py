"""The daemon as users run it, ``edged run CONFIG``, and a subscriber that hears all it publishes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import paho.mqtt.client as paho
import psutil

from tests.servers.lifetime import die_with_the_tests
from tests.stopwatch import CALM_S, HANGS_S, Stopwatch, calm_clock_s

DEVICE = "box"
ROOT = f"edged/v1/{DEVICE}"
ALGORITHMS = str(Path(__file__).resolve().parent.parent / "algorithms")
"""Users' own: `ticks` costs nothing, `hangs` does."""
PATTERN = "pattern://testsrc2?size=320x240&rate=20"
TICKS = {"algorithm": "ticks", "deadline": 2, "sampling": {"interval": 0.2}}
STOP_WITHIN_S = 3.0
"""The contract: SIGTERM to the end of main."""


@dataclass(frozen=True)
class Heard:
    """One message, and when it came (``time.monotonic()``, and `calm_clock_s`)."""

    at_s: float
    topic: str
    payload: bytes
    calm_s: float

    @property
    def content(self) -> Any:
        return json.loads(self.payload)


class Subscriber:
    """Hears everything below ``ROOT`` and waits for what is looked for."""

    def __init__(self, port: int, topics: str = f"{ROOT}/#") -> None:
        self.heard: list[Heard] = []
        self._news = threading.Condition()
        self._ready = threading.Event()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        self._client.on_connect = lambda client, *_: client.subscribe(topics, 1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._ready.wait(HANGS_S), f"no subscription within {HANGS_S} s"

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def messages(self, topic: str, since_s: float = 0.0) -> list[Heard]:
        """What came on topics that match ``topic`` (a regular expression below the root)."""
        pattern = re.compile(f"{ROOT}/{topic}")
        with self._news:
            return [one for one in self.heard if one.at_s >= since_s and pattern.fullmatch(one.topic)]

    def results(self, job: str, source: str, since_s: float = 0.0) -> list[Heard]:
        return self.messages(f"job/{job}/{source}/result", since_s)

    def until(
        self,
        topic: str,
        wanted: Callable[[Any], bool] = lambda _: True,
        *,
        within_s: float = HANGS_S,
        since_s: float = 0.0,
    ) -> Heard:
        """The first message on ``topic`` that is ``wanted``; AssertionError with what came when none is."""
        deadline = time.monotonic() + within_s
        seen = 0
        with self._news:
            while True:
                matching = self._matching(topic, since_s, seen)
                seen = len(self.heard)
                for one in matching:
                    if wanted(one.content if one.payload[:1] in (b"{", b"[") else one.payload):
                        return one
                left = deadline - time.monotonic()
                if left <= 0:
                    last = [one for one in self.heard if re.fullmatch(f"{ROOT}/{topic}", one.topic)][-3:]
                    raise AssertionError(f"nothing wanted on {topic} within {within_s} s; last: {last}")
                self._news.wait(left)

    def _matching(self, topic: str, since_s: float, seen: int) -> list[Heard]:
        pattern = re.compile(f"{ROOT}/{topic}")
        return [one for one in self.heard[seen:] if one.at_s >= since_s and pattern.fullmatch(one.topic)]

    def _hear(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        with self._news:
            self.heard.append(Heard(time.monotonic(), message.topic, bytes(message.payload), calm_clock_s()))
            self._news.notify_all()


def listen(port: int, within_s: float = HANGS_S) -> Subscriber:
    """A subscriber of a broker that is still coming up."""
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            return Subscriber(port)
        except OSError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(0.05)


@dataclass(frozen=True)
class Ended:
    """How main ended."""

    code: int
    took_s: float
    """As a `Stopwatch` counts."""
    is_calm: bool
    """The machine kept up meanwhile."""
    left_behind: list[int]
    """Children of it that were alive at that moment."""


class Daemon:
    """``edged run`` in a process of its own. Leaving the context stops it and looks for leftovers."""

    def __init__(
        self,
        folder: Path,
        port: int,
        spec: dict[str, Any],
        *,
        environment: dict[str, str] | None = None,
        **settings: Any,
    ) -> None:
        self.folder = folder
        self._environment = environment or {}
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "edged.yaml"
        self._settings = {
            "device": DEVICE,
            "mqtt": {"url": f"mqtt://127.0.0.1:{port}"},
            "storage": {"path": str(folder / "state")},
            **settings,
        }
        self.write(spec)
        self.process: subprocess.Popen[bytes] | None = None

    def write(self, spec: dict[str, Any]) -> None:
        """The config file (JSON is YAML)."""
        self.config.write_text(json.dumps({**self._settings, "spec": spec}, indent=1))

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        return (self.folder / "edged.log").read_text(errors="replace")

    def start(self, *options: str, under: Sequence[str] = ()) -> None:
        """``under`` is a command that runs it, such as strace, and stays out of its way."""
        with (self.folder / "edged.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*under, sys.executable, "-m", "edged", "run", str(self.config), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment},
                preexec_fn=die_with_the_tests,  # noqa: PLW1509 — one system call, no Python state
                start_new_session=True,  # a process group as a terminal's, to be interrupted as a whole
            )

    def reload(self, spec: dict[str, Any]) -> None:
        self.write(spec)
        os.kill(self.pid, signal.SIGHUP)

    def children(self) -> dict[str, int]:
        """Process ids by the name each was started with: ``capture:gate``, ``worker:main``."""
        found = {}
        for child in psutil.Process(self.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error, ValueError):
                words = child.cmdline()
                found[words[words.index("--name") + 1]] = child.pid
        return found

    def lasting(self) -> dict[str, int]:
        """Its children but for provers, which come and go."""
        return {name: pid for name, pid in self.children().items() if not name.startswith("prover")}

    def child(self, name: str, within_s: float = HANGS_S) -> int:
        """The pid of a child, once it is there."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            pid = self.children().get(name)
            if pid is not None:
                return pid
            time.sleep(0.02)
        raise AssertionError(f"no {name} within {within_s} s; there are {sorted(self.children())}")

    def end(self, number: signal.Signals, *, times: int = 1, group: bool = False) -> Ended:
        """Signal main (or its whole process group, as Ctrl-C does) and wait until it is gone."""
        assert self.process is not None
        watch = Stopwatch()
        for _ in range(times):
            if group:
                os.killpg(self.pid, number)
            else:
                self.process.send_signal(number)
        code = self.process.wait(HANGS_S)
        return Ended(code, watch.calm_s, watch.crowded_s < CALM_S, family(self.pid))

    def stop(self, within_s: float = HANGS_S) -> float:
        """SIGTERM; the seconds until it was gone, as a `Stopwatch` counts.

        AssertionError when it left a child behind.
        """
        left_behind = list(self.children().values())
        watch = Stopwatch()
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(within_s)
        took_s = watch.calm_s
        assert code == 0, f"exit code {code}; log:\n{self.log[-3000:]}"
        assert not alive(left_behind)
        return took_s

    def __enter__(self) -> Daemon:
        """Starts it, unless the test did so already with options of its own."""
        if self.process is None:
            self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        if error is None:
            self.stop()
        else:
            self.process.kill()
            self.process.wait(10)
            print(f"--- the daemon's log ---\n{self.log[-6000:]}", file=sys.stderr)


def family(main: int) -> list[int]:
    """The living children of a main that may be dead itself: each was told its parent's pid."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ValueError, IndexError):
            words = process.cmdline()
            if words[words.index("--parent") + 1] == str(main):
                found.append(process.pid)
    return alive(found)


def alive(pids: list[int]) -> list[int]:
    """Those that still run (zombies have ended)."""
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
    return found


@contextlib.contextmanager
def gone_within(pids: list[int], seconds: float) -> Iterator[None]:
    """Asserts that none of ``pids`` is alive ``seconds`` after the block began, as a `Stopwatch` counts."""
    watch = Stopwatch()
    yield
    while alive(pids) and watch.is_within(seconds):
        time.sleep(0.02)
    assert not alive(pids), f"still there after {seconds} s"
