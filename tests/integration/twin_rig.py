"""A twin over a device with real processes and a real file; what it reports is noted instead of sent."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from edged.app.processes import TABLE
from edged.control.device import Device
from edged.control.proof_desk import ProofDesk
from edged.control.twin import Twin
from edged.control.twin_store import InThread, TwinStore
from edged.model.canonical import digest
from edged.model.twin import Desired, Gate
from edged.mqtt.topics import Topics
from edged.settings import Loaded, parse_settings
from tests.integration.device_rig import ALGORITHMS, PATTERN, Rig, rig

TICKS: dict[str, Any] = {"algorithm": "ticks", "sampling": {"interval": 0.1}}
SPEC: dict[str, Any] = {"sources": {"gate": PATTERN}, "jobs": {"steady": TICKS}}
PATIENCE = Gate(timeout_s=20.0)


def with_job(job: Mapping[str, Any]) -> dict[str, Any]:
    """`SPEC`, and another job beside the steady one."""
    return {**SPEC, "jobs": {"steady": TICKS, "new": {"sampling": {"interval": 0.1}, **job}}}


def desired(
    revision: int, spec: Mapping[str, Any], *, gate: Gate = PATIENCE, keep_local: bool = False
) -> Desired:
    return Desired(revision, dict(spec), digest(dict(spec)), gate, keep_local)


def settings(spec: Mapping[str, Any] = SPEC, **more: Any) -> Loaded:
    """A device's file."""
    content = {"device": "box", "algorithms": [str(ALGORITHMS)], "spec": dict(spec), **more}
    return parse_settings(json.dumps(content), file="edged.yaml", folder=ALGORITHMS)


class Box:
    """A device and its twin."""

    def __init__(self, rig: Rig, path: Path, file: Loaded, in_thread: InThread) -> None:
        self.rig = rig
        self.path = path
        kinds = {kind.name: kind for kind in TABLE}
        self.device: Device = rig.device
        self.twin = Twin(
            rig.device,
            ProofDesk(rig.supervisor, kinds["prover"]),
            TwinStore(path, in_thread),
            rig.publisher,
            Topics("edged/v1", "box"),
            file=file,
            folder=ALGORITHMS,
            preparing_s=20.0,
        )

    @property
    def reported(self) -> dict[str, Any]:
        """The newest."""
        newest: dict[str, Any] = self.rig.all("reported")[-1]
        return newest

    @property
    def phases(self) -> list[tuple[int | None, str | None]]:
        """All that was reported, in order: of which revision, and what."""
        return [(said.get("desired_revision"), said.get("phase")) for said in self.rig.all("reported")]

    async def until(self, phase: str, revision: int) -> dict[str, Any]:
        await self.rig.until(lambda: (revision, phase) in self.phases[-1:])
        return self.reported

    @property
    def kept(self) -> dict[str, Any]:
        """What is on the disk."""
        twin: dict[str, Any] = json.loads(self.path.read_bytes())["twin"]
        return twin


@contextlib.asynccontextmanager
async def box(
    path: Path, file: Loaded | None = None, *, in_thread: InThread = asyncio.to_thread
) -> AsyncIterator[Box]:
    """Started. ``in_thread`` is the way to the disk.

    Leaving it ends everything without a word to the disk, as a power cut does.
    """
    async with rig() as made:
        started = Box(made, path, file or settings(), in_thread)
        await started.twin.start()
        try:
            yield started
        finally:
            await started.twin._work.leave()
