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
from tests.stopwatch import HANGS_S, Stopwatch

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


WAITS = """\
import threading
from edged import BaseAlgo

class Waits(BaseAlgo, keeps_state={keeps_state}):
    def run(self, frames):
        if self.frame.index > 20:
            open("begun", "w")
            threading.Event().wait()
        return {{"seen": 1}}
"""
WAITING_CONFIG = """\
spec:
  sources: {{aisle: {{url: {video}}}}}
  jobs: {{people: {{algorithm: "waits:Waits", deadline: 1, sampling: {{interval: 0.2}}}}}}
algorithms: [.]
"""


@pytest.mark.parametrize("keeps_state", [False, True])
def test_a_run_beyond_its_deadline_is_said_once_and_ctrl_c_ends_it(
    assets: Path, tmp_path: Path, keeps_state: bool
) -> None:
    (video,) = films(assets, AISLE)
    (tmp_path / "waits.py").write_text(WAITS.format(keeps_state=keeps_state))
    (tmp_path / "config.yaml").write_text(WAITING_CONFIG.format(video=video))
    words = [*COMMAND, str(video), "-c", "config.yaml", "-o", "out.jsonl"]
    told: list[str] = []
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True,
        preexec_fn=die_with_the_tests,  # noqa: PLW1509  one system call, no Python state
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            told.append(line)
            if "waits for job people, " in line:  # the line of progress, some seconds later
                break
        begun_s = time.monotonic()
        process.send_signal(signal.SIGINT)
        told += process.communicate(timeout=40)[1].splitlines(keepends=True)
    took_s = time.monotonic() - begun_s
    assert process.returncode == 130, told
    (said,) = [line for line in told if "deadline" in line]
    assert said.startswith(f"{video}: job people is at the frame at ")
    assert said.endswith("(deadline 1 s), and is waited for; Ctrl-C ends it, and --resume goes on there\n")
    assert told[-1].endswith("go on with the same command and --resume\n")
    assert took_s < 15, "it is not waited for any more"
    seen = [result["frame"]["index"] for result in lines((tmp_path / "out.jsonl").read_text())]
    assert seen
    assert max(seen) <= 20


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


VISITS = """\
import time
from pathlib import Path
from edged import BaseAlgo

class Visits(BaseAlgo, keeps_state=False):
    def run(self, frames):
        if self.frame.index == 0:
            self.emit("object_start", track_id=1, label="person")
        if self.frame.index > 30 and not Path("begun").exists():
            Path("begun").touch()
            time.sleep(600)
        return {"seen": self.frame.index}
"""


def test_what_had_begun_before_a_kill_ends_after_it(assets: Path, tmp_path: Path) -> None:
    """Though the algorithm keeps no state, going on in the middle would not know of it."""
    out, whole = tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    with begun(tmp_path, *films(assets, AISLE), "visits:Visits", VISITS) as process:
        watch = Stopwatch()
        while out.read_text().count("\n") < 3:  # two results, and an event between them
            assert watch.is_within(HANGS_S)
            time.sleep(0.01)
        process.kill()
        process.wait(HANGS_S)
    words = [*films(assets, AISLE), "--algorithm", "visits:Visits", "--folder", tmp_path]
    done = analyze(*words, "-o", "out.jsonl", "--resume", cwd=tmp_path, env=environment())
    assert done.returncode == 0, done.stderr
    assert "done again from its beginning" in done.stderr
    assert analyze(*words, "-o", whole, cwd=tmp_path, env=environment()).returncode == 0
    assert out.read_bytes() == whole.read_bytes()
    last = lines(whole.read_text())[-1]
    assert (last["type"], last["data"]["reason"]) == ("object_end", "ended")
