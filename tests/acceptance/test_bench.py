"""`edged bench` with its real parts on a small film: what it measures, and that it leaves nothing behind.

Its numbers are for `tests/benchmarks`; here they only have to be sane.
"""

from __future__ import annotations

import json
import math
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from paho.mqtt import publish

from edged.app.bench.broker import find_broker
from edged.app.bench.films import decode_alone, probe_film
from edged.app.bench.measures import density_of
from edged.app.bench.meter import MAIN
from edged.app.bench.observing import Window, observe
from edged.app.bench.results import by_source
from edged.app.bench.scenes import STAMPED, Scene, film_cameras
from edged.errors import EdgedError
from tests.integration.clips import Clip, make_clip
from tests.servers.mosquitto import Mosquitto
from tests.servers.mqtt_peer import Subscriber


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("film") / "small.mp4", Clip(frames=90, size=(320, 240)))


def words_of(process: psutil.Process) -> list[str]:
    """Its command line; none once it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def until(true: Callable[[], object], problem: str, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, problem
        time.sleep(0.05)


def family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


@pytest.mark.parametrize("paced", [True, False])
def test_decoding_alone_takes_as_much_of_the_film_as_was_asked_for(film: Path, *, paced: bool) -> None:
    """Past the end of a film of 3 s: it is played again."""
    report = decode_alone(film, warm_up_s=1, seconds=4, paced=paced)
    assert report.film_s == pytest.approx(4, abs=0.05)
    assert report.frames == pytest.approx(120, abs=1)
    assert 0 < report.cpu_s < report.wall_s + 0.1
    assert (report.wall_s > 2.0) is paced, "half the time that is played, and many times what decoding takes"


def test_what_is_no_film_is_told(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.mp4"
    wrong.write_text("no film")
    with pytest.raises(EdgedError, match=r"wrong\.mp4: .+"):
        decode_alone(wrong, warm_up_s=0, seconds=1, paced=False)
    with pytest.raises(EdgedError, match=r"wrong\.mp4: .+"):
        probe_film(wrong)


def test_a_run_is_observed_on_the_embedded_broker(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    scene = Scene(film_cameras(film, 2), 0.1, STAMPED)
    with find_broker(None, tmp_path) as broker:
        assert "amqtt" in broker.label
        seen = observe(scene, broker, Window(settle_s=0.5, seconds=2))
    assert 1.9 < seen.window_s < 30
    assert 0.2 < seen.start_s < 30
    assert 0 < seen.stop_s < 10
    for seen_of in (seen.cores, seen.memory):
        lasting = {name for name in seen_of if not name.startswith("prover:")}  # one may still be ending
        assert lasting == {MAIN, "capture:camera-01", "capture:camera-02", "worker:main"}
    assert 0 < seen.total_cores < psutil.cpu_count()
    assert all(5 < one.own_mb <= one.resident_mb for one in seen.memory.values())
    assert set(by_source(seen.seen)) == set(scene.sources)
    assert all(0 < one.overhead_ms < 5000 for one in seen.seen)
    assert density_of(seen, scene.sources, 0.1).missed < 0.5


def test_a_daemon_that_does_not_come_up_is_told_with_its_log(film: Path, broker: Mosquitto) -> None:
    scene = Scene({"camera 01": {"url": str(film)}}, 0.1)
    with (
        find_broker(f"mqtt://127.0.0.1:{broker.port}", film.parent) as found,
        pytest.raises(EdgedError, match=r"(?s)ended by itself.*camera 01"),
    ):
        observe(scene, found, Window(0.5, 1))


def test_a_broker_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(EdgedError, match="--mqtt"), find_broker("nonsense", tmp_path):
        pass


def test_the_command_prints_figures_and_clears_the_broker(film: Path, broker: Mosquitto) -> None:
    command = [
        *(sys.executable, "-m", "edged", "bench", "--quick", "--seconds", "2", "--cameras", "1", "--json"),
        *("--video", str(film), "--mqtt", f"mqtt://127.0.0.1:{broker.port}"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1), done.stderr  # a machine that tests may well be over a limit
    content = json.loads(done.stdout)
    figures = {figure["name"]: figure for figure in content["figures"]}
    assert "320x240" in content["film"]
    # a difference of two measurements: the load of other tests may turn it below nothing
    assert math.isfinite(figures["a camera / decoding alone"]["measured"])
    assert figures["latency less inference, p50"]["measured"] > 0
    assert figures["memory of main, resident"]["measured"] > 10
    assert figures["cameras without missed turns"]["measured"] in (0, 1)
    over = any(figure.get("verdict") == "over" for figure in figures.values())
    assert done.returncode == int(over)
    with Subscriber(broker.port) as ears:
        publish.single("marker", "", hostname="127.0.0.1", port=broker.port)
        until(lambda: ears.arrivals, "no marker came")
        assert [arrival.topic for arrival in ears.arrivals] == ["marker"]  # what is retained comes before


def test_an_interrupt_ends_whatever_was_started(film: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edged", "bench", "--quick", "--seconds", "2", "--video", str(film)]
    environment = {"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/usr/sbin:/bin", "HOME": str(tmp_path)}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, start_new_session=True
    )
    try:
        is_worker = lambda child: "worker:main" in words_of(child)  # noqa: E731
        until(lambda: any(map(is_worker, family(process.pid))), "no daemon was started", 40)
        started = family(process.pid)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        psutil.wait_procs(started, timeout=20)
        assert not [one for one in started if one.is_running()]
        assert not list(tmp_path.glob("edged-bench-*"))
    finally:
        process.kill()
        process.wait(10)
