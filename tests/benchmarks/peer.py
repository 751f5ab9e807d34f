"""stream_infer on the same film: what its processes take together, metered as edged's are."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from edged.app.bench.meter import cpu_time
from edged.app.bench.program import Program
from edged.errors import EdgedError
from tests.benchmarks.setting import REPOSITORY, Film

PRODUCERS = ("opencv", "pyav")
"""Its two ways to decode; the cheaper one counts."""
_VENV = REPOSITORY / ".venv-peer"
_REQUIREMENT = "stream-infer==0.6.7"
_REQUIREMENTS = (_REQUIREMENT, "onnxruntime")
_INSTALL_S = 600
_START_S = 30.0
_ENDS_S = 3.0
"""Its film is not played again, and its last seconds are not metered."""


@dataclass(frozen=True, slots=True)
class PeerRun:
    producer: str
    cores: float
    rate: float
    """Runs a second; 10 is what was asked for."""


def ensure_peer() -> Path:
    """The Python of an environment of its own with stream_infer in it, made on demand."""
    python = _VENV / "bin" / "python"
    stamp = _VENV / ".edged-peer"
    if stamp.is_file() and stamp.read_text() == " ".join(_REQUIREMENTS):
        return python
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(_VENV)], check=True, timeout=_INSTALL_S)
        install = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *_REQUIREMENTS]
        subprocess.run(install, check=True, timeout=_INSTALL_S)
    except (subprocess.SubprocessError, OSError) as error:
        raise EdgedError(f"{_REQUIREMENT} cannot be installed into {_VENV.name}: {error}") from error
    stamp.write_text(" ".join(_REQUIREMENTS))
    return python


def run_peer(python: Path, film: Film, producer: str, settle_s: float, seconds: float, log: Path) -> PeerRun:
    """Play the film in it and meter a window of at most ``seconds``."""
    script = Path(__file__).with_name("peer_program.py")
    program = Program([str(python), str(script), str(film.path), producer], log)
    program.start()
    try:
        _wait_for_a_run(program)
        began_s = time.monotonic()
        _let_run(program, settle_s)
        before = cpu_time(program.pid)
        _let_run(program, min(seconds, film.seconds - settle_s - _ENDS_S))
        after = cpu_time(program.pid)
    finally:
        program.kill()
    runs = [at_s for at_s in _runs(log) if before.at_s <= at_s < after.at_s]
    assert began_s < before.at_s
    return PeerRun(producer, sum(after.cores_since(before).values()), len(runs) / (after.at_s - before.at_s))


def _wait_for_a_run(program: Program) -> None:
    deadline_s = time.monotonic() + _START_S
    while not _runs(program.log):
        if time.monotonic() > deadline_s or not program.alive:
            raise EdgedError(f"stream_infer does not run; it said:\n{program.last_words()}")
        time.sleep(0.05)


def _let_run(program: Program, seconds: float) -> None:
    time.sleep(seconds)
    if not program.alive:
        raise EdgedError(f"stream_infer ended too early; it said:\n{program.last_words()}")


def _runs(log: Path) -> list[float]:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return [float(line.split()[1]) for line in lines if line.startswith("run ") and line[-1].isdigit()]
