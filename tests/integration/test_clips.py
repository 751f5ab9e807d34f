"""From an event in a real worker to its clip's event, through real captures and channels; kills included."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import signal
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from edged.app.processes import TABLE
from edged.control.clips import Clips
from edged.control.commands.request import CommandFailed
from edged.control.device import Device, Identity
from edged.control.recordings import Recordings
from edged.mqtt.topics import Topics
from edged.planning.plan import make_plan
from edged.settings import parse_settings
from tests.integration.clips import Clip, make_clip
from tests.integration.device_rig import ALGORITHMS, NotedSupervisor, Recorder

BURSTS = {"algorithm": "bursts", "params": {"per_run": 1, "total": 3}, "sampling": {"interval": 0.3}}
RECORD: dict[str, Any] = {"on": ["tick"], "before": 1, "after": 1}


def seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


class Rig:
    """A device with a film as its camera."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "recordings"
        self.film = make_clip(folder / "film.mp4", Clip(frames=200, fps=20, gop=20))
        self.supervisor = NotedSupervisor()
        self.publisher = Recorder("edged/v1/box")
        kinds = {kind.name: kind for kind in TABLE}
        topics = Topics("edged/v1", "box")
        self.device = Device(Identity("box", "7f3a"), self.supervisor, kinds, self.publisher, topics)
        self.clips = Clips(self.device, self.publisher, topics)
        self.clips.start()
        self.recordings = Recordings(lambda: self.device.plan.keeping)

    def apply(self, jobs: Mapping[str, Any]) -> None:
        gate = {"url": str(self.film), "loop": True, "buffer": 3}
        settings = {
            "device": "box",
            "algorithms": [str(ALGORITHMS)],
            "recordings": {"path": str(self.folder)},
            "spec": {
                "sources": {"gate": gate},
                "jobs": dict(jobs),
            },
        }
        loaded = parse_settings(json.dumps(settings), file="edged.yaml", folder=ALGORITHMS)
        self.device.apply(make_plan(loaded, ALGORITHMS), afresh=True)

    def events(self, job: str) -> list[dict[str, Any]]:
        return [json.loads(payload) for payload in self.publisher.said.get(f"job/{job}/gate/event", [])]

    def of_clips(self, job: str) -> list[dict[str, Any]]:
        return [event for event in self.events(job) if event["type"] == "clip"]

    async def running(self) -> None:
        def is_running() -> bool:
            said = self.publisher.said.get("source/gate/status", [b"{}"])
            return json.loads(said[-1]).get("state") == "running"

        await self.until(is_running)

    async def until(self, holds: Any, within_s: float = 30.0) -> None:
        async with asyncio.timeout(within_s):
            while not holds():
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def rig(folder: Path) -> AsyncIterator[Rig]:
    made = Rig(folder)
    ticking = asyncio.create_task(made.supervisor.run())
    try:
        yield made
        assert not ticking.done(), ticking.exception()
    finally:
        ticking.cancel()
        made.supervisor.kill_all()
        await made.supervisor.stop_all(up_to=99)


def test_events_of_a_job_become_one_clip(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.apply({"people": {**BURSTS, "record": RECORD}, "others": BURSTS})
            await box.until(lambda: box.of_clips("people"))
            (clip,) = box.of_clips("people")
            ticks = [event for event in box.events("people") if event["type"] == "tick"]
            assert [event["seq"] for event in ticks] == [1, 2, 3], "clips take no numbers"
            assert (clip["data"]["events"], clip["data"]["first"]) == (3, "tick")
            assert clip["time"] == ticks[0]["time"]
            file = box.folder / clip["data"]["file"]
            assert hashlib.sha256(file.read_bytes()).hexdigest() == clip["data"]["sha256"]
            assert file.stat().st_size == clip["data"]["bytes"]
            end_s = seconds(clip["data"]["start"]) + clip["data"]["duration"]
            assert end_s >= seconds(ticks[-1]["time"]) + RECORD["after"] - 0.1, "a second after the last"
            assert box.of_clips("others") == []
            listed = await box.recordings.listing("gate", 10)
            (entry,) = listed["recordings"]
            assert (entry["file"], entry["job"]) == (clip["data"]["file"], "people")

    asyncio.run(scenario())


def test_recording_is_told_live_to_what_runs(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            endless = {**BURSTS, "params": {"per_run": 1}}
            box.apply({"people": endless})
            await box.until(lambda: len(box.events("people")) >= 2)
            pids = box.supervisor.pids()
            box.apply({"people": {**endless, "record": {**RECORD, "after": 0, "before": 0.5}}})
            await box.until(lambda: len(box.of_clips("people")) >= 2)
            box.apply({"people": endless})
            since = len(box.events("people"))
            await box.until(lambda: len(box.events("people")) >= since + 4)
            await box.until(lambda: box.clips.stats()["open"] == 0)
            made = box.clips.stats()["made"]
            since = len(box.events("people"))
            await box.until(lambda: len(box.events("people")) >= since + 3)
            assert box.clips.stats()["made"] == made
            kept = {name: pid for name, pid in box.supervisor.pids().items() if not name.startswith("prover")}
            assert kept.items() <= pids.items(), "neither capture nor worker was replaced"

    asyncio.run(scenario())


def test_a_clip_is_asked_for_and_a_killed_capture_interrupts_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(tmp_path) as box:
            box.apply({})
            await box.running()
            answer = await box.clips.record("gate", 1, 0.5)
            assert hashlib.sha256(Path(answer["path"]).read_bytes()).hexdigest() == answer["sha256"]
            asking = asyncio.create_task(box.clips.record("gate", 1, 30))
            await box.until(lambda: any(box.folder.glob("gate/clips/*.part")))
            os.kill(box.supervisor.pids()["capture:gate"], signal.SIGKILL)
            with pytest.raises(CommandFailed, match="SIGKILL") as caught:
                await asking
            assert caught.value.code == "interrupted"
            await box.running()
            await box.until(lambda: not any(box.folder.glob("gate/clips/*.part")))
            kept = (await box.recordings.listing(None, 10))["recordings"]
            assert {(entry["kind"], entry["job"], "open" in entry) for entry in kept} == {
                ("clip", "command", False)
            }
            assert (await box.clips.record("gate", 0.5, 0.5))["duration"] >= 0.9
