"""Recordings and clips with the whole daemon: kept within bounds, listed, told of, refused behind masks."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from edged.model.clock import rfc3339
from edged.model.recordings import CLIPS, clip_name
from tests.integration.clips import Clip, make_clip
from tests.servers.daemon import ALGORITHMS, DEVICE, PATTERN, Daemon, Subscriber
from tests.servers.fleet import Fleet
from tests.servers.mosquitto import Mosquitto
from tests.servers.rtsp import Camera, RtspServer

MASKS = {"wall": [[0, 0], [1, 0], [1, 1]]}
BURSTS = {"algorithm": "bursts", "params": {"per_run": 1}, "sampling": {"interval": 2}}
DAY_S = 86_400


def put(folder: Path, source: str, days: float, *, job: str = "", size: int = 10) -> Path:
    """A recording of so many days ago."""
    start_ns = time.time_ns() - round(days * DAY_S * 1e9)
    day, _, clock = rfc3339(start_ns).partition("T")
    if job:
        path = folder / source / CLIPS / clip_name(start_ns, job, "7f3a")
    else:
        path = folder / source / day / f"{clock.replace(':', '-')}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as opened:
        opened.truncate(size)
    return path


def gone(path: Path, within_s: float = 60.0) -> bool:
    """Whether it was deleted, or got another name, in time."""
    until_s = time.monotonic() + within_s
    while path.exists() and time.monotonic() < until_s:
        time.sleep(0.1)
    return not path.exists()


def is_running(status: dict[str, Any]) -> bool:
    return bool(status["state"] == "running")


@contextlib.contextmanager
def box(
    folder: Path, broker: Mosquitto, spec: dict[str, Any], **settings: Any
) -> Iterator[tuple[Fleet, Daemon]]:
    given = {"algorithms": [ALGORITHMS], "recordings": {"path": str(folder / "disk")}, **settings}
    with (
        Subscriber(broker.port) as ears,
        Daemon(folder / "box", broker.port, spec, **given) as daemon,
        Fleet(broker.port, ears) as fleet,
    ):
        for name in spec["sources"]:
            ears.until(f"source/{name}/status", is_running, within_s=30)
        yield fleet, daemon


def test_what_there_is_is_kept_within_bounds_and_listed(tmp_path: Path, broker: Mosquitto) -> None:
    disk = tmp_path / "disk"
    clip, new = put(disk, "yard", 6, job="people", size=4_000_000), put(disk, "gate", 0.1, size=4_000_000)
    old, of_removed = put(disk, "gate", 8), put(disk, "removed", 40)
    large = put(disk, "yard", 2, size=4_000_000)
    spec = {"sources": {"gate": {"url": PATTERN}}, "jobs": {}}
    settings = {"recordings": {"path": str(disk), "max_mb": 10, "max_days": 7}}
    with box(tmp_path, broker, spec, **settings) as (fleet, daemon):
        assert all(gone(path) for path in (old, of_removed, large))
        answer = fleet.command("get", what="recordings")
        assert answer["data"]["folder"] == str(disk)
        files = [(each["file"], each["kind"]) for each in answer["data"]["recordings"]]
        assert files == [
            (str(new.relative_to(disk)), "segment"),
            (str(clip.relative_to(disk)), "clip"),
        ]
        stats = fleet.command("get", what="stats")["data"]["health"]["recordings"]
        assert (stats["files"], stats["bytes"], stats["deleted"]) == (2, 8_000_000, {"age": 2, "device": 1})
        command = [sys.executable, "-m", "edged", "ctl", DEVICE, "get", "what=recordings"]
        url = f"mqtt://127.0.0.1:{broker.port}"
        printed = subprocess.run(
            [*command, "--mqtt", url], capture_output=True, text=True, timeout=60, check=True
        )
        assert [line.split()[-1] for line in printed.stdout.splitlines()] == [file for file, _ in files]
        daemon._settings["recordings"] = {"path": str(disk), "max_days": 3}
        daemon.reload(spec)
        assert gone(clip), "limits are taken over at SIGHUP"
        assert new.exists()


def test_what_cannot_be_recorded_is_refused(tmp_path: Path, broker: Mosquitto) -> None:
    spec = {"sources": {"gate": {"url": PATTERN}}, "jobs": {"ticks": BURSTS}}
    with box(tmp_path, broker, spec) as (fleet, _):
        codes = {source: fleet.command("record", source=source)["code"] for source in ("gate", "gat")}
        assert codes == {"gate": "source_failed", "gat": "not_found"}
        assert fleet.command("record", source="gate", before=121)["code"] == "invalid"
        assert fleet.command("record", source="gate", before=0, after=0)["code"] == "invalid"
        masked = {**spec, "sources": {"gate": {"url": PATTERN, "masks": MASKS}}}
        assert fleet.apply(1, masked)["phase"] == "applied"
        refused = fleet.command("record", source="gate")
        assert (refused["code"], "take them out" in refused["message"]) == ("not_allowed", True)
        recorded = {**masked, "jobs": {"ticks": {**BURSTS, "record": {"on": ["tick"]}}}}
        (error,) = fleet.apply(2, recorded)["errors"]
        assert (error["path"], error["code"]) == ("jobs.ticks.record", "not_allowed")


@pytest.fixture
def camera() -> Iterator[str]:
    with RtspServer([Camera("/a", size=(320, 240), rate=20, keyint=20)]) as server:
        yield server.url("/a")


def looked_at(path: Path) -> tuple[bool, float]:
    """Whether it begins with a keyframe, and how long it lasts: by decoding all of it."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return frames[0].key_frame, (frames[-1].time or 0) - (frames[0].time or 0)


