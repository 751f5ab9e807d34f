"""Looks at a source once, in a child that can be killed, without keeping main waiting."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from edged.control.commands.request import CommandFailed
from edged.errors import SpecRejected
from edged.model.capturing import CaptureSpec
from edged.model.probe import ProbeReport
from edged.planning.plan import make_plan
from edged.settings.load import Loaded
from edged.settings.network import read_spec
from edged.supervise.channel import CONTROL, Packet
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.process import ChildExit, ProcessKind
from edged.supervise.supervisor import Supervisor
from edged.supervise.wire import Decoder

_DECODER = Decoder((ProbeReport,))
_GRACE_S = 5.0
_NAME = "probe"


class SourceProber:
    """A child for each question; it ends with the answer, or when nobody waits for that any more."""

    def __init__(
        self, supervisor: Supervisor, kind: ProcessKind, loaded: Callable[[], Loaded], folder: Path
    ) -> None:
        """``loaded`` is the device's own file, whose rules hold; its relative paths start at ``folder``."""
        self._supervisor = supervisor
        self._kind = kind
        self._loaded = loaded
        self._folder = folder
        self._asked = 0

    async def probe(self, url: str, timeout_s: float) -> ProbeReport:
        """As `edged.control.commands.context.Prober` says."""
        spec = capture_of(url, timeout_s, self._loaded(), self._folder)
        self._asked += 1
        name = f"{self._kind.name}:{self._asked}"
        question = _Question(self._supervisor, spec)
        self._supervisor.start(name, self._kind, question, stagger=False)
        try:
            # it looks twice: at the connection, and at what comes over it
            within_s = self._kind.start_s + 2 * timeout_s + _GRACE_S
            return await asyncio.wait_for(question.answer, within_s)
        except TimeoutError:
            raise CommandFailed("timeout", f"{spec.redacted_url} was not opened in time") from None
        finally:
            self._supervisor.stop(name)


def capture_of(url: str, timeout_s: float, loaded: Loaded, folder: Path) -> CaptureSpec:
    """What would be opened if a spec from the network named this URL.

    Raises `SpecRejected`, its path ``url``, for what such a spec may not open.
    """
    try:
        spec = read_spec({"sources": {_NAME: {"url": url, "timeout": timeout_s}}, "jobs": {}}, loaded)
        plan = make_plan(spec, folder)
    except SpecRejected as rejected:
        raise _at_url(rejected) from None
    if failed := plan.failed_sources.get(_NAME):
        raise _at_url(SpecRejected(failed.problems))
    return plan.captures[_NAME]


class _Question:
    """The owner of one child."""

    def __init__(self, supervisor: Supervisor, spec: CaptureSpec) -> None:
        self._supervisor = supervisor
        self._spec = spec
        self.answer: asyncio.Future[ProbeReport] = asyncio.get_running_loop().create_future()

    def on_start(self, name: str) -> None:
        self._supervisor.send(name, self._spec)

    def on_packet(self, name: str, packet: Packet) -> None:
        for fd in packet.fds:
            os.close(fd)
        report = _DECODER.decode(packet.body) if packet.kind == CONTROL else None
        if isinstance(report, ProbeReport) and not self.answer.done():
            self.answer.set_result(report)

    def on_exit(self, death: ChildExit, heartbeat: Heartbeat) -> None:
        if self.answer.done():
            return
        code = "timeout" if death.overdue is not None else "source_failed"
        message = f"{self._spec.redacted_url}: the process that looked at it {death.reason}"
        self.answer.set_exception(CommandFailed(code, message))


def _at_url(rejected: SpecRejected) -> SpecRejected:
    """With the paths of the command's own arguments."""
    prefix = f"spec.sources.{_NAME}."
    return SpecRejected(
        [
            type(problem)(problem.path.removeprefix(prefix), problem.message, problem.code)
            for problem in rejected.problems
        ]
    )
