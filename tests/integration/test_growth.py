"""What months and thousands of calls add up to: nothing is held of what is over."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

import edged
from edged.algorithm import session
from edged.errors import AlgorithmError
from edged.model.capturing import SourceState
from edged.model.live import LiveSpec, OutputSpec
from edged.model.messages import LinkSpec, TrackGone
from edged.output.serving import Serving
from tests.growth import Holding, holding
from tests.integration.capture_rig import EVERY, capture, changed, spec
from tests.integration.clips import Clip, make_clip
from tests.integration.device_rig import PATTERN, Rig, rig
from tests.integration.offline_rig import CHAIN, write_algorithms
from tests.integration.worker_rig import ECHO, Camera, job, worker

ROUNDS = 12
TICKS = {"algorithm": "ticks", "sampling": {"interval": 0.1}}


def settled(more: Callable[[], dict[str, int]], within_s: float = 15.0) -> dict[str, int]:
    """What there is more of, once threads and others that are just ending had their time."""
    deadline = time.monotonic() + within_s
    while (left := more()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def check_nothing_is_held(turn: Callable[[], object], rounds: int = ROUNDS) -> None:
    for _ in range(3):  # what is loaded once stays
        turn()
    before = holding()
    for _ in range(rounds):
        turn()
    assert not settled(lambda: holding().more_than(before)), f"after {rounds} rounds"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("films") / "film.mp4", Clip(frames=15, size=(320, 240)))


def analyze(film: Path, folder: Path, way: str) -> None:
    """Once, and ended in one of the ways in which it may."""
    jobs: dict[str, object] = dict(CHAIN)
    if way == "fails":
        jobs["then"] = [{"algorithm": "own:Sum", "params": {"fail_at": 6}}]
    record = folder / "out.mp4" if way in ("recorded", "left while recorded") else None
    results = edged.analyze(film, jobs, algorithms=folder, record=record)
    if way.startswith("left"):
        next(results)
        results.close()
    elif way == "fails":
        with pytest.raises(AlgorithmError):
            list(results)
    elif way != "never begun":
        assert list(results)


@pytest.mark.parametrize(
    "way", ["to the end", "recorded", "left", "left while recorded", "fails", "never begun"]
)
def test_an_analysis_leaves_nothing_open(film: Path, tmp_path: Path, way: str) -> None:
    folder = write_algorithms(tmp_path)
    check_nothing_is_held(lambda: analyze(film, folder, way))


MEMORY = """
import json, sys
from pathlib import Path
from tests.growth import growth_kib
from tests.integration.test_growth import analyze
film, folder = map(Path, sys.argv[1:])
ways = ("to the end", "recorded", "left", "fails")
def turn():
    for way in ways:
        analyze(film, folder, way)
