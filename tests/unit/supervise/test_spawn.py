from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.errors import ChannelClosed
from edged.supervise.spawn import spawn

ECHO = """
import os, sys
from edged.supervise.child import serve

def run(channel, heartbeat):
    heartbeat.gauges[3] = os.getppid()
    heartbeat.beat("echo", 30.0)
    while True:
        packet = channel.receive(wait_s=5.0)
        if packet is not None:
            channel.send_raw(packet.body, wait_s=1.0)

serve(run)
"""


@pytest.fixture
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "echo_child.py").write_text(ECHO)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "echo_child"


@contextlib.contextmanager
def descriptors(free: int) -> Iterator[None]:
    """This process may open so many more descriptors; AssertionError when fewer are left at the end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    taken = take_all()
    try:
        for _ in range(free):
            os.close(taken.pop())
        yield
        left = take_all()
        taken += left
        assert len(left) == free
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for fd in taken:
            os.close(fd)


def take_all() -> list[int]:
    taken = []
    with contextlib.suppress(OSError):
        while True:
            taken.append(os.dup(0))
    return taken


def test_a_child_speaks_on_its_channel_and_page_and_ends_when_they_are_released(echo: str) -> None:
    child = spawn(echo, "echo-1")
    child.channel.send_raw(b"hello", wait_s=1.0)
    answer = child.channel.receive(wait_s=10.0)
    assert answer is not None
    assert answer.body == b"hello"
    assert child.heartbeat.gauges[3] == os.getpid()
    assert child.heartbeat.activities()[0].phase == "echo"
    child.release()
    assert child.popen.wait(10.0) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_a_terminal_sends_its_whole_group_ends_no_child(echo: str, number: signal.Signals) -> None:
    child = spawn(echo, "echo-3")
    child.popen.send_signal(number)
    child.channel.send_raw(b"hello", wait_s=1.0)
    assert child.channel.receive(wait_s=10.0) is not None
    child.popen.send_signal(number)
    child.channel.send_raw(b"hello", wait_s=1.0)
    assert child.channel.receive(wait_s=10.0) is not None
    child.release()
    assert child.popen.wait(10.0) == 0


def test_the_parent_keeps_no_copy_of_the_childs_end(echo: str) -> None:
    child = spawn(echo, "echo-2")
    child.popen.kill()
    child.popen.wait(10.0)
    with pytest.raises(ChannelClosed):
        child.channel.receive(wait_s=10.0)
    child.release()


def test_too_few_descriptors_are_no_leak() -> None:
    failed = 0
    for free in range(10):  # with each more it comes a step further
        with descriptors(free):
            try:
                child = spawn("any", "nobody", stderr=subprocess.DEVNULL)
            except OSError:
                failed += 1
            else:
                child.popen.wait(10.0)
                child.release()
    assert 3 <= failed < 10


def test_an_interpreter_that_is_not_there_leaves_nothing_open(tmp_path: Path) -> None:
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(FileNotFoundError):
        spawn("any", "nobody", python=str(tmp_path / "no-python"))
    assert len(set(Path("/proc/self/fd").iterdir()) - before) <= 1  # listing opens one itself
