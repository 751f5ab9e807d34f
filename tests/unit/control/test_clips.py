"""Clips as main sees them: what captures are asked for, and what becomes of it; captures' words are ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edged.app.processes import TABLE
from edged.control.clips import MOST_OF_SOURCE, Clips
from edged.control.commands.request import CommandFailed
from edged.control.device import Device, Identity
from edged.model.capturing import (
    CaptureSpec,
    ClipReport,
    ClipRequest,
    RecorderReport,
    SourceReport,
    SourceState,
)
from edged.model.messages import ClipWish
from edged.mqtt.message import Worth
from edged.mqtt.topics import Topics
from edged.planning.plan import Plan, make_plan
from edged.settings import parse_settings
from edged.supervise import wire
from edged.supervise.channel import CONTROL, Packet
from edged.supervise.heartbeat import Heartbeat, make_page
from edged.supervise.process import ChildExit, ChildOwner, ProcessKind

SOURCES = {"gate": {"url": "rtsp://127.0.0.1/gate"}, "yard": {"url": "rtsp://127.0.0.1/yard"}}
JOBS = {
    "people": {"algorithm": "motion", "record": {"on": ["zone_enter"], "before": 4, "after": 6}},
    "others": {"algorithm": "motion"},
}
ROOT = "edged/v1/box"


class Children:
    """In place of a `Supervisor`: what each child was told last, and no processes."""

    def __init__(self) -> None:
        self.told: dict[str, object] = {}
        self.said: list[str] = []
        self.owners: dict[str, ChildOwner] = {}

    def start(self, name: str, kind: ProcessKind, owner: ChildOwner, *, stagger: bool = True) -> None:
        self.owners[name] = owner

    def stop(self, name: str) -> None:
        self.owners.pop(name, None)

    def restart(self, name: str) -> None: ...

    def is_running(self, name: str) -> bool:
        return name in self.owners

    def heartbeat(self, name: str) -> None:
        return None

    def next_start_ns(self, name: str) -> int:
        return 0

    def send(self, name: str, message: object, fds: Any = (), *, will_retry: bool = False) -> bool:
        self.told[name] = message
        self.said.append(name)
        return True


class Rig:
    def __init__(self) -> None:
        self.children = Children()
        self.published: list[tuple[str, dict[str, Any], int, Worth]] = []
        kinds = {kind.name: kind for kind in TABLE}
        topics = Topics("edged/v1", "box")
        self.device = Device(Identity("box", "7f3a9c0e"), self.children, kinds, self, topics)  # type: ignore[arg-type]
        self.clips = Clips(self.device, self, topics, finish_s=0.3)
        self.clips.start()

    def publish(self, topic: str, payload: bytes, qos: int, worth: Worth = Worth.RESULT) -> None:
        self.published.append((topic.removeprefix(f"{ROOT}/"), json.loads(payload), qos, worth))

    def retain(self, topic: str, payload: bytes, *, again: bool = False) -> None:
        self.status = json.loads(payload) if topic.endswith("source/gate/status") else None or self.status

    status: Any = None

    def plan(self, sources: Any = SOURCES, jobs: Any = JOBS) -> Plan:
        settings = {
            "device": "box",
            "recordings": {"path": "/r"},
            "spec": {"sources": sources, "jobs": jobs},
        }
        loaded = parse_settings(json.dumps(settings), file="edged.yaml", folder=Path("/etc"))
        return make_plan(loaded, Path("/etc"))

    def say(self, source: str, message: object) -> None:
        """As the capture of ``source``."""
        self.device.sources[source].on_packet("", Packet(CONTROL, wire.encode(message)))

    def die(self, source: str) -> None:
        death = ChildExit(f"capture:{source}", -9, None, False, (), wanted=True)
        page = make_page()
        heartbeat = Heartbeat(page)
        os.close(page)
        self.device.sources[source].on_exit(death, heartbeat)
        heartbeat.close()

    def wish(self, job: str = "people", source: str = "gate", event: str = "zone_enter") -> None:
        self.clips.wished(ClipWish(job, source, event, time.monotonic_ns(), time.time_ns()))

    async def asked(self, source: str) -> tuple[ClipRequest, ...]:
        """The requests in the newest specification of its capture."""
        await asyncio.sleep(0)
        told = self.children.told[f"capture:{source}"]
        assert isinstance(told, CaptureSpec)
        return told.clips

    def done(self, source: str, request: ClipRequest, **changes: Any) -> None:
        report = ClipReport(
            request.id, "", "", request.path, 1000, "ab" * 32, 1_795_615_500_123_000_000, 16.04, 6.2, "h264"
        )
        self.say(source, replace(report, **changes))

    @property
    def events(self) -> list[dict[str, Any]]:
        return [content for topic, content, _, _ in self.published if topic.endswith("/event")]


@contextlib.asynccontextmanager
async def rig(sources: Any = SOURCES, jobs: Any = JOBS) -> AsyncIterator[Rig]:
    made = Rig()
    made.device.apply(made.plan(sources, jobs))
    for source in made.device.sources:
        made.say(source, SourceReport(SourceState.RUNNING))
    yield made


async def failure(coroutine: Any) -> CommandFailed:
    with pytest.raises(CommandFailed) as caught:
        await coroutine
    return caught.value


def test_an_event_is_recorded_and_told_of_when_it_is_on_the_disk() -> None:
    async def scenario() -> None:
        async with rig() as box:
            box.wish()
            (request,) = await box.asked("gate")
            assert (request.before_s, request.after_s) == (4, 6)
            assert request.path.startswith("/r/gate/clips/20")
            assert request.path.endswith("Z-people-7f3a.mp4")
            assert await box.asked("gate") == (request,), "until its report comes"
            box.done("gate", request)
            assert await box.asked("gate") == ()
            ((topic, event, qos, worth),) = box.published
            assert (topic, qos, worth) == ("job/people/gate/event", 1, Worth.EVENT)
            assert (event["type"], event["boot"], len(event["id"])) == ("clip", "7f3a9c0e", 32)
            assert event["seq"] == 1, "numbered like all events of the job and source"
            assert event["data"] == {
                "file": request.path.removeprefix("/r/"),
                "sha256": "ab" * 32,
                "bytes": 1000,
                "start": "2026-11-25T14:05:00.123Z",
                "duration": 16.04,
                "before": 6.2,
                "codec": "h264",
                "events": 1,
                "first": "zone_enter",
            }
            assert box.clips.stats() == {"made": 1, "open": 0, "failed": {}}

    asyncio.run(scenario())


def test_more_events_make_it_longer_and_others_have_clips_of_their_own() -> None:
    async def scenario() -> None:
        jobs = {**JOBS, "more": JOBS["people"]}
        async with rig(jobs=jobs) as box:
            box.wish()
            (first,) = await box.asked("gate")
            before = len(box.children.said)
            await asyncio.sleep(0.01)
            for _ in range(20):
                box.wish()
            (longer,) = await box.asked("gate")
            assert (longer.id, longer.at_ns, longer.after_s) == (first.id, first.at_ns, 7)
            assert len(box.children.said) == before + 1, "a capture hears of many events once"
            box.wish("more")
            box.wish("people", "yard")
            box.wish("others")
            assert len(await box.asked("gate")) == 2
            assert len(await box.asked("yard")) == 1
            box.done("gate", longer)
            assert (box.events[0]["data"]["events"], box.events[0]["job"]) == (21, "people")
            box.wish()
            again = (await box.asked("gate"))[-1]
            assert again.id > longer.id

    asyncio.run(scenario())


def test_what_cannot_be_recorded_is_counted_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with rig() as box:
            for _ in range(3):
                box.wish()
                (request,) = await box.asked("gate")
                box.say("gate", ClipReport(request.id, "internal", "no space left on the disk"))
            assert box.clips.stats() == {"made": 0, "open": 0, "failed": {"internal": 3}}
            box.wish()
            (request,) = await box.asked("gate")
            box.done("gate", request)
            box.wish()
            box.die("gate")
            assert await box.asked("gate") == ()
            assert box.clips.stats()["failed"] == {"internal": 3, "interrupted": 1}
            box.clips.wished(ClipWish("people", "nowhere", "zone_enter", 0, 0))
            assert box.clips.stats()["failed"]["not_found"] == 1

    with caplog.at_level(logging.WARNING, "edged.recordings"):
        asyncio.run(scenario())
    said = [record.getMessage() for record in caplog.records if record.name == "edged.recordings"]
    assert [line.rpartition(": ")[2] for line in said] == [
        "no space left on the disk",
        "the capture was killed by SIGKILL meanwhile; what was written by then is kept",
        "there is no source nowhere any more",
    ]


def test_a_clip_of_a_capture_before_is_told_of_once() -> None:
    async def scenario() -> None:
        async with rig() as box:
            box.wish()
            (request,) = await box.asked("gate")
            box.wish()
            (longer,) = await box.asked("gate")
            assert request.cause is not None
            assert longer.cause == replace(request.cause, events=2)
            box.die("gate")
            assert box.events == []
            left = replace(longer, id=0)
            for _ in range(2):
                box.device.sources["gate"].on_start("")
                box.done("gate", left, cause=left.cause, cut=True)
                box.die("gate")
            (event,) = box.events
            assert (event["id"], event["boot"], event["job"]) == (request.cause.id, "7f3a9c0e", "people")
            assert (event["data"]["cut"], event["data"]["events"]) == (True, 2)
            assert box.clips.stats()["made"] == 1
            before = replace(request.cause, id="1f" * 16, boot="0000aaaa", job="gone")
            box.done("yard", left, cause=before, cut=True)
            assert (box.events[-1]["job"], box.events[-1]["boot"]) == ("gone", "0000aaaa"), (
                "of a daemon before"
            )
            assert box.published[-1][0] == "job/gone/yard/event"
            assert "seq" not in box.events[-1], "the numbers of that boot have ended"
            box.say("yard", ClipReport(0, "internal", "the disk is full", cause=before))
            assert "internal" not in box.clips.stats()["failed"]

    asyncio.run(scenario())


def test_an_event_whose_capture_says_nothing_is_given_up() -> None:
    async def scenario() -> None:
        jobs = {"people": {"algorithm": "motion", "record": {"on": ["zone_enter"], "before": 1, "after": 0}}}
        async with rig(jobs=jobs) as box:
            box.wish()
            assert len(await box.asked("gate")) == 1
            box.clips.tick()
            assert len(await box.asked("gate")) == 1
            async with asyncio.timeout(10):
                while box.clips.stats()["open"]:
                    box.clips.tick()
                    await asyncio.sleep(0.02)
            assert await box.asked("gate") == ()
            assert box.clips.stats()["failed"] == {"timeout": 1}

    asyncio.run(scenario())


def test_somebody_asks_for_a_clip() -> None:
    async def scenario() -> None:
        async with rig() as box:
            asking = asyncio.create_task(box.clips.record("yard", 3, 2))
            await asyncio.sleep(0)
            (request,) = await box.asked("yard")
            assert (request.before_s, request.after_s) == (3, 2)
            assert request.path.endswith("Z-command-7f3a.mp4")
            box.done("gate", request)  # another's word does not count
            assert not asking.done()
            assert len(await box.asked("yard")) == 1
            box.done("yard", request)
            answer = await asking
            assert (answer["file"], answer["path"]) == (request.path.removeprefix("/r/"), request.path)
            assert (answer["sha256"], answer["duration"], answer["codec"]) == ("ab" * 32, 16.04, "h264")
            assert await box.asked("yard") == ()
            assert box.events == []

    asyncio.run(scenario())


def test_why_there_is_no_clip() -> None:
    async def scenario() -> None:
        async with rig({**SOURCES, "off": {"url": "rtsp://127.0.0.1/off", "enabled": False}}) as box:
            assert (await failure(box.clips.record("gat", 1, 1))).code == "not_found"
            assert (await failure(box.clips.record("off", 1, 1))).code == "source_failed"
            late = await failure(box.clips.record("gate", 1, 0))
            assert late.code == "timeout"
            assert await box.asked("gate") == (), "given up"
            asking = asyncio.create_task(box.clips.record("gate", 1, 1))
            await asyncio.sleep(0)
            box.die("gate")
            assert (await failure(asking)).code == "interrupted"
            box.say("gate", SourceReport(SourceState.RETRYING, "connection refused"))
            gone = await failure(box.clips.record("gate", 1, 0))
            assert (gone.code, "connection refused" in str(gone)) == ("source_failed", True)
            box.say("gate", SourceReport(SourceState.RUNNING))
            many = [asyncio.create_task(box.clips.record("gate", 1, 9)) for _ in range(MOST_OF_SOURCE)]
            await asyncio.sleep(0)
            requests = await box.asked("gate")
            assert len({request.path for request in requests}) == MOST_OF_SOURCE, "each its own file"
            assert (await failure(box.clips.record("gate", 1, 9))).code == "busy"
            for request in requests:
                box.say("gate", ClipReport(request.id, "source_failed", "MJPEG does not go into a file"))
            failed = [await failure(task) for task in many]
            assert {(each.code, str(each)) for each in failed} == {
                ("source_failed", "gate: MJPEG does not go into a file")
            }

    asyncio.run(scenario())


def test_a_masked_source_is_never_recorded() -> None:
    masks = {"wall": [[0, 0], [1, 0], [1, 1]]}

    async def scenario() -> None:
        async with rig() as box:
            jobs = {"people": {**JOBS["people"], "sources": ["yard"]}}
            box.device.apply(box.plan({**SOURCES, "gate": {**SOURCES["gate"], "masks": masks}}, jobs))
            refused = await failure(box.clips.record("gate", 1, 1))
            assert (refused.code, "take them out" in str(refused)) == ("not_allowed", True)
            box.wish("people", "gate")  # its worker has not heard of the masks yet
            assert await box.asked("gate") == ()
            assert box.clips.stats()["failed"] == {"not_allowed": 1}

    asyncio.run(scenario())


def test_whoever_gives_up_leaves_no_request_behind() -> None:
    async def scenario() -> None:
        async with rig() as box:
            asking = asyncio.create_task(box.clips.record("gate", 1, 100))
            await asyncio.sleep(0)
            assert len(await box.asked("gate")) == 1
            asking.cancel()
            await asyncio.wait({asking})
            assert await box.asked("gate") == ()
            assert box.clips.stats()["open"] == 0

    asyncio.run(scenario())


def test_a_replaced_capture_is_asked_for_what_is_still_wanted() -> None:
    async def scenario() -> None:
        async with rig() as box:
            box.wish()
            box.wish("people", "yard")
            (request,) = await box.asked("yard")
            box.die("gate")
            box.device.sources["gate"].on_start("")
            assert await box.asked("gate") == ()
            box.device.sources["yard"].on_start("")
            assert await box.asked("yard") == (request,)

    asyncio.run(scenario())


def test_a_source_tells_how_its_recording_is() -> None:
    async def scenario() -> None:
        async with rig() as box:
            assert "recording" not in box.status
            box.device.apply(box.plan({**SOURCES, "gate": {**SOURCES["gate"], "record": {}}}))
            box.say("gate", RecorderReport("the disk is full"))
            assert box.status["recording"] == {"state": "error", "error": "the disk is full"}
            box.say("gate", RecorderReport())
            assert box.status["recording"] == {"state": "on"}
            assert box.status["state"] == "running"

    asyncio.run(scenario())
