"""The models that the plan in effect brings along: fetched until they are there, told of, swept when old.

Over the network a spec is applied when its models are there. The device's own file runs at once: jobs
whose models are still coming wait, visibly, and all others run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any

from edged.control.model_desk import ModelDesk, Progress, is_there, tried_again
from edged.errors import StorageError
from edged.model.fetching import FetchReport, FetchState, ModelFile
from edged.model.messages import JobSpec, JobState
from edged.modelstore.store import ModelStore
from edged.planning.plan import Plan

_AGAIN_S = 300.0
"""What was refused may be mended: a file put on its server, room made on the disk."""

InThread = Callable[[Callable[[], Any]], Awaitable[Any]]

log = logging.getLogger("edged.models")


class ModelShelf:
    """Used from the loop's thread only."""

    def __init__(
        self, desk: ModelDesk, in_thread: InThread, on_change: Callable[[], None] = lambda: None
    ) -> None:
        """``in_thread`` runs what blocks on the disk; ``on_change``: a model is there, or is not yet for
        another reason."""
        self.on_change = on_change
        self._desk = desk
        self._in_thread = in_thread
        self._wanted: dict[str, ModelFile] = {}
        """By path, those of the plan."""
        self._fetches: dict[str, asyncio.Task[None]] = {}
        self._last: dict[str, FetchReport] = {}
        self._folders: tuple[str, ...] = ()
        self._sweeping: asyncio.Task[None] | None = None

    def apply(self, plan: Plan) -> None:
        """Fetch what is missing, and nothing that is not wanted any more."""
        before, self._wanted = self._wanted, {model.path: model for model in plan.models.values()}
        self._folders = plan.library.models
        for path in [path for path in self._fetches if before.get(path) != self._wanted.get(path)]:
            self._fetches.pop(path).cancel()
            self._last.pop(path, None)
        for path, model in self._wanted.items():
            if path not in self._fetches and not is_there(model):
                self._fetches[path] = asyncio.create_task(self._fetch(model))

    def awaited(self, job: JobSpec) -> tuple[JobState, str, str, int] | None:
        """State, code and error of a job whose models are not all there, and when that is tried again (0, or
        monotonic); None: they are.
        """
        for link in job.chain:
            for name, path in link.models.items():
                if path in self._fetches or (path in self._wanted and not is_there(self._wanted[path])):
                    return self._waiting(name, path)
        return None

    async def bring(
        self, plan: Plan, before: Plan, within_s: float, on_progress: Callable[[Progress], None]
    ) -> None:
        """Returns when those of ``plan`` are there that ``before`` does not bring. Raises `SpecRejected`."""
        models = [
            model for name, model in plan.models.items() if not model.is_same_file(before.models.get(name))
        ]
        await self._desk.bring(models, plan.library.models, within_s, on_progress)

    def sweep(self, plans: Collection[Plan], in_use: Collection[str], storage: Path) -> None:
        """Delete from the store what none of the plans brings, and nothing has in use. Takes its time."""
        kept = {model.path for plan in plans for model in plan.models.values()} | set(in_use)
        before = self._sweeping

        async def sweep() -> None:
            if before is not None:
                await asyncio.wait({before})
            try:
                for gone in await self._in_thread(lambda: ModelStore.below(storage).sweep(kept)):
                    log.info("%s is of no use any more, and is deleted", Path(gone).name)
            except (OSError, StorageError) as error:
                log.warning("old models are not deleted: %s", error)

        self._sweeping = asyncio.create_task(sweep())

    def close(self) -> None:
        """Fetch nothing any more."""
        for task in self._fetches.values():
            task.cancel()
        self._fetches.clear()

    def _waiting(self, name: str, path: str) -> tuple[JobState, str, str, int]:
        last = self._last.get(path)
        if last is None or last.state is FetchState.COMING:
            return JobState.STARTING, "", f"waits for {name}, which is being fetched", 0
        return JobState.FAILED, last.code, f"waits for {name}: {last.error}", last.again_ns

    async def _fetch(self, model: ModelFile) -> None:
        """Until it is there."""
        path = model.path
        while not is_there(model):
            report = await self._desk.fetch(model, self._folders, lambda report: self._note(path, report))
            if report.state is not FetchState.THERE:
                log.error("%s: %s; tried again in %.0f s", model.name, report.error, _AGAIN_S)
                self._note(path, tried_again(report, _AGAIN_S))
                await asyncio.sleep(_AGAIN_S)
        del self._fetches[path]
        self._last.pop(path, None)
        self.on_change()

    def _note(self, path: str, report: FetchReport) -> None:
        before = self._last.get(path)
        self._last[path] = report
        told = before and (before.state, before.error, before.again_ns)
        if told != (report.state, report.error, report.again_ns):
            self.on_change()
