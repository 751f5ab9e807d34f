"""Live pictures of real sources: nothing while nobody looks, and what viewers see when somebody does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import pairwise
from typing import Any

import av
import av.error
import cv2
import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from edged.model.live import READER
from tests.integration.device_rig import Rig, rig

WIDE = {"url": "pattern://testsrc2?size=320x240&rate=20"}
TICKS = {"algorithm": "ticks", "sampling": {"interval": 0.5}}
FRAMING = {"algorithm": "framing", "sampling": {"interval": 0.2}}
SERVED = {"gate": {"source": "cam"}, "web": {"source": "cam", "to": "mjpeg"}}
WITHIN_S = 30.0


def newest(box: Rig, output: str) -> dict[str, Any]:
    return (box.all(f"output/{output}/status") or [None])[-1] or {}


async def url(box: Rig, output: str) -> str:
    await box.until(lambda: bool(newest(box, output).get("url")), WITHIN_S)
    return str(newest(box, output)["url"])


def pictures(address: str) -> Iterator[NDArray[np.uint8]]:
    """BGR, as a player sees them."""
    with av.open(address, options={"rtsp_transport": "tcp"}, timeout=(15.0, 15.0)) as container:
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="bgr24"), dtype=np.uint8)


def look(address: str, count: int) -> list[NDArray[np.uint8]]:
    player = pictures(address)
    try:
        return [picture for _, picture in zip(range(count), player, strict=False)]
    finally:
        player.close()  # type: ignore[attr-defined]


def one_jpeg(address: str) -> NDArray[np.uint8]:
    with urllib.request.urlopen(f"{address}.jpg", timeout=15) as answer:
        data = np.frombuffer(answer.read(), dtype=np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)


def readers(box: Rig) -> set[str]:
    track = box.device.sources["cam"].desk.track
    return set(track.wakes) if track is not None else set()


def copied(box: Rig) -> int:
    return box.device.sources["cam"].counters().copied


async def eventually(holds: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.02)


def check_no_gap(results: list[dict[str, Any]]) -> None:
    assert all(other["seq"] == one["seq"] + 1 for one, other in pairwise(results))
    assert all(result["data"]["runs"] == result["seq"] for result in results), "the same algorithm"


@contextlib.asynccontextmanager
async def showing(
    outputs: dict[str, Any], jobs: dict[str, Any] | None = None, source: dict[str, Any] | None = None
) -> AsyncIterator[Rig]:
    async with rig() as box:
        box.apply({"cam": source or WIDE}, {"t": TICKS} if jobs is None else jobs, outputs)
        yield box


def test_frames_flow_only_while_somebody_looks() -> None:
    async def scenario() -> None:
        async with showing(SERVED) as box:
            address = await url(box, "gate")
            await box.results("t", "cam", 3)
            assert readers(box) == {"main"}
            before, runs = copied(box), box.count("job/t/cam/result")
            await box.results("t", "cam", 4)
            assert copied(box) - before <= box.count("job/t/cam/result") - runs + 1, "only what the job needs"
            assert newest(box, "gate")["state"] == "idle"
            seen = await asyncio.to_thread(look, address, 20)
            assert len(seen) == 20
            assert readers(box) == {"main", READER}
            await eventually(lambda: readers(box) == {"main"})
            await box.until(lambda: newest(box, "gate")["state"] == "idle", WITHIN_S)
            states = [status["state"] for status in box.all("output/gate/status")]
            assert states.index("live") > states.index("idle")
            check_no_gap(box.all("job/t/cam/result"))

    asyncio.run(scenario())


def test_an_output_of_a_source_without_jobs_makes_it_decode_only_while_it_is_watched() -> None:
    async def scenario() -> None:
        async with showing({"web": SERVED["web"]}, jobs={}) as box:
            address = await url(box, "web")
            assert readers(box) == set()
            picture = await asyncio.to_thread(one_jpeg, address)
            assert picture.shape == (240, 320, 3)
            await eventually(lambda: readers(box) == set())

    asyncio.run(scenario())


def test_boxes_of_the_jobs_that_are_named_are_drawn() -> None:
    outputs = {
        "drawn": {"source": "cam", "to": "mjpeg"},
        "plain": {"source": "cam", "to": "mjpeg", "draw": []},
        "other": {"source": "cam", "to": "mjpeg", "draw": ["t"]},
    }

    async def scenario() -> None:
        source = {"url": "pattern://color?color=black&size=320x240&rate=20"}
        async with showing(outputs, {"f": FRAMING, "t": TICKS}, source) as box:
            await box.results("f", "cam")
            addresses = {name: await url(box, name) for name in outputs}

            def edge(name: str) -> int:
                """How bright the left edge of the box in the middle is."""
                return int(one_jpeg(addresses[name])[100:140, 76:84].max())

            async with asyncio.timeout(WITHIN_S):
                while await asyncio.to_thread(edge, "drawn") < 80:
                    await asyncio.sleep(0.1)
            assert await asyncio.to_thread(edge, "plain") < 20

    asyncio.run(scenario())


def test_the_first_picture_shows_what_was_found_before_anybody_looked() -> None:
    job = {**FRAMING, "sampling": {"interval": 10}}
    source = {"url": "pattern://color?color=black&size=320x240&rate=20"}

    async def scenario() -> None:
        async with showing({"web": SERVED["web"]}, {"f": job}, source) as box:
            await box.results("f", "cam")
            picture = await asyncio.to_thread(one_jpeg, await url(box, "web"))
            assert picture[100:140, 76:84].max() > 60, "the left edge of the box in the middle"
            assert box.count("job/f/cam/result") == 1

    asyncio.run(scenario())


def test_masks_are_black_in_what_viewers_see() -> None:
    masked = {
        "url": "pattern://color?color=white&size=320x240&rate=20",
        "masks": {"m": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]},
    }

    async def scenario() -> None:
        async with showing(SERVED, {"f": FRAMING}, masked) as box:
            gate, web = await url(box, "gate"), await url(box, "web")
            await box.results("f", "cam")
            seen = [*await asyncio.to_thread(look, gate, 15), await asyncio.to_thread(one_jpeg, web)]
            for picture in seen:
                assert picture[:, :150].max() < 40, "nothing shows, and nothing is drawn there"
                assert picture[:, 170:].mean() > 150

    asyncio.run(scenario())


def test_two_outputs_of_one_source_and_a_change_of_one_leaves_the_other() -> None:
    async def scenario() -> None:
        outputs = {"gate": {"source": "cam"}, "small": {"source": "cam", "size": [160, 160], "fps": 5}}
        async with showing(outputs) as box:
            gate, small = await url(box, "gate"), await url(box, "small")
            player = await asyncio.to_thread(pictures, gate)
            assert (await asyncio.to_thread(next, player)).shape == (240, 320, 3)
            (picture, *_) = await asyncio.to_thread(look, small, 3)
            assert picture.shape == (120, 160, 3)
            changed = {**outputs, "small": {"source": "cam", "size": [80, 80]}}
            box.apply({"cam": WIDE}, {"t": TICKS}, changed, afresh=False)
            for _ in range(30):
                assert (await asyncio.to_thread(next, player)).shape == (240, 320, 3)
            (picture, *_) = await asyncio.to_thread(look, small, 3)
            assert picture.shape == (60, 80, 3)
            box.apply({"cam": WIDE}, {"t": TICKS}, {"gate": outputs["gate"]}, afresh=False)
            for _ in range(10):
                await asyncio.to_thread(next, player)
            assert box.all("output/small/status")[-1] is None, "the broker keeps no status of what is gone"
            with pytest.raises(av.error.HTTPNotFoundError):
                await asyncio.to_thread(look, small, 1)
            player.close()  # type: ignore[attr-defined]
            check_no_gap(box.all("job/t/cam/result"))

    asyncio.run(scenario())


def test_killed_while_somebody_looks_viewers_come_back_and_jobs_notice_nothing() -> None:
    async def scenario() -> None:
        async with showing(SERVED) as box:
            gate = await url(box, "gate")
            player = await asyncio.to_thread(pictures, gate)
            await asyncio.to_thread(next, player)
            await box.results("t", "cam", 2)
            pid = box.supervisor.pids()["live"]
            os.kill(pid, signal.SIGKILL)
            await eventually(lambda: box.supervisor.pids().get("live", pid) != pid)
            with contextlib.suppress(StopIteration, av.error.FFmpegError):
                await asyncio.to_thread(lambda: list(player))
            await box.until(lambda: newest(box, "gate").get("url") not in ("", None, gate), WITHIN_S)
            assert len(await asyncio.to_thread(look, await url(box, "gate"), 10)) == 10
            await box.results("t", "cam", 2)
            check_no_gap(box.all("job/t/cam/result"))

    asyncio.run(scenario())


def test_no_outputs_no_process_and_the_last_one_takes_it_along() -> None:
    async def scenario() -> None:
        async with showing({}) as box:
            await box.results("t", "cam")
            assert "live" not in box.supervisor.started
            box.apply({"cam": WIDE}, {"t": TICKS}, SERVED)
            await url(box, "web")
            box.apply({"cam": WIDE}, {"t": TICKS}, {})
            await eventually(lambda: "live" not in box.supervisor.pids())

    asyncio.run(scenario())


def test_a_source_that_stops_sends_players_away() -> None:
    """They try again by themselves; who waited for ever would never know."""

    async def scenario() -> None:
        async with showing({"gate": SERVED["gate"]}) as box:
            gate = await url(box, "gate")
            player = await asyncio.to_thread(pictures, gate)
            await asyncio.to_thread(next, player)
            box.apply(
                {"cam": {**WIDE, "enabled": False}}, {"t": TICKS}, {"gate": SERVED["gate"]}, afresh=False
            )
            since = box.count("output/gate/status")

            def is_told() -> bool:
                later = box.all("output/gate/status", since)
                return any("cam sends no pictures now" in one.get("error", "") for one in later)

            await box.until(is_told, WITHIN_S)
            async with asyncio.timeout(WITHIN_S):
                with contextlib.suppress(av.error.FFmpegError):
                    await asyncio.to_thread(lambda: list(player))
            box.apply({"cam": WIDE}, {"t": TICKS}, {"gate": SERVED["gate"]}, afresh=False)
            async with asyncio.timeout(WITHIN_S):
                while True:
                    with contextlib.suppress(av.error.FFmpegError):
                        assert len(await asyncio.to_thread(look, gate, 5)) == 5
                        break

    asyncio.run(scenario())


def test_a_port_that_is_taken_is_told_and_taken_when_it_is_free() -> None:
    async def scenario() -> None:
        async with showing({"web": SERVED["web"]}) as box, rig() as other:
            port = int((await url(box, "web")).rsplit(":", 1)[1].split("/")[0])
            plan = other.plan({"cam": WIDE}, {}, {"web": SERVED["web"]}, http_port=port)
            other.device.apply(plan)
            await other.until(lambda: newest(other, "web").get("state") == "retrying", WITHIN_S)
            assert "live.http_port" in newest(other, "web")["error"]
            box.apply({"cam": WIDE}, {}, {})
            assert (await url(other, "web")).endswith(f":{port}/web")
            await other.until(lambda: newest(other, "web").get("state") == "idle", WITHIN_S)

    asyncio.run(scenario())


def test_the_process_sleeps_while_nobody_looks() -> None:
    async def scenario() -> None:
        async with showing(SERVED) as box:
            await url(box, "gate")
            live = psutil.Process(box.supervisor.pids()["live"])
            await box.results("t", "cam", 2)
            before = sum(live.cpu_times()[:2])
            await box.results("t", "cam", 10)
            assert sum(live.cpu_times()[:2]) - before < 0.1, "in 5 s"

    asyncio.run(scenario())


@pytest.mark.parametrize("when", ["never", "change", "events"])
def test_what_a_job_does_not_publish_is_drawn_all_the_same(when: str) -> None:
    async def scenario() -> None:
        source = {"url": "pattern://color?color=black&size=320x240&rate=20"}
        job = {**FRAMING, "publish": {"when": when}}
        async with showing({"web": SERVED["web"]}, {"f": job}, source) as box:
            address = await url(box, "web")
            async with asyncio.timeout(WITHIN_S):
                while (await asyncio.to_thread(one_jpeg, address))[100:140, 76:84].max() < 80:
                    await asyncio.sleep(0.1)
            assert box.count("job/f/cam/result") <= (when == "change")
            await eventually(lambda: readers(box) == {"main"})

    asyncio.run(scenario())
