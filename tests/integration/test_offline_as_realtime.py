"""Offline analysis finds what a worker finds in realtime, at the same times of the same video."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edged.model.messages import JobSpec, Library, LinkSpec, MotionGate, WorkerSpec
from edged.model.output import OutputKind
from edged.model.sampling import Sampling
from edged.model.scene import Scene
from edged.offline.engine.engine import Engine, Result, Setup
from edged.offline.reading.footage import Video
from edged.offline.reading.reader import Look, Reader
from tests.footage import cut
from tests.integration.offline_rig import as_in_realtime, own_threads
from tests.integration.worker_rig import Camera, Rig, worker

pytestmark = pytest.mark.assets

SOURCE = "hall"
SCENE = Scene(
    zones={"left": ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))},
    lines={"across": ((0.0, 0.6), (1.0, 0.6))},
)
DETECTOR = LinkSpec("detector", {"model": "yolox_nano_416.onnx", "score": 0.3})
LAST = "every"
"""The job whose turn comes after that of all others at the same frame."""
JOBS = (
    JobSpec(
        "people",
        (SOURCE,),
        (DETECTOR, LinkSpec("tracker"), LinkSpec("zones", {"dwell": 1})),
        Sampling(interval_us=200_000),
    ),
    JobSpec("changes", (SOURCE,), (DETECTOR,), Sampling(interval_us=500_000), publish_when="change"),
    JobSpec(
        "moving", (SOURCE,), (LinkSpec("motion"),), Sampling(interval_us=100_000),
        gate=MotionGate(every_s=3, hold_s=0.5),
    ),
    JobSpec(LAST, (SOURCE,), (LinkSpec("motion"),), Sampling(interval_us=0)),
)  # fmt: skip


def looks(video: Path) -> Iterator[Look]:
    with closing(Video(video)) as opened:
        yield from Reader(opened, [], every_frame=True).looks()


def in_realtime(rig: Rig, video: Path) -> None:
    """Every frame goes over a real frame track, one after the other, so that none is missed."""
    rig.revision += 1
    library = Library((str(rig.folder),), rig.models)
    spec = WorkerSpec(rig.revision, "boot-1", "device-1", JOBS, library, scenes={SOURCE: SCENE})
    assert rig.channel.send(spec, wait_s=5)
    rig.until(lambda: all(rig.states(job.name)[-1:] == ["running"] for job in JOBS), within_s=60)
    camera = Camera(SOURCE, slots=8)
    for look in looks(video):
        if camera.writer is None:
            camera.format = look.header.format
            camera.offer(rig.channel)
        write(camera, look)
        rig.until(lambda index=look.header.index: rig.frames(LAST)[-1:] == [index], within_s=30)
    camera.close()


def write(camera: Camera, look: Look) -> None:
    assert camera.writer is not None
    assert look.frame is not None
    pixels = look.frame.pixels
    assert camera.writer.write(look.header, lambda into: np.copyto(into, pixels))


def as_said(event: dict[str, Any], last: Result) -> dict[str, Any]:
    """Offline the ends of a video are told on the frame that was looked at last; by a worker on none."""
    if event.get("data", {}).get("reason") != "ended":
        return event
    assert event["frame"]["index"] == last.index
    return {key: value for key, value in event.items() if key != "frame"}


def bodies(payloads: list[bytes]) -> list[dict[str, Any]]:
    return [as_in_realtime(json.loads(payload)) for payload in payloads]


def test_results_and_events_are_those_of_a_worker(assets: Path, tmp_path: Path) -> None:
    video = cut(assets / "one-by-one-person-detection.mp4", tmp_path / "hall.mp4", 0, 25)
    with worker(tmp_path, models=(str(assets),)) as rig:
        in_realtime(rig, video)
    live = {
        (kind, job.name): bodies([output.payload for output in rig.of(kind, job.name)])
        for kind in (OutputKind.RESULT, OutputKind.EVENT)
        for job in JOBS
    }  # with what it said when it was told to stop: then it ends what is open
    setup = Setup(JOBS, Library((str(tmp_path),), (str(assets),)), SCENE, "device-1", SOURCE)
    with Engine(setup, threads=3) as engine:
        results = list(engine.results(video, source=SOURCE))
    for job in JOBS:
        own = [result for result in results if result.job == job.name]
        found = bodies([result.to_json() for result in own if result.wanted])
        events = bodies([event.to_json() for result in own for event in result.events])
        assert found == live[OutputKind.RESULT, job.name]
        assert [as_said(event, own[-1]) for event in events] == live[OutputKind.EVENT, job.name]
        assert found, job.name
    people = [result for result in results if result.job == "people"]
    assert {event.type for result in people for event in result.events} >= {"object_start", "zone_enter"}
    assert [event.type for event in people[-1].events] == ["object_end"]
    assert people[-1].events[0].fields["data"]["reason"] == "ended"
    assert (people[-1].wanted, people[-1].detections) == (False, ())
    assert people[-1].counts == people[-2].counts
    assert people[-1].counts["lines"]
    assert not own_threads()
