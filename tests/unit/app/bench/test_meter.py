"""With real processes: what they burn and hold is known."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from edged.app.bench.meter import MAIN, cpu_time, memory

_CHILD = """
import mmap, os, sys
own = bytearray(os.urandom(1 << 20) * 30)
fd = os.memfd_create("edged-frame-track"); os.ftruncate(fd, 40 << 20)
shared = mmap.mmap(fd, 40 << 20)
for page in range(0, 40 << 20, 4096): shared[page] = 1
print("ready", flush=True)
sys.stdin.readline()
"""
_PARENT = """
import subprocess, sys, time
def burn(seconds):
    while time.process_time() < seconds: pass
child = subprocess.Popen([sys.executable, "-c", sys.argv[1], "--name", "capture:gate"], stdin=subprocess.PIPE)
print("begun", flush=True)
sys.stdin.readline()
child.communicate(b"burn\\n")
burn(time.process_time() + 0.4)
print("burnt", flush=True)
sys.stdin.readline()
"""
_BURNING_CHILD = """
import sys, time
sys.stdin.readline()
until = time.process_time() + 0.6
while time.process_time() < until: pass
"""


@contextmanager
def program(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)
        for pipe in (process.stdin, process.stdout):
            assert pipe is not None
            pipe.close()


def say(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_cpu_of_the_whole_tree_is_counted_also_of_children_that_ended() -> None:
    with program(_PARENT, _BURNING_CHILD) as process:
        assert hear(process) == "begun"
        before = cpu_time(process.pid)
        deadline_s = time.monotonic() + 10
        while "capture:gate" not in before.by_name and time.monotonic() < deadline_s:
            before = cpu_time(process.pid)  # between fork and exec it has no name yet
        say(process)
        assert hear(process) == "burnt"
        after = cpu_time(process.pid)
        assert set(before.by_name) == {MAIN, "capture:gate"}
        assert set(after.by_name) == {MAIN}
        burnt_s = sum(after.by_name.values()) - sum(before.by_name.values())
        cores = after.cores_since(before)
        assert 0.95 <= burnt_s <= 1.5  # 0.4 and 0.6 s, and the child's start and end
        assert sum(cores.values()) == pytest.approx(burnt_s / (after.at_s - before.at_s))


def test_own_memory_is_without_what_is_shared_by_descriptor() -> None:
    with program(_CHILD, "--name", "capture:gate") as process:
        assert hear(process) == "ready"
        taken = memory(process.pid)[MAIN]
        assert 30 <= taken.own_mb <= 48  # 30 MB and the interpreter
        assert taken.resident_mb >= taken.own_mb + 40


def test_a_process_that_is_gone_is_told() -> None:
    with program("pass") as process:
        process.wait(10)
    with pytest.raises(psutil.NoSuchProcess):
        cpu_time(process.pid)
