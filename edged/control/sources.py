"""All sources of the plan: which there should be, and who looks at their frames."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from edged.control.commands.request import CommandFailed
from edged.control.named import not_there
from edged.control.source import ClipMaker, SourceControl
from edged.control.status import Statuses
from edged.control.tracks import FrameTrack
from edged.control.unplanned import Unplanned
from edged.control.views import SourceView
from edged.model.capturing import SourceState
from edged.model.sampling import Sampling
from edged.planning.plan import Plan, demand_of, reaches_of
from edged.supervise.process import ProcessKind
from edged.supervise.supervisor import Supervisor


class Sources:
    """Owns a `SourceControl` for each source that can be opened, and the statuses of all."""

    def __init__(
        self,
        supervisor: Supervisor,
        kind: ProcessKind,
        statuses: Statuses,
        *,
        samplings_on: Callable[[str], Iterable[tuple[str, Sampling]]],
        on_frame_track: Callable[[SourceControl], None],
        on_change: Callable[[], None],
    ) -> None:
        """``samplings_on``: the worker and the sampling of each job that looks at a source."""
        self.controls: dict[str, SourceControl] = {}
        self.clips: ClipMaker | None = None
        self._plan = Plan()
        self._supervisor = supervisor
        self._kind = kind
        self._statuses = statuses
        self._samplings_on = samplings_on
        self._on_frame_track = on_frame_track
        self._on_change = on_change
        self._unplanned = Unplanned(statuses.failed_source, statuses.clear_source)

    def apply(self, plan: Plan, *, afresh: bool) -> None:
        """What does not differ is left untouched, unless it failed and is to be tried ``afresh``."""
        self._plan = plan
        for name in [name for name in self.controls if name not in plan.captures]:
            self.controls.pop(name).stop()
            if name not in plan.failed_sources:
                self._statuses.clear_source(name)
        self._unplanned.apply(plan.failed_sources, plan.captures)
        for name, spec in plan.captures.items():
            if name in self.controls:
                self.controls[name].apply(spec, afresh=afresh)
                continue
            source = SourceControl(spec, self._supervisor, self._kind, self._changed, self._on_frame_track)
            self.controls[name] = source
            source.clips = self.clips
            source.start()
            self._changed(source)

    def refresh_readers(self) -> None:
        """The jobs changed: other frames may be needed, by other workers."""
        for name, source in self.controls.items():
            wanted = tuple(self._samplings_on(name))
            source.set_readers(reaches_of(wanted), demand_of(sampling for _, sampling in wanted))

    def tracks_of(self, worker: str) -> list[FrameTrack]:
        """The tracks that it reads."""
        tracks = (source.desk.track for source in self.controls.values())
        return [track for track in tracks if track is not None and worker in track.wakes]

    def restart(self, name: str) -> None:
        """A new capture. Raises `CommandFailed`."""
        source = self.controls.get(name)
        if source is None:
            raise not_there("source", name, self._plan.captures, self._plan.failed_sources)
        if not source.spec.enabled:
            raise CommandFailed("conflict", f"{name} is paused: resume it instead")
        source.restart()

    def view(self, name: str) -> SourceView | None:
        """None: there is none of this name."""
        failure = self._plan.failed_sources.get(name)
        if failure is not None:
            return SourceView(name, SourceState.FAILED, enabled=True, error=failure.message)
        source = self.controls.get(name)
        return source.view() if source is not None else None

    def retry(self) -> None:
        """Try again what main itself could not do for them."""
        for source in self.controls.values():
            source.retry()

    def publish(self) -> None:
        """All statuses, with fresh counters."""
        for source in self.controls.values():
            self._statuses.source(source)

    def _changed(self, source: SourceControl) -> None:
        self._statuses.source(source)
        self._on_change()
