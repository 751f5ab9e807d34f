from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from edged.app.live import WIDE, age, duration, render
from edged.app.terminal import Screen
from edged.model.capturing import SourceState
from edged.model.messages import JobState
from edged.model.overview import JobLine, OutputLine, Overview, SourceLine

OVERVIEW = Overview(
    device="gate-01",
    broker_url="mqtts://broker.example:8883",
    broker_state="connected",
    uptime_s=3661.0,
    published=49,
    sources=(
        SourceLine(
            "gate", SourceState.RUNNING, "rtsp://admin:***@10.0.0.5/stream1", 29.97, 1920, 1080, "h264",
            decoded=210, copied=35, last_frame_age_s=0.034,
        ),
        SourceLine("yard", SourceState.RETRYING, "b", error="no frame for 10 s: timed out; trying again"),
    ),
    jobs=(JobLine("people", JobState.RUNNING, ("detector", "tracker"), 5.0, 9.1, 14.7, 35, 4, 0, 2),),
    notice="the file's spec is not in effect",
    outputs=(
        OutputLine("door", "live", 2, 14.9, (640, 360), "libx264", "rtsp://gate-01:8554/door"),
        OutputLine("up", "retrying", error="rtmp://u:***@h/app: the server cut the connection"),
    ),
)  # fmt: skip


def drawn(width: int) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(render(OVERVIEW, width))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_source_and_job_has_its_line() -> None:
    text = drawn(140)
    gate = next(line for line in text.splitlines() if line.startswith("gate"))
    for part in ("running", "30.0", "1920x1080 h264", "210", "35", "34 ms ago", "rtsp://admin:***@10.0.0.5"):
        assert part in gate
    people = next(line for line in text.splitlines() if line.startswith("people"))
    for part in ("running", "5.0", "9.1", "14.7", "detector → tracker"):
        assert part in people
    assert "edged gate-01  up 1h 1m  mqtts://broker.example:8883 connected  49 published" in text
    assert "the file's spec is not in effect" in text
    door = next(line for line in text.splitlines() if line.startswith("door"))
    for part in ("live", "2", "14.9", "640x360", "libx264", "rtsp://gate-01:8554/door"):
        assert part in door
    assert "up: rtmp://u:***@h/app: the server cut the connection" in text


@pytest.mark.parametrize("width", [60, 80, WIDE, 200])
def test_an_error_is_readable_to_its_end_at_any_width(width: int) -> None:
    text = drawn(width)
    assert "yard: no frame for 10 s: timed out; trying again" in " ".join(text.split())
    assert max(len(line) for line in text.splitlines()) <= width


@given(st.floats(min_value=0, max_value=1e8))
def test_durations_and_ages_are_short(seconds: float) -> None:
    assert 2 <= len(duration(seconds)) <= 9
    assert 2 <= len(age(seconds)) <= 9


CHILD_LOGS_BESIDE_THE_VIEW = """
import os, subprocess
from edged.app.live import LiveView
from edged.model.overview import Overview
with LiveView() as view:
    view.show(Overview("gate-01", "mqtt://b", "connected", 1.0))
    subprocess.run(["sh", "-c", "printf 'from a child\\\\npart' >&2"], check=True)
    os.write(1, b"<relay>")
    view.relay()
    view.show(Overview("gate-01", "mqtt://b", "connected", 2.0))
os.write(2, b"after")
"""


def test_what_children_log_appears_above_the_view_and_nothing_is_lost() -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    with subprocess.Popen(
        [sys.executable, "-c", CHILD_LOGS_BESIDE_THE_VIEW], stdin=theirs, stdout=theirs, stderr=theirs,
        env=environment,
    ) as process:  # fmt: skip
        os.close(theirs)
        output = _read_to_end(ours)
    assert process.returncode == 0, output
    before, after = output.split("<relay>")
    assert "from a child" not in before  # it went to the view and not straight to the terminal
    assert after.index("from a child") < after.index("part") < after.index("after")
    assert "up 2s" in after


def _read_to_end(fd: int) -> str:
    chunks: list[bytes] = []
    with os.fdopen(fd, "rb", buffering=0) as terminal:
        while True:
            try:
                chunk = terminal.read(4096)
            except OSError:  # Linux reports the end of a pseudo-terminal as EIO
                chunk = b""
            if not chunk:
                return b"".join(chunks).decode()
            chunks.append(chunk)


def test_a_terminal_that_does_not_read_is_not_waited_for() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        screen = Screen.of(stream)
        assert isinstance(screen, Screen)
        for _ in range(1000):
            screen.write("x" * 1000)  # far more than a terminal buffers; a blocking write would hang here
        assert os.get_blocking(stream.fileno()), "whoever else has it open still blocks"
        screen.close()
    os.close(ours)


def test_what_is_no_terminal_is_written_to_as_it_is() -> None:
    with Path(os.devnull).open("w") as file:
        assert Screen.of(file) is file
