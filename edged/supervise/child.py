"""What every child does first, whatever it is for.

Main starts ``python -P -m MODULE`` by exec with the descriptors of its channel and heartbeat page;
the module's ``__main__`` calls `serve` with its ``run(channel, heartbeat)``, a plain blocking
function that a test calls in-process just the same.
"""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable

from edged.errors import ChannelClosed, EdgedError
from edged.supervise.channel import Channel
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.logs import start_logging
from edged.supervise.process import MAINS_TO_ORDER, START_LANE

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
EXIT_BUG = 70
_FIRST_BEAT_S = 10.0
"""Within this time ``run`` writes its own first deadline to lane 0, or is taken for hung."""

Run = Callable[[Channel, Heartbeat], None]


def serve(run: Run) -> None:
    """Tie this process to its parent, open what was handed down, run, exit."""
    arguments = _arguments()
    die_with_parent(arguments.parent)
    for number in MAINS_TO_ORDER:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, MAINS_TO_ORDER)  # they were held back since the exec
    start_logging(arguments.log_level, arguments.name)
    channel = Channel(socket.socket(fileno=arguments.channel))
    heartbeat = Heartbeat(arguments.heartbeat)
    os.close(arguments.heartbeat)
    code = _run(run, channel, heartbeat)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)  # threads of libraries that hang at exit must not hold the stop up


def die_with_parent(parent: int) -> None:
    """SIGKILL for this process when the thread that started it ends, even while it is stopped or hung.

    The parent may have died before the kernel was told (prctl(2)), hence the comparison.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(0)


def _run(run: Run, channel: Channel, heartbeat: Heartbeat) -> int:
    heartbeat.beat("begin", _FIRST_BEAT_S)  # so that at no moment a hang would go unseen
    heartbeat.rest(lane=START_LANE)
    try:
        run(channel, heartbeat)
    except ChannelClosed:
        return 0
    except EdgedError as error:
        logging.getLogger("edged").error("%s", error)
        return 1
    except Exception:  # the one place where a child's bug ends: its traceback goes to the journal
        logging.getLogger("edged").exception("a bug; main starts this process anew")
        return EXIT_BUG
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A child of edged; started by `edged run`, not by hand.")
    parser.add_argument("--name", required=True)
    parser.add_argument("--channel", type=int, required=True)
    parser.add_argument("--heartbeat", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--log-level", default="INFO")
    return parser.parse_args()