print(json.dumps(growth_kib(turn, 6)))
"""


def test_analyses_do_not_add_up_in_memory(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "film.mp4", Clip(frames=15, size=(1280, 720)))
    # One arena, as what many leave in pieces looks like growth for long.
    ran = subprocess.run(
        [sys.executable, "-c", MEMORY, str(film), str(write_algorithms(tmp_path))],
        stdout=subprocess.PIPE,
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
        timeout=300,
        check=True,
    )
    grown_kib = json.loads(ran.stdout)
    a_frame_kib = 1280 * 720 * 3 // 2 // 1024
    assert min(grown_kib[1:]) < 6 * a_frame_kib, f"{grown_kib} KiB, each in 6 rounds of four analyses"


def test_a_source_that_is_opened_again_and_again(film: Path) -> None:
    first = spec(film, EVERY, loop=True, buffer_s=1.0)
    sizes = ((64, 48), (96, 64))
    with capture(first) as main:
        now = first

        def turn() -> None:
            nonlocal now
            size = sizes[now.size == sizes[0]]
            seen, asked = len(main.frames), len(main.requests)
            now = changed(now, size=size, timeout_s=10.0 + now.revision % 2)
            main.send(now)
            main.until(lambda: len(main.requests) > asked)
            main.until(lambda: len(main.frames) > seen)

        check_nothing_is_held(turn, 40)


def test_captures_that_come_and_go(film: Path) -> None:
    def turn() -> None:
        with capture(spec(film)) as main:
            main.until(lambda: len(main.frames) > 1)
        with capture(spec(film.with_name("none.mp4"))) as main:
            main.until(lambda: bool(main.reports) and main.reports[-1].state is not SourceState.STARTING)

    check_nothing_is_held(turn)


def test_a_worker_whose_jobs_sources_and_tracks_change(tmp_path: Path) -> None:
    with worker(tmp_path) as main, contextlib.ExitStack() as stack:
        main.algorithm("echo", ECHO)
        number = 0
        stays = Camera("cam")
        stack.callback(stays.close)

        def turn() -> None:
            nonlocal number
            number += 1
            guest = Camera(f"guest{number % 2}")
            stays.offer(main.channel)
            guest.offer(main.channel)
            main.reports.clear()
            name = f"job{number % 3}"
            main.apply(job("stays", "echo", "cam"), job(name, "echo", "cam", guest.source))
            main.running(name)
            seen = len(main.frames(name))
            while len(main.frames(name)) == seen:
                stays.shoot()
                guest.shoot()
                main.read(0.02)
            assert main.channel.send(TrackGone(guest.source), wait_s=5)
            guest.close()
            main.outputs.clear()

        for _ in range(6):
            turn()
        before = holding()
        for _ in range(30):
            turn()
        # retired tracks are closed at the next tick
        left = settled(lambda: main.read(0.05) or holding().more_than(before))
        assert not left


def test_the_model_of_a_job_that_is_gone_goes_too(
    assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: weakref.WeakSet[session.Session] = weakref.WeakSet()
    load = session.Sessions._load

    def note(self: session.Sessions, *arguments: object) -> session.Session:
        found = load(self, *arguments)  # type: ignore[arg-type]
        loaded.add(found)
        return found

    monkeypatch.setattr(session.Sessions, "_load", note)

    def detect(model: str) -> None:
        main.apply(
            job(
                "d",
                "detector",
                params={"model": model},
                then=(LinkSpec("tracker", {}),),
                load=len(main.reports),
            )
        )

    def names() -> list[str]:
        return sorted(each.path.name for each in loaded)

    with worker(tmp_path, models=(str(assets),)) as main, contextlib.closing(Camera()) as camera:
        camera.offer(main.channel)
        detect("yolox_nano_416.onnx")
        main.running("d")
        camera.shoot()
        main.until(lambda: bool(main.results("d")))
        detect("fastestdet_352.onnx")
        main.until(lambda: names() == ["fastestdet_352.onnx"])
        main.apply()
        main.until(lambda: not names())


def test_a_server_whose_port_is_taken_for_long() -> None:
    outputs = (OutputSpec("r", "cam", to="rtsp"), OutputSpec("m", "cam", to="mjpeg"))
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        ports = {"rtsp_port": one.getsockname()[1], "http_port": other.getsockname()[1]}
        serving = Serving(lambda: None, lambda name: None)
        serving.apply(LiveSpec(1, outputs, **ports))
        assert set(serving.errors) == {"rtsp", "mjpeg"}
        now_s = time.monotonic()

        def turn() -> None:
            nonlocal now_s
            now_s += 60
            serving.look_after(now_s)

        check_nothing_is_held(turn, 30)


def test_a_device_whose_spec_changes_again_and_again() -> None:
    async def turn(box: Rig, number: int) -> None:
        sources = {"cam": PATTERN, "guest": {**PATTERN, "size": [32, 24]}}
        if number % 2:
            del sources["guest"]
        box.change(sources, {"t": TICKS, f"j{number % 2}": {**TICKS, "worker": "other"}})
        await box.results("t", "cam", 2)
        await box.results(f"j{number % 2}", "cam", 1)

    async def held(before: Holding) -> dict[str, int]:
        deadline = time.monotonic() + 15
        while (left := holding().more_than(before)) and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        return left

    async def scenario() -> None:
        async with rig() as box:
            for number in range(4):
                await turn(box, number)
            before = holding()
            for number in range(8):
                await turn(box, number)
            assert not await held(before)

    asyncio.run(scenario())


def test_a_device_that_ends_in_a_test_leaves_no_track() -> None:
    async def scenario() -> None:
        async with rig() as box:
            box.apply({"cam": PATTERN}, {"t": TICKS})
            await box.results("t", "cam")

    check_nothing_is_held(lambda: asyncio.run(scenario()), 2)
