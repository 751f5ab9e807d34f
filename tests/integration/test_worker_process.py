"""The worker as a process of its own, as main starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.supervise.spawn import spawn
from tests.integration.worker_rig import ECHO, Camera, Rig, job
from tests.stopwatch import HANGS_S


class Process(Rig):
    """A rig whose worker is a process."""

    def start(self) -> None:
        child = spawn("edged.worker", "worker", stderr=subprocess.PIPE)
        self.popen, self.channel, self.heartbeat = child.popen, child.channel, child.heartbeat

    def stop(self) -> None:
        self.popen.kill()
        self.popen.wait(HANGS_S)
        self.channel.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Process]:
    rig = Process(tmp_path)
    rig.start()
    try:
        rig.algorithm("echo", ECHO)
        yield rig
    finally:
        rig.stop()


def test_a_hang_shows_its_job_and_source(rig: Process) -> None:
    rig.algorithm(
        "hanger",
        "import time\nfrom edged import BaseAlgo\nclass Hanger(BaseAlgo):\n    def run(self, frames):\n"
        "        while True:\n            time.sleep(60)\n",
    )
    rig.apply(job("echo", "echo"), job("hanger", "hanger", "gate", deadline_s=0.3))
    camera, gate = Camera(), Camera("gate")
    camera.offer(rig.channel)
    gate.offer(rig.channel)
    rig.running("echo", "hanger")
    camera.shoot()
    rig.until(lambda: rig.frames("echo") == [0])
    assert rig.heartbeat.overdue(time.monotonic_ns()) is None
    gate.shoot()
    overdue = rig.until(lambda: rig.heartbeat.overdue(time.monotonic_ns()))
    assert (overdue.phase, overdue.job, overdue.source) == ("run", "hanger", "gate")
    camera.close()
    gate.close()


def test_a_crash_while_loading_shows_its_job(rig: Process) -> None:
    rig.algorithm(
        "hanger",
        "import signal\nfrom edged import BaseAlgo\nclass Hanger(BaseAlgo):\n    def init(self):\n"
        "        signal.raise_signal(signal.SIGSEGV)\n    def run(self, frames):\n        pass\n",
    )
    rig.apply(job("hanger", "hanger", "gate"))
    assert rig.popen.wait(20) == -signal.SIGSEGV
    activities = rig.heartbeat.activities()
    assert ("load", "hanger", "gate") in [(a.phase, a.job, a.source) for a in activities]


def test_it_ends_in_order_when_told_and_when_main_is_gone(rig: Process, tmp_path: Path) -> None:
    from edged.model.messages import Stop

    rig.apply(job("echo", "echo"))
    rig.running("echo")
    os.kill(rig.popen.pid, signal.SIGINT)
    assert rig.channel.send(Stop(), wait_s=1)
    assert rig.popen.wait(HANGS_S) == 0
    other = Process(tmp_path)
    other.start()
    other.apply(job("echo", "echo"))
    other.running("echo")
    other.channel.close()
    assert other.popen.wait(HANGS_S) == 0
