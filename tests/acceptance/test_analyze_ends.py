"""How `edged analyze` ends when an algorithm hangs, dawdles or talks, or a shell closed its streams."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.analyses import AISLE, COMMAND, analyze, environment, films, lines
from tests.servers.lifetime import die_with_the_tests

pytestmark = pytest.mark.assets

HANGS = """\
import time
from edged import BaseAlgo

class Hangs(BaseAlgo):
    def run(self, frames):
        open("begun", "w")
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass
"""


SLOW = """\
import time
from edged import BaseAlgo

class Slow(BaseAlgo):
    def init(self):
        open("begun", "w")
        for _ in range(600):
            time.sleep(0.1)
    def run(self, frames):
        return {}

class Talks(BaseAlgo):
    def run(self, frames):
        print("I saw", self.frame.index)
        return {}
    def draw(self, picture, result):
        raise KeyError("nothing to draw with")
"""


@contextmanager
def begun(folder: Path, video: Path, algorithm: str, source: str) -> Iterator[subprocess.Popen[str]]:
    """An analysis whose algorithm is at its work."""
    (folder / f"{algorithm.partition(':')[0]}.py").write_text(source)
    words = [*COMMAND, str(video), "--algorithm", algorithm, "--folder", str(folder), "-o", "out.jsonl"]
    with subprocess.Popen(
        words, cwd=folder, env=environment(), stderr=subprocess.PIPE, text=True,
        preexec_fn=die_with_the_tests,  # noqa: PLW1509  one system call, no Python state
    ) as process:  # fmt: skip
        try:
            deadline = time.monotonic() + 30
            while not (folder / "begun").exists():
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


def test_ctrl_c_ends_a_slow_init_as_anything_else(assets: Path, tmp_path: Path) -> None:
    with begun(tmp_path, *films(assets, AISLE), "slow:Slow", SLOW) as process:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=10)
    assert process.returncode == 130
    assert told == "stopped after 0 of 1 videos; go on with the same command and --resume\n"


def test_one_ctrl_c_ends_a_hang_after_a_while(assets: Path, tmp_path: Path) -> None:
    with begun(tmp_path, *films(assets, AISLE), "hangs:Hangs", HANGS) as process:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=40)
    assert process.returncode == 130
    assert "Ctrl-C again ends at once" in told
    assert told.endswith("go on with the same command and --resume\n")


def test_a_second_ctrl_c_ends_at_once(assets: Path, tmp_path: Path) -> None:
    with begun(tmp_path, *films(assets, AISLE), "hangs:Hangs", HANGS) as process:
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130


def test_what_an_algorithm_prints_is_not_among_the_results(assets: Path, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    words = ["--algorithm", "slow:Talks", "--folder", tmp_path, "--record", tmp_path / "film.mp4"]
    done = analyze(*films(assets, AISLE), *words, "--interval", "1")
    assert done.returncode == 0, done.stderr
    seen = [result["frame"]["index"] for result in lines(done.stdout)]
    assert len(seen) == 4
    assert [line for line in done.stderr.splitlines() if "saw" in line] == [
        f"I saw {index}" for index in seen
    ]
    assert done.stderr.count("draw() of job slow-Talks failed: ") == 1
    assert "nothing to draw with" in done.stderr


@pytest.mark.parametrize(
    ("closed", "code", "said"),
    [(">&-", 1, "edged: Bad file descriptor\n"), ("2>&-", 0, ""), ("<&- 2>&- >&-", 1, "")],
)
def test_closed_streams_are_no_bug(assets: Path, closed: str, code: int, said: str) -> None:
    command = [*COMMAND, str(assets / f"{AISLE}.mp4"), "--algorithm", "motion", "--quiet"]
    done = subprocess.run(
        ["bash", "-c", f'"$@" {closed}', "bash", *command],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (code, said)
    assert len(lines(done.stdout)) == (0 if code else 4)


def test_what_another_analysis_writes_is_not_overwritten(assets: Path, tmp_path: Path) -> None:
    with begun(tmp_path, *films(assets, AISLE), "hangs:Hangs", HANGS) as first:
        words = [*films(assets, AISLE), "--algorithm", "motion", "-o", tmp_path / "out.jsonl", "--overwrite"]
        done = analyze(*words)
        assert (done.returncode, "another edged analyze writes to" in done.stderr) == (1, True), done.stderr
        assert (tmp_path / "out.jsonl").exists()
        assert (tmp_path / "out.jsonl.resume").exists()
        first.kill()
        first.wait(10)
        assert analyze(*words).returncode == 0
