"""Snapshots of real captures by real workers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edged.control.commands.request import CommandFailed
from edged.control.onlookers import WORKER
from edged.control.snapshots import MOST_AT_ONCE, Snapshots
from edged.mqtt.topics import Topics
from tests.integration.device_rig import Rig, rig

GRAY = {"url": "pattern://color?color=gray&size=320x240&rate=20"}
FRAMING = {"algorithm": "framing", "sampling": {"interval": 0.1}}
TOPIC = "source/gate/snapshot"


@asynccontextmanager
async def snapshots_of(box: Rig, **seconds: float) -> AsyncIterator[Snapshots]:
    made = Snapshots(box.device, box.publisher, Topics("edged/v1", "box"), **seconds)
    made.start()
    try:
        yield made
    finally:
        await made.stop()


def newest(box: Rig, said: Mapping[str, Any]) -> NDArray[np.uint8]:
    """The picture that was published last, which is the one that the answer tells of."""
    jpeg = box.publisher.said[TOPIC][-1]
    assert said["topic"] == f"edged/v1/box/{TOPIC}"
    assert said["bytes"] == len(jpeg)
    picture = np.asarray(cv2.imdecode(np.frombuffer(jpeg, dtype=np.uint8), cv2.IMREAD_COLOR), dtype=np.uint8)
    assert picture.shape == (said["height"], said["width"], 3)
    return picture


def box_is_drawn(picture: NDArray[np.uint8]) -> bool:
    """Around the middle, on a picture that is gray all over."""
    height, width = picture.shape[:2]
    values = picture.astype(int)
    assert np.abs(values[height // 2, width // 2] - 128).max() < 12, "the middle is as the camera saw it"
    edge = np.abs(values[height * 5 // 8, width // 4 - 3 : width // 4 + 4] - values[height // 2, width // 2])
    return bool(edge.max() > 60)


async def refused(taking: Any) -> CommandFailed:
    with pytest.raises(CommandFailed) as failed:
        await taking
    return failed.value


async def the_onlookers_worker(box: Rig) -> int:
    """Its process, as soon as there is one."""
    async with asyncio.timeout(10):
        while f"worker:{WORKER}" not in box.supervisor.pids():
            await asyncio.sleep(0.01)
    return box.supervisor.pids()[f"worker:{WORKER}"]


def test_a_picture_has_the_boxes_of_the_job_that_is_named_or_runs_often() -> None:
    async def scenario() -> None:
        async with rig() as box, snapshots_of(box) as snapshots:
            box.apply({"gate": GRAY}, {"framing": FRAMING})
            await box.results("framing", "gate")
            await box.state("job/framing", "running")
            full = await snapshots.take("gate", "framing")
            assert (full["job"], full["width"], full["height"]) == ("framing", 320, 240)
            assert box_is_drawn(newest(box, full))
            small = await snapshots.take("gate", max_width=160, quality=60)
            assert (small["job"], small["width"], small["height"]) == ("framing", 160, 120)
            assert box_is_drawn(newest(box, small))
            assert small["bytes"] < full["bytes"]
            assert f"worker:{WORKER}" not in box.supervisor.pids()
            wider = await snapshots.take("gate", "framing", max_width=4000)
            assert wider["width"] == 320

    asyncio.run(scenario())


def test_without_a_job_that_runs_often_it_is_the_frame_alone_and_others_are_not_disturbed() -> None:
    async def scenario() -> None:
        async with rig() as box, snapshots_of(box) as snapshots:
            seldom = {"algorithm": "framing", "sampling": {"interval": 3600}}
            box.apply(
                {"gate": GRAY, "yard": GRAY},
                {"seldom": seldom, "ticks": {"algorithm": "ticks", "sources": ["yard"]}},
            )
            await box.results("seldom", "gate")
            said = await snapshots.take("gate")
            assert "job" not in said
            assert not box_is_drawn(newest(box, said))
            await snapshots.take("yard", "ticks")
            assert len(box.publisher.said[TOPIC]) == 1
            assert box.count("job/seldom/gate/result") == 1, "its turn was not used up, nor given twice"
            assert not [topic for topic in box.publisher.said if WORKER in topic]

    asyncio.run(scenario())


def test_a_source_without_jobs_has_a_picture_without_what_is_masked() -> None:
    async def scenario() -> None:
        async with rig() as box, snapshots_of(box) as snapshots:
            mask = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
            box.apply({"gate": {**GRAY, "masks": {"neighbour": mask}}}, {})
            await box.state("source/gate", "running")
            picture = newest(box, await snapshots.take("gate"))
            assert picture[:, :156].max() < 12
            assert picture[:, 164:].min() > 100

    asyncio.run(scenario())


def test_a_source_without_jobs_has_its_zones_and_lines_drawn() -> None:
    async def scenario() -> None:
        async with rig() as box, snapshots_of(box) as snapshots:
            zone = [[0.25, 0.25], [0.75, 0.25], [0.75, 0.75], [0.25, 0.75]]
            box.apply({"gate": {**GRAY, "zones": {"door": zone}}}, {})
            await box.state("source/gate", "running")
            picture = newest(box, await snapshots.take("gate"))
            assert box_is_drawn(picture)

    asyncio.run(scenario())


def test_the_same_wish_at_once_is_one_picture_and_too_many_others_are_refused() -> None:
    async def scenario() -> None:
        async with rig() as box, snapshots_of(box) as snapshots:
            box.apply({"gate": GRAY}, {})
            await box.state("source/gate", "running")
            wishes = [snapshots.take("gate", max_width=width) for width in (40, 40, 50, 60, 70)]
            taking = [asyncio.ensure_future(wish) for wish in wishes]
            await asyncio.sleep(0)
            assert (await refused(snapshots.take("gate", max_width=80))).code == "busy"
            said = await asyncio.gather(*taking)
            assert [answer["width"] for answer in said] == [40, 40, 50, 60, 70]
            assert said[0] == said[1]
            assert len(box.publisher.said[TOPIC]) == MOST_AT_ONCE
            await snapshots.take("gate", max_width=80)

    asyncio.run(scenario())


def test_what_cannot_be_had_is_told_with_its_reason(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig() as box, snapshots_of(box, deadline_s=0.5) as snapshots:
            away = {"url": f"file://{tmp_path}/nothing.mp4"}
            seldom = {"algorithm": "framing", "sources": ["gate"], "sampling": {"interval": 3600}}
            paused = {**seldom, "enabled": False}
            wrong = {"algorithm": "trouble", "params": {"what": "init-raise"}, "sources": ["gate"]}
            box.apply(
                {"gate": GRAY, "away": away, "off": {**GRAY, "enabled": False}},
                {"seldom": seldom, "paused": paused, "wrong": wrong},
            )
            await box.results("seldom", "gate")
            await box.state("job/wrong", "failed")
            away_as = await refused(snapshots.take("away"))
            assert (away_as.code, "nothing.mp4" in str(away_as)) == ("source_failed", True)
            off = await refused(snapshots.take("off"))
            assert (off.code, str(off)) == ("source_failed", "off is paused: resume it first")
            unknown = await refused(snapshots.take("gat"))
            assert (unknown.code, 'did you mean "gate"?' in str(unknown)) == ("not_found", True)
            unknown = await refused(snapshots.take("gate", "seldon"))
            assert (unknown.code, 'did you mean "seldom"?' in str(unknown)) == ("not_found", True)
            elsewhere = await refused(snapshots.take("off", "seldom"))
            assert elsewhere.code == "source_failed"
            assert (await refused(snapshots.take("gate", "paused"))).code == "conflict"
            failed = await refused(snapshots.take("gate", "wrong"))
            assert (failed.code, "the door is ajar" in str(failed)) == ("algorithm_failed", True)
            late = await refused(snapshots.take("gate", "seldom"))
            assert (late.code, "every 3600 s" in str(late)) == ("timeout", True)
            assert TOPIC not in box.publisher.said

    asyncio.run(scenario())


def test_a_worker_that_dies_meanwhile_is_the_answer_and_the_next_one_takes_the_next(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with rig() as box, snapshots_of(box) as snapshots:
            hold = tmp_path / "hold"
            job = {**FRAMING, "params": {"hold": str(hold)}, "sources": ["gate"]}
            box.apply({"gate": GRAY, "yard": GRAY}, {"framing": job})
            await box.results("framing", "gate")
            await box.state("job/framing", "running")
            hold.touch()
            held = asyncio.ensure_future(snapshots.take("gate", "framing"))
            await asyncio.sleep(0)
            os.kill(box.supervisor.pids()["worker:main"], signal.SIGKILL)
            assert (await refused(held)).code == "interrupted"
            hold.unlink()
            said = await snapshots.take("gate", "framing")
            assert box_is_drawn(newest(box, said))

            alone = asyncio.ensure_future(snapshots.take("yard"))
            os.kill(await the_onlookers_worker(box), signal.SIGKILL)
            assert (await refused(alone)).code == "interrupted"
            await snapshots.take("yard")

    asyncio.run(scenario())


def test_a_job_that_nobody_named_and_that_does_not_get_on_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        async with rig() as box, snapshots_of(box) as snapshots:
            hold = tmp_path / "hold"
            box.apply({"gate": GRAY}, {"framing": {**FRAMING, "params": {"hold": str(hold)}}})
            await box.results("framing", "gate")
            await box.state("job/framing", "running")
            hold.touch()
            said = await snapshots.take("gate")
            assert "job" not in said
            assert not box_is_drawn(newest(box, said))
            hold.unlink()
            await box.results("framing", "gate", 2)

    monkeypatch.setattr("edged.control.snapshots._CHOSEN_S", 0.3)
    asyncio.run(scenario())


def test_whoever_waits_when_the_daemon_stops_is_told() -> None:
    async def scenario() -> None:
        async with rig() as box, snapshots_of(box) as snapshots:
            box.apply({"gate": GRAY}, {})
            await box.state("source/gate", "running")
            waiting = asyncio.ensure_future(snapshots.take("gate"))
            await asyncio.sleep(0)
            await snapshots.stop()
            assert (await refused(waiting)).code == "interrupted"

    asyncio.run(scenario())


def test_the_process_for_pictures_ends_when_nobody_asks_any_more() -> None:
    async def scenario() -> None:
        async with rig() as box, snapshots_of(box, keep_s=0.2) as snapshots:
            box.apply({"gate": GRAY}, {})
            await box.state("source/gate", "running")
            await snapshots.take("gate")
            await snapshots.take("gate")
            async with asyncio.timeout(10):
                while f"worker:{WORKER}" in box.supervisor.pids():
                    await asyncio.sleep(0.01)
            assert box.device.sources["gate"].spec.demand.nothing

    asyncio.run(scenario())
