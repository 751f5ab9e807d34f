"""`edged run` on a terminal: one live line per source and job, whatever is logged meanwhile."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.servers.daemon import family
from tests.servers.mosquitto import free_port

CONFIG = """\
device: gate-01
mqtt: {{url: "embedded://127.0.0.1:{port}"}}
storage: {{path: {folder}/state}}
spec:
  sources:
    test: {{url: "pattern://testsrc2?size=320x240&rate=10"}}
    away: {{url: "rtsp://admin:geheim@127.0.0.1:9/stream1"}}
  jobs:
    moving: {{sources: [test], algorithm: motion, sampling: {{interval: 0.2}}}}
"""
WANTED = (
    r"edged gate-01 +up \d+s +embedded://127\.0\.0\.1:\d+ connected",
    r"test +running +\d+\.\d +320x240",
    r"away +retrying .*rtsp://admin:\*\*\*@127\.0\.0\.1:9",
    r"  away: nothing listens at 127\.0\.0\.1, port 9",
    r"moving +running +\d\.\d .*motion",
)
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def test_a_person_sees_one_line_for_each_source_and_job_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    config = tmp_path / "gate.yaml"
    config.write_text(CONFIG.format(port=free_port(), folder=tmp_path))
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "140", "LINES": "40"}
    with subprocess.Popen(
        [sys.executable, "-m", "edged", "run", str(config)],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
    ) as daemon:  # fmt: skip
        os.close(theirs)
        try:
            seen = read_until(ours, WANTED, within_s=30)
            daemon.send_signal(signal.SIGINT)
            seen += read_until(ours, (r"edged gate-01 stopped",), within_s=10)
            assert daemon.wait(10) == 0
        finally:
            daemon.kill()
            os.close(ours)
    assert "Traceback" not in seen
    assert "geheim" not in seen


def test_when_the_terminal_is_closed_it_stops_in_order(tmp_path: Path) -> None:
    config = tmp_path / "gate.yaml"
    config.write_text(CONFIG.format(port=free_port(), folder=tmp_path))
    daemon, ours = pty.fork()
    if daemon == 0:
        os.environ |= {"TERM": "xterm-256color", "COLUMNS": "140", "LINES": "40"}
        os.execv(sys.executable, [sys.executable, "-m", "edged", "run", str(config)])
    pidfd = os.pidfd_open(daemon)
    try:
        read_until(ours, WANTED, within_s=30)
        os.close(ours)
        assert select.select([pidfd], [], [], 5.0)[0], "it lives on without its terminal"
    finally:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.close(pidfd)
        _, status = os.waitpid(daemon, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert not family(daemon)


def read_until(terminal: int, patterns: tuple[str, ...], within_s: float) -> str:
    """What the terminal showed, without its escapes, when all patterns were seen in it."""
    deadline = time.monotonic() + within_s
    shown = b""
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([terminal], [], [], left)[0]:
            break
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # Linux reports the end of a pseudo-terminal as EIO
            break
        text = _ESCAPE.sub("", shown.decode(errors="replace"))
        if all(re.search(pattern, text) for pattern in patterns):
            return text
    raise AssertionError(f"not seen in time: {patterns}\n{shown.decode(errors='replace')[-4000:]}")
