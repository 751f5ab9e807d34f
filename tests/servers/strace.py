"""strace(1) around a daemon: which system calls it makes in which order, and SIGKILL at one of them."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

RENAMES = ("rename", "renameat", "renameat2")
"""Which of them rename(2) is, depends on the machine."""
SYNCS = ("fsync", "fdatasync", *RENAMES)
"""What makes something outlive a power cut."""
_LINE = re.compile(r"(?P<thread>\d+) +(?P<rest>.*)")
_RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>")
_BEGUN = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)")


@dataclass(frozen=True)
class Point:
    """Just before the ``number``-th of ``calls`` (from 1) of one thread; on ``paths`` alone, if there are."""

    calls: tuple[str, ...]
    number: int
    paths: tuple[Path, ...] = ()


@dataclass
class Call:
    """One system call; ``begun`` and ``ended`` are places in the order of all that happened."""

    thread: int
    name: str
    arguments: str
    begun: int
    ended: int | None = None
    """None: the process was killed in it."""


@dataclass(frozen=True)
class Trace:
    """Written to ``path``, for `Daemon.start` as what it runs under."""

    path: Path

    def under(self, calls: Sequence[str] = SYNCS, *, kill_at: Point | None = None) -> list[str]:
        """Main alone, not its children. The tracer is none of its parents, so that main's end is seen."""
        command = ["strace", "-D", "-f", "-b", "execve", "-qq", "-y", "-s", "8192", "-o", str(self.path)]
        command += ["-e", "signal=none", "-e", f"trace={_set_of(calls)}"]
        if kill_at is not None:
            for path in kill_at.paths:
                command += ["-P", str(path)]
            command += ["-e", f"inject={_set_of(kill_at.calls)}:signal=KILL:when={kill_at.number}"]
        return command

    def calls(self) -> list[Call]:
        """In the order in which they began."""
        calls: list[Call] = []
        open_calls: dict[int, Call] = {}
        for place, line in enumerate(self.path.read_text(errors="replace").splitlines()):
            found = _LINE.fullmatch(line)
            if found is None:
                continue
            thread, rest = int(found["thread"]), found["rest"]
            if _RESUMED.match(rest):
                if call := open_calls.pop(thread, None):
                    call.ended = None if rest.endswith("= ?") else place
            elif begun := _BEGUN.match(rest):
                call = Call(thread, begun["name"], begun["arguments"], place)
                calls.append(call)
                if rest.endswith("<unfinished ...>"):
                    open_calls[thread] = call
                elif not rest.endswith("= ?"):
                    call.ended = place
        return calls


def _set_of(calls: Sequence[str]) -> str:
    return ",".join(f"?{name}" for name in calls)  # not every machine has each of them


def require_strace() -> None:
    """Skips where nothing can be traced."""
    if reason := _why_not():
        pytest.skip(reason)


@functools.cache
def _why_not() -> str:
    if shutil.which("strace") is None:
        return "strace is not installed: apt-get install strace"
    command = [*Trace(Path("/dev/null")).under(kill_at=Point(SYNCS, 1)), "true"]
    tried = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return f"strace cannot trace here: {tried.stderr.strip()}" if tried.returncode or tried.stderr else ""