def test_an_event_becomes_a_clip_that_plays(tmp_path: Path, broker: Mosquitto, camera: str) -> None:
    jobs = {"ticks": {**BURSTS, "record": {"on": ["tick"], "before": 1.5, "after": 0.5}}}
    with box(tmp_path, broker, {"sources": {"gate": {"url": camera}}, "jobs": jobs}) as (fleet, _):

        def is_third(event: dict[str, Any]) -> bool:
            return event["type"] == "clip" and event["data"]["before"] >= 1.5

        event = fleet.heard.until("job/ticks/gate/event", is_third, within_s=40).content
        file = tmp_path / "disk" / event["data"]["file"]
        assert hashlib.sha256(file.read_bytes()).hexdigest() == event["data"]["sha256"]
        assert file.stat().st_size == event["data"]["bytes"]
        is_key, duration_s = looked_at(file)
        assert is_key
        assert 1.9 <= duration_s <= 2 + 1.2, "right to a group of pictures"
        assert abs(duration_s - event["data"]["duration"]) < 0.3


def test_a_command_records_and_has_its_effect_once(tmp_path: Path, broker: Mosquitto, camera: str) -> None:
    spec = {"sources": {"gate": {"url": camera, "buffer": 5}}, "jobs": {}}
    with box(tmp_path, broker, spec) as (fleet, daemon):
        answer = fleet.command("record", source="gate", before=1, after=1, id="once")
        assert answer["status"] == "ok", answer
        assert looked_at(Path(answer["data"]["path"]))[0]
        again = fleet.command("record", source="gate", before=1, after=1, id="once")
        assert again["data"] == answer["data"]
        assert len(list((tmp_path / "disk" / "gate" / "clips").glob("*.mp4"))) == 1
        # killed in the middle
        answers: list[dict[str, Any]] = []
        asking = threading.Thread(
            target=lambda: answers.append(fleet.command("record", source="gate", before=1, after=20))
        )
        asking.start()
        clips = tmp_path / "disk" / "gate" / "clips"
        until_s = time.monotonic() + 20
        while not list(clips.glob("*.part")) and time.monotonic() < until_s:
            time.sleep(0.05)
        assert list(clips.glob("*.part"))
        os.kill(daemon.child("capture:gate"), signal.SIGKILL)
        asking.join(30)
        assert answers[0]["code"] == "interrupted"


