"""The live pictures: which processes make them, and that frames flow to them only while somebody looks.

What is served shares one process. Each push has one of its own: FFmpeg holds the whole process up while
it waits for a server, and the heartbeat ends it then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edged.control.live_process import LiveOwner, LiveProcess
from edged.control.source import SourceControl
from edged.control.status import Statuses
from edged.control.unplanned import Unplanned
from edged.model.live import READER, LiveSpec, OutputSpec
from edged.model.output import Output, OutputKind
from edged.model.sampling import Sampling
from edged.planning.plan import Plan
from edged.supervise.process import ProcessKind
from edged.supervise.supervisor import Supervisor

_SERVING = "live"
_DRAWN = (OutputKind.RESULT, OutputKind.COUNTS, OutputKind.SHOWN, OutputKind.DECAL)


class Live:
    """Owns a `LiveProcess` for all that is served, and one for each push."""

    def __init__(
        self,
        supervisor: Supervisor,
        kind: ProcessKind,
        statuses: Statuses,
        owner: LiveOwner,
    ) -> None:
        self.processes: dict[str, LiveProcess] = {}
        self.unsent = 0
        """Findings that a process had no room for: the next one is as good."""
        self._supervisor = supervisor
        self._kind = kind
        self._statuses = statuses
        self._owner = owner
        self._unplanned = Unplanned(statuses.failed_output, statuses.clear_output)

    def apply(self, plan: Plan) -> None:
        """Have the processes that are needed; what does not differ is left untouched."""
        specs = dict(_specs(plan))
        planned = {output.name for spec in specs.values() for output in spec.outputs}
        told = {name for process in self.processes.values() for name in process.names}
        for name in [name for name in self.processes if name not in specs]:
            self.processes.pop(name).stop()
        for name in told - planned - plan.failed_outputs.keys():
            self._statuses.clear_output(name)
        self._unplanned.apply(plan.failed_outputs, planned)
        for name, spec in specs.items():
            if name in self.processes:
                self.processes[name].apply(spec)
            else:
                self.processes[name] = self._started(name, spec)

    def samplings_on(self, source: str) -> Iterator[tuple[str, Sampling]]:
        """As which reader each output looks at ``source`` now, and how often.

        Twice as often as its pictures come: what arrives a little early or late is still there to be chosen.
        """
        for process in self.processes.values():
            for output in process.looked_at(source):
                yield process.reader, Sampling(interval_us=int(500_000 / output.fps))

    def drawn(self) -> frozenset[tuple[str, str]]:
        """The jobs, each with a source, whose findings somebody sees now."""
        return frozenset().union(*(process.drawn for process in self.processes.values()))

    def frame_track_made(self, source: SourceControl) -> None:
        """A source has another track, or none."""
        for process in self.processes.values():
            process.offer(source.spec.source, source.desk.track)

    def saw(self, output: Output) -> None:
        """A worker's result, counts or decal: whoever draws them gets the bytes."""
        if output.kind in _DRAWN:
            for process in self.processes.values():
                self.unsent += not process.saw(output)

    def publish(self) -> None:
        """All statuses, with fresh counters."""
        for process in self.processes.values():
            process.publish()

    def _started(self, name: str, spec: LiveSpec) -> LiveProcess:
        reader = READER if name == _SERVING else f"{READER}:{spec.outputs[0].name}"
        process = LiveProcess(name, reader, spec, self._supervisor, self._kind, self._statuses, self._owner)
        process.start()
        return process


def _specs(plan: Plan) -> Iterator[tuple[str, LiveSpec]]:
    """Of each process that is needed, by its name."""
    outputs = plan.live.outputs.values()
    served = tuple(output for output in outputs if output.to != "push")
    if served:
        yield _SERVING, _spec(plan, served)
    for output in outputs:
        if output.to == "push":
            yield f"{_SERVING}:{output.name}", _spec(plan, (output,))


def _spec(plan: Plan, outputs: Iterable[OutputSpec]) -> LiveSpec:
    live, shown = plan.live, tuple(outputs)
    sources = {output.source for output in shown}
    return LiveSpec(
        revision=0,
        outputs=shown,
        host=live.host,
        rtsp_port=live.rtsp_port,
        http_port=live.http_port,
        username=live.username,
        password=live.password,
        scenes={name: scene for name, scene in plan.scenes.items() if name in sources},
    )
