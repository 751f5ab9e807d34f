"""What the kernel does for the frame track when exec'ed readers and writers sleep, stop and die."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from edged.model.frame import FrameFormat, FrameHeader
from edged.track.memory import allocate
from edged.track.reader import TrackReader
from edged.track.writer import TrackWriter

FORMAT = FrameFormat(64, 48)
SLOTS = 3
REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_S = 20

READER = """
import os, select, sys
from edged.model.frame import FrameFormat
from edged.track.reader import TrackReader
memfd, wake, slots = map(int, sys.argv[1:])
reader = TrackReader(memfd, FrameFormat(64, 48), slots).open()
print("ready", flush=True)
if not select.select([wake], [], [], 20)[0]:
    sys.exit("not woken")
os.eventfd_read(wake)
newest = reader.headers(-1)[-1].index
window = reader.lease([newest])
print(newest, window.frames[0].pixels.sum(), flush=True)
sys.stdin.readline()
window.release()
print("released", flush=True)
sys.stdin.readline()
"""

WRITER = """
import sys
from edged.model.frame import FrameFormat, FrameHeader
from edged.track.writer import TrackWriter
memfd, wake, slots = map(int, sys.argv[1:])
track = FrameFormat(64, 48)
def copy(pixels):
    pixels[:1000] = 9
    print("half", flush=True)
    sys.stdin.readline()
with TrackWriter(memfd, track, slots, [wake]) as writer:
    writer.write(FrameHeader(1, 9, 0, 0, 0, 0, 0, None, None, True, 0, 0, track), copy)
"""


@contextmanager
def child(program, memfd, wake):
    """An exec'ed process that shares both descriptors with this one, as children of main do."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(memfd), str(wake), str(SLOTS)],
        pass_fds=(memfd, wake),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_S)


def say(process):
    process.stdin.write("go on\n")


def hear(process):
    """The next line of a child, or a failure when none comes in time."""
    readable, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
    assert readable, "the child says nothing"
    return process.stdout.readline().strip()


@pytest.fixture
def memfd():
    fd = allocate(FORMAT, SLOTS)
    yield fd
    os.close(fd)


@pytest.fixture
def wake():
    fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    yield fd
    os.close(fd)


@pytest.fixture
def writer(memfd, wake):
    with TrackWriter(os.dup(memfd), FORMAT, SLOTS, [os.dup(wake)]) as writer:
        yield writer


def write(writer, *indexes):
    def header(index):
        return FrameHeader(1, index, 0, 0, 0, 0, 0, None, None, True, 0, 0, FORMAT)

    return [writer.write(header(index), lambda pixels: pixels.fill(1)) for index in indexes]


def indexes_on(memfd):
    with TrackReader(os.dup(memfd), FORMAT, SLOTS) as reader:
        return [header.index for header in reader.headers(-1)]


def test_a_sleeping_reader_is_woken_and_holds_what_it_leased(memfd, wake, writer):
    with child(READER, memfd, wake) as reader:
        assert hear(reader) == "ready"
        write(writer, 0)
        assert hear(reader) == f"0 {FORMAT.frame_bytes}"
        assert write(writer, 1, 2, 3, 4) == [True] * 4
        assert indexes_on(memfd) == [0, 3, 4]
        say(reader)
        assert hear(reader) == "released"
        write(writer, 5)
        assert indexes_on(memfd) == [3, 4, 5]


def test_a_stopped_reader_holds_one_slot_until_it_is_killed(memfd, wake, writer):
    with child(READER, memfd, wake) as reader:
        assert hear(reader) == "ready"
        write(writer, 0)
        hear(reader)
        reader.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, reader.pid, os.WSTOPPED)
        assert write(writer, *range(1, 20)) == [True] * 19
        assert indexes_on(memfd) == [0, 18, 19]
        reader.kill()
        reader.wait(PATIENCE_S)
        write(writer, 20)
        assert indexes_on(memfd) == [18, 19, 20]


def test_a_writer_killed_in_mid_write_leaves_an_empty_slot(memfd, wake, writer):
    write(writer, 0, 1, 2)
    with child(WRITER, memfd, wake) as dying:
        assert hear(dying) == "half"
        assert indexes_on(memfd) == [1, 2]
        dying.kill()
        dying.wait(PATIENCE_S)
    assert indexes_on(memfd) == [1, 2]
    with TrackWriter(os.dup(memfd), FORMAT, SLOTS, ()) as successor:
        assert write(successor, 10) == [True]
    assert indexes_on(memfd) == [1, 2, 10]