def test_what_a_power_cut_left_is_dealt_with(tmp_path: Path, broker: Mosquitto) -> None:
    film = make_clip(tmp_path / "film.mp4", Clip(frames=400, fps=20, gop=20))
    spec = {"sources": {"gate": {"url": str(film), "loop": True, "record": {"segment": 5}}}, "jobs": {}}
    with box(tmp_path, broker, spec) as (fleet, daemon):
        until_s = time.monotonic() + 30
        while (
            time.monotonic() < until_s
            and sum(each.stat().st_size for each in (tmp_path / "disk").rglob("*Z.mp4*")) < 1000
        ):
            time.sleep(0.1)
        fleet.heard.until("source/gate/status", lambda status: status.get("recording") == {"state": "on"})
        daemon.end(signal.SIGKILL)
        daemon.process = None
        (left,) = list((tmp_path / "disk").rglob("*.part"))[-1:]
        daemon.start()
        assert gone(left), "it has its name now"
        listed = fleet.command("get", what="recordings")["data"]["recordings"]
        assert listed[-1]["file"].endswith(".mp4")
        assert looked_at(tmp_path / "disk" / listed[-1]["file"])[0]


@pytest.mark.parametrize("victims", [("capture",), ("main",), ("capture", "main")], ids=" and ".join)
def test_a_clip_that_a_kill_cuts_short_is_told_of(
    tmp_path: Path, broker: Mosquitto, camera: str, victims: tuple[str, ...]
) -> None:
    once = {**BURSTS, "params": {"per_run": 1, "total": 1}}
    jobs = {"ticks": {**once, "record": {"on": ["tick"], "before": 1, "after": 120}}}
    with box(tmp_path, broker, {"sources": {"gate": {"url": camera}}, "jobs": jobs}) as (fleet, daemon):
        tick = fleet.heard.until(
            "job/ticks/gate/event", lambda event: event["type"] == "tick", within_s=40
        ).content
        clips = tmp_path / "disk" / "gate" / CLIPS
        part = grown(clips, ".*.part", 30_000)
        pids = {"capture": daemon.child("capture:gate"), "main": daemon.pid}
        for victim in victims:
            os.kill(pids[victim], signal.SIGKILL)
        if "main" in victims:
            assert daemon.process is not None
            daemon.process.wait(10)
            daemon.start()
        event = fleet.heard.until(
            "job/ticks/gate/event", lambda event: event["type"] == "clip", within_s=60
        ).content
        assert event["data"]["cut"] is True
        assert (event["time"], event["boot"]) == (tick["time"], tick["boot"])
        assert event.get("seq") == (None if "main" in victims else 2), "the numbers of a boot end with it"
        assert (event["data"]["first"], event["data"]["events"]) == ("tick", 1)
        file = tmp_path / "disk" / event["data"]["file"]
        assert f".{file.name}.part" == part.name
        assert hashlib.sha256(file.read_bytes()).hexdigest() == event["data"]["sha256"]
        is_key, lasts_s = looked_at(file)
        assert is_key
        assert lasts_s == pytest.approx(event["data"]["duration"], abs=0.2)
        assert gone(clips / f".{file.name}.note"), "it is told of"


def grown(folder: Path, pattern: str, size: int, within_s: float = 45.0) -> Path:
    """The file there, once it is so large."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s:
        for path in folder.glob(pattern):
            if path.stat().st_size >= size:
                return path
        time.sleep(0.1)
    raise AssertionError(f"nothing in {folder} grows to {size} bytes: {list(folder.glob('*'))}")


def test_a_clip_that_an_orderly_stop_ends_is_told_of(tmp_path: Path, broker: Mosquitto, camera: str) -> None:
    once = {**BURSTS, "params": {"per_run": 1, "total": 1}}
    jobs = {"ticks": {**once, "record": {"on": ["tick"], "before": 1, "after": 120}}}
    with box(tmp_path, broker, {"sources": {"gate": {"url": camera}}, "jobs": jobs}) as (fleet, daemon):
        part = grown(tmp_path / "disk" / "gate" / CLIPS, ".*.part", 30_000)
        daemon.stop()
        since_s = time.monotonic()
        daemon.start()
        fleet.heard.until("source/gate/status", is_running, within_s=40, since_s=since_s)
        event = fleet.heard.until(
            "job/ticks/gate/event", lambda event: event["type"] == "clip", within_s=60
        ).content
        file = tmp_path / "disk" / event["data"]["file"]
        assert (f".{file.name}.part", "cut" in event["data"]) == (part.name, False)
        assert hashlib.sha256(file.read_bytes()).hexdigest() == event["data"]["sha256"]
