"""Start a child by exec, with the descriptors of its channel and heartbeat page handed down.

By exec and not by fork or multiprocessing: nothing of main is inherited or imported again, no hidden
helper processes, and another interpreter (a user's venv) is possible.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass

from edged.supervise.channel import Channel
from edged.supervise.heartbeat import Heartbeat, make_page
from edged.supervise.process import MAINS_TO_ORDER


@dataclass(frozen=True, slots=True)
class Spawned:
    """A child just started, and the parent's ends of what connects them."""

    popen: subprocess.Popen[bytes]
    channel: Channel
    heartbeat: Heartbeat
    pidfd: int
    """Readable when the child has ended."""

    def release(self) -> None:
        """Close the parent's ends. Does not end the child, but it reads that its parent is gone."""
        os.close(self.pidfd)
        self.channel.close()
        self.heartbeat.close()


def spawn(
    module: str,
    name: str,
    *,
    python: str = sys.executable,
    log_level: str = "INFO",
    stderr: int | None = None,
) -> Spawned:
    """Start ``python -P -m module``, which ends with `edged.supervise.child.serve`.

    Call it from a thread that lives as long as the child may: the child dies with the thread that
    started it (PR_SET_PDEATHSIG). ``stderr`` is as for `subprocess.Popen`; None shares ours.
    Raises OSError when the interpreter cannot be started; then nothing is left open.
    """
    with ExitStack() as ours, ExitStack() as handed_down:
        page = make_page()
        handed_down.callback(os.close, page)
        heartbeat = Heartbeat(page)
        ours.callback(heartbeat.close)
        channel, theirs = Channel.pair()
        ours.callback(channel.close)
        handed_down.callback(theirs.close)
        command = [
            python, "-P", "-m", module, "--name", name, "--channel", str(theirs.fileno()),
            "--heartbeat", str(page), "--parent", str(os.getpid()), "--log-level", log_level,
        ]  # fmt: skip
        popen = _exec(command, stderr, (theirs.fileno(), page))
        ours.callback(popen.wait)
        ours.callback(popen.kill)
        pidfd = os.pidfd_open(popen.pid)
        ours.pop_all()
    return Spawned(popen, channel, heartbeat, pidfd)


def _exec(command: list[str], stderr: int | None, fds: tuple[int, ...]) -> subprocess.Popen[bytes]:
    # A terminal's Ctrl-C reaches children too: held back until their preamble ignores it, so that none
    # dies of it, with a traceback, while it is importing.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, MAINS_TO_ORDER)
    try:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=stderr, pass_fds=fds)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
