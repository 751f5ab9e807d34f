"""A capture as a process of its own, as main starts it: hung, killed, replaced, left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edged.model.capturing import CaptureSpec, ResumePoint, SourceState
from edged.model.gauges import CaptureGauge
from edged.model.messages import Stop
from edged.supervise.spawn import Spawned, spawn
from tests.integration.capture_rig import Desk, changed, each, spec
from tests.integration.clips import Clip, make_clip
from tests.servers.streams import free_port
from tests.stopwatch import HANGS_S, Stopwatch


@contextmanager
def process(first: CaptureSpec) -> Iterator[tuple[Desk, Spawned]]:
    child = spawn("edged.capture", "capture:cam", stderr=subprocess.PIPE)
    main = Desk(child.channel, child.heartbeat)
    main.send(first)
    try:
        yield main, child
    finally:
        child.popen.kill()
        child.popen.wait(HANGS_S)
        assert child.popen.stderr is not None
        child.popen.stderr.close()
        main.close()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mp4", Clip(frames=30))


def test_it_ends_with_0_when_told_to_stop(clip: Path) -> None:
    with process(spec(clip, loop=True)) as (main, child):
        main.until(lambda: len(main.frames) >= 5)
        watch = Stopwatch()
        main.channel.send(Stop(), wait_s=1)
        assert child.popen.wait(60) == 0
        assert watch.is_within(1.0)


def test_the_one_that_replaces_a_killed_one_goes_on(clip: Path) -> None:
    first = spec(clip, loop=True)
    with process(first) as (main, child):
        main.until(lambda: len(main.frames) >= 45)
        os.kill(child.popen.pid, signal.SIGKILL)
        child.popen.wait(HANGS_S)
        gauges = main.heartbeat.gauges
        point = ResumePoint(
            gauges[CaptureGauge.EPOCH],
            gauges[CaptureGauge.INDEX],
            gauges[CaptureGauge.KEY_INDEX],
            gauges[CaptureGauge.PTS_US],
            gauges[CaptureGauge.LAST_FRAME_NS],
        )
        main.read()
        last = main.frames[-1]
    assert last.index <= point.index <= last.index + 1
    with process(changed(first, resume=point)) as (main, _):
        main.until(lambda: len(main.frames) >= 10)
        after = main.frames[0]
        assert after.index == point.index + 1
        assert after.epoch == last.epoch + 1
        assert after.pts_us > last.pts_us
        assert after.key_index > last.key_index


def test_an_open_that_hangs_is_seen_by_its_heartbeat(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.mp4"
    os.mkfifo(pipe)
    with process(spec(pipe, timeout_s=0.5)) as (main, _):
        main.until(lambda: main.heartbeat.overdue(time.monotonic_ns()) is not None, 15)
        overdue = main.heartbeat.overdue(time.monotonic_ns())
        assert overdue is not None
        assert (overdue.phase, overdue.source) == ("open", "cam")


def test_a_password_is_in_no_log_and_no_report() -> None:
    url = f"rtsp://admin:hunter2@127.0.0.1:{free_port()}/stream"
    with process(spec(url, timeout_s=1.0)) as (main, child):
        main.until_state(SourceState.RETRYING, 15)
        main.turn_for(1.5)
        main.channel.send(Stop(), wait_s=1)
        assert child.popen.wait(HANGS_S) == 0
        assert child.popen.stderr is not None
        said = child.popen.stderr.read()
        assert b"hunter2" not in said
        assert "hunter2" not in str(main.reports)


def test_it_is_idle_when_there_is_nothing_to_do(clip: Path) -> None:
    with process(spec(clip, each(1.0))) as (main, child):
        main.until_state(SourceState.ENDED)
        before = _cpu_ticks(child.popen.pid)
        main.turn_for(1.0)
        assert _cpu_ticks(child.popen.pid) - before <= 1
        assert main.heartbeat.overdue(time.monotonic_ns() + 10**12) is None, "waiting has no deadline"


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
