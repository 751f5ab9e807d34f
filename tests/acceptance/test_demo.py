"""`scripts/demo` without its environment: the demo itself, ended as users end it."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

_HANGS_S = 120.0


@contextlib.contextmanager
def start_demo(folder: Path, *words: str | Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "edged.app.demo", "--out", str(folder), *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder.parent,
    ) as demo:
        try:
            yield demo
        finally:
            demo.kill()  # after a failed test too; the daemon ends with it


def read_until(demo: subprocess.Popen[str], pattern: str) -> str:
    """What it has said when a line matches; fails at the end of its output or when too much was said."""
    assert demo.stdout is not None
    said = ""
    for _ in range(500):
        line = demo.stdout.readline()
        said += line
        if not line or re.search(pattern, line):
            break
    assert re.search(pattern, said), said
    return said


@pytest.fixture(autouse=True)
def nothing_waits_for_ever() -> Iterator[None]:
    """A demo that says nothing would block a reader: SIGALRM fails the test instead."""

    def fail(*_: object) -> None:
        raise TimeoutError(f"the demo was silent for {_HANGS_S} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, _HANGS_S)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def test_ctrl_c_ends_it_cleanly_with_a_picture_and_no_process_left(assets: Path, tmp_path: Path) -> None:
    with start_demo(tmp_path / "out", "--assets", assets) as demo:
        said = read_until(demo, r"#\d+ .* ms  nothing")
        said += read_until(demo, r"event  zone_enter person 1 table")
        said += read_until(demo, r"person 1 \d+%")
        children = family(demo.pid)
        demo.send_signal(signal.SIGINT)
        rest = demo.communicate(timeout=60)[0]
    assert demo.returncode == 0, rest
    assert "Traceback" not in said + rest
    assert re.search(r"mosquitto_sub -h 127\.0\.0\.1 -p \d+ -t 'edged/v1/#' -v", said)
    assert re.search(r"\d+ results came over MQTT", rest)
    picture = Path(re.search(r"its boxes: (.*)", rest)[1])  # type: ignore[index]
    assert picture.read_bytes().startswith(b"\xff\xd8")
    assert len(children) >= 4  # main, broker, capture, worker
    assert not psutil.wait_procs(children, timeout=10)[1]


def test_it_runs_on_moving_shapes_where_there_is_no_footage(tmp_path: Path) -> None:
    picture = tmp_path / "out" / "pictures" / "camera-found.jpg"
    with start_demo(tmp_path / "out", "--assets", tmp_path) as demo:
        said = read_until(demo, r"#\d+ ")
        until_s = time.monotonic() + 60
        while not picture.is_file():
            assert time.monotonic() < until_s
            time.sleep(0.05)
        demo.send_signal(signal.SIGINT)
        said += demo.communicate(timeout=60)[0]
    assert demo.returncode == 0, said
    assert "motion" in said


def test_the_password_of_a_camera_is_shown_nowhere(tmp_path: Path) -> None:
    url = "rtsp://admin:geheim@127.0.0.1:9/stream1"
    with start_demo(tmp_path / "out", "--source", url, "--assets", tmp_path, "--seconds", "12") as demo:
        said = demo.communicate(timeout=100)[0]
    assert demo.returncode == 1
    assert "source/camera is retrying: nothing listens at 127.0.0.1, port 9" in said
    assert "geheim" not in said + (tmp_path / "out" / "edged.log").read_text()
    assert (tmp_path / "out" / "config.yaml").stat().st_mode & 0o077 == 0


def test_when_the_demo_is_killed_the_daemon_stops_too(tmp_path: Path) -> None:
    with start_demo(tmp_path / "out", "--assets", tmp_path) as demo:
        read_until(demo, r"#\d+ ")
        children = family(demo.pid)
        demo.kill()
    assert not psutil.wait_procs(children, timeout=20)[1]
