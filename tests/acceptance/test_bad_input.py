"""What users get wrong: told where they look, and nobody else is harmed by it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.clips import Clip, make_clip
from tests.servers.daemon import Daemon, Subscriber, family
from tests.servers.mosquitto import Mosquitto, free_port

ALGORITHMS = str(Path(__file__).resolve().parent.parent / "algorithms")
WATCHED_S = 6.0
"""How long an untroubled daemon is watched for loops and floods."""
BUSY_CPU_S = 1.5
"""More than this in that time is a hot loop, or children that are started over and over."""
MOST_LINES = 10
"""In that time: errors are said when they begin, not each time they are met."""
CAMERA_PASSWORD, BROKER_PASSWORD = "k4mera-geheim", "br0ker-geheim"
GOOD_SOURCE = {"url": "pattern://testsrc2?size=320x240&rate=20"}
GOOD_JOB = {"algorithm": "ticks", "sources": ["gate"], "sampling": {"interval": 0.2}}

SOURCES = {
    "text": ("failed", r"text\.mp4 is not a video"),
    "empty": ("failed", r"empty\.mp4 is not a video"),
    "headless": ("failed", r"headless\.mp4 is not a video"),
    "missing": ("retrying", r"there is no .*missing\.mp4"),
    "folder": ("failed", r"is a folder, not a video"),
    "scheme": ("failed", r"gopher://"),
    "pattern": ("failed", r"mandelbrod.*mandelbrot"),
    "credential": ("failed", r"\$\{credential:cam\}.*LoadCredential=cam"),
    "away": ("retrying", r"nothing listens at|cannot be reached now"),
}
"""By name: the state and the error that its status should show."""

JOBS = {
    "noise": ("algorithm_failed", r"noise\.onnx"),
    "half": ("algorithm_failed", r"half\.onnx"),
    "other": ("algorithm_failed", r"mnist\.onnx|1x10|head"),
    "absent": ("model_not_found", r"yolox_nano_461\.onnx"),
    "unknown": ("algorithm_not_found", r"detectr.*detector"),
    "outside": ("not_allowed", r"os\.path"),
    "params": ("invalid", r"score"),
    "keys": ("unknown_key", r"scroe.*score"),
    "init": ("algorithm_failed", r"the door is ajar \(trouble\.py:\d+\)"),
}
"""By name: the code and the error that its status should show."""


@pytest.fixture
def spec(tmp_path: Path, assets: Path) -> dict[str, Any]:
    """One good source and job among all that can be wrong with others."""
    folder = tmp_path / "box"
    (folder / "models").mkdir(parents=True)
    (folder / "text.mp4").write_text("not a video\n" * 1000)
    (folder / "empty.mp4").touch()
    clip = make_clip(folder / "whole.mp4", Clip(frames=60)).read_bytes()
    (folder / "headless.mp4").write_bytes(clip[: len(clip) // 2])  # its index stands at the end
    stream = make_clip(folder / "whole.mkv", Clip(frames=60)).read_bytes()
    (folder / "cut.mkv").write_bytes(stream[: len(stream) // 2])
    (folder / "models" / "noise.onnx").write_bytes(os.urandom(20_000))
    model = (assets / "yolox_nano_416.onnx").read_bytes()
    (folder / "models" / "half.onnx").write_bytes(model[: len(model) // 2])
    (folder / "models" / "mnist.onnx").write_bytes((assets / "mnist.onnx").read_bytes())
    urls = {
        "text": "text.mp4",
        "empty": "empty.mp4",
        "headless": "headless.mp4",
        "cut": "cut.mkv",
        "missing": "missing.mp4",
        "folder": str(folder / "models"),
        "scheme": "gopher://127.0.0.1/stream",
        "pattern": "pattern://mandelbrod",
        "credential": "rtsp://viewer:${credential:cam}@127.0.0.1/stream",
        "away": f"rtsp://viewer:{CAMERA_PASSWORD}@127.0.0.1:{free_port()}/stream",
    }
    return {
        "sources": {"gate": GOOD_SOURCE, **{name: {"url": url} for name, url in urls.items()}},
        "jobs": {**bad_jobs(), "good": GOOD_JOB, "watch": {"algorithm": "ticks"}},
    }


def bad_jobs() -> dict[str, Any]:
    models = {
        "noise": "noise.onnx",
        "half": "half.onnx",
        "other": "mnist.onnx",
        "absent": "yolox_nano_461.onnx",
    }
    return {
        **{name: {"algorithm": "detector", "params": {"model": model}} for name, model in models.items()},
        "unknown": {"algorithm": "detectr"},
        "outside": {"algorithm": "os.path:join"},
        "params": {"algorithm": "detector", "params": {"model": "mnist.onnx", "score": 7}},
        "keys": {"algorithm": "detector", "params": {"model": "mnist.onnx", "scroe": 0.5}},
        "init": {"algorithm": "trouble", "params": {"what": "init-raise"}},
    }


@pytest.fixture
def daemon(tmp_path: Path, broker: Mosquitto, spec: dict[str, Any]) -> Daemon:
    return Daemon(
        tmp_path / "box",
        broker.port,
        spec,
        algorithms=[ALGORITHMS],
        models=[str(tmp_path / "box" / "models")],
        mqtt={"url": f"mqtt://127.0.0.1:{broker.port}", "username": "box", "password": BROKER_PASSWORD},
    )


def test_each_mistake_is_told_on_its_status_and_the_rest_runs(broker: Mosquitto, daemon: Daemon) -> None:
    with Subscriber(broker.port) as ears:
        with daemon:
            for name, (state, error) in SOURCES.items():
                status = ears.until(f"source/{name}/status", lambda status: "error" in status).content
                assert status["state"] == state, (name, status)
                assert re.search(error, status["error"]), (name, status)
            for name, (code, error) in JOBS.items():
                status = ears.until(f"job/{name}/status", lambda status: "error" in status).content
                assert status["state"] == "failed"
                assert status["code"] == code, (name, status)
                assert re.search(error, status["error"]), (name, status)
            cut = ears.until("source/cut/status", lambda status: status["state"] == "ended").content
            assert 10 <= cut["frames"] < 60
            assert "error" not in cut
            began_s = time.monotonic()
            lines, busy_s = watch(daemon)
            assert busy_s < BUSY_CPU_S
            assert len(lines) <= MOST_LINES, lines
            words = [psutil.Process(pid).cmdline() for pid in (daemon.pid, *family(daemon.pid))]
            steady = ears.results("good", "gate", since_s=began_s)
            daemon.stop()
        assert len(steady) >= WATCHED_S / 0.2 * 0.5
        indexes = [one.content["seq"] for one in ears.results("good", "gate")]
        assert indexes == list(range(1, len(indexes) + 1))
        assert len(daemon.log.splitlines()) < 100
        told = [one.topic + one.payload.decode() for one in ears.messages(".*")]
        for text in (*told, daemon.log, *(" ".join(line) for line in words)):
            assert CAMERA_PASSWORD not in text
            assert BROKER_PASSWORD not in text


def test_what_was_mended_runs_after_sighup(
    tmp_path: Path, assets: Path, broker: Mosquitto, spec: dict[str, Any], daemon: Daemon
) -> None:
    with Subscriber(broker.port) as ears, daemon:
        for topic in (
            "source/text/status",
            "source/credential/status",
            "job/half/status",
            "job/unknown/status",
        ):
            ears.until(topic, lambda status: status["state"] == "failed")
        ears.until("job/good/gate/result")
        worker = daemon.child("worker:main")
        (tmp_path / "box" / "text.mp4").write_bytes((tmp_path / "box" / "whole.mp4").read_bytes())
        model = (assets / "yolox_nano_416.onnx").read_bytes()
        (tmp_path / "box" / "models" / "half.onnx").write_bytes(model)
        spec["jobs"]["unknown"] = {"algorithm": "ticks", "sources": ["gate"]}
        spec["sources"]["credential"] = GOOD_SOURCE
        mended_s = time.monotonic()
        daemon.reload(spec)
        for topic in (
            "source/text/status",
            "source/credential/status",
            "job/half/status",
            "job/unknown/status",
        ):
            ears.until(topic, lambda status: status["state"] == "running", since_s=mended_s)
        ears.until("job/half/gate/result", since_s=mended_s)
        ears.until("job/watch/credential/result", since_s=mended_s)
        assert daemon.child("worker:main") == worker


def watch(daemon: Daemon) -> tuple[list[str], float]:
    """What a daemon logs in `WATCHED_S`, and the CPU seconds that it and its children take."""
    lines, busy_s = len(daemon.log.splitlines()), cpu_s(daemon.pid)
    time.sleep(WATCHED_S)
    return daemon.log.splitlines()[lines:], cpu_s(daemon.pid) - busy_s


def cpu_s(main: int) -> float:
    """Of main, its children, and those that it has buried."""
    times = psutil.Process(main).cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for pid in family(main):
        try:
            child = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += child.user + child.system
    return total


def test_check_tells_each_mistake_with_its_place(daemon: Daemon) -> None:
    done = edged("check", daemon.config)
    assert done.returncode == 1
    told = done.stdout + done.stderr
    written = daemon.config.read_text().splitlines()
    warned = {"missing", "folder", "away", "absent"}
    for name, (_, error) in {**SOURCES, **JOBS}.items():
        kind = "sources" if name in SOURCES else "jobs"
        pattern = rf"{re.escape(str(daemon.config))}:(\d+):(\d+): spec\.{kind}\.{name}[.:].*(?:{error})"
        found = [match for line in told.splitlines() if (match := re.match(f"{pattern}.*", line))]
        assert found, (name, told)
        place = written[int(found[0][1]) - 1][int(found[0][2]) - 1 :]
        assert place.strip(), found[0]
        assert (": warning: " in found[0][0]) == (name in warned), found[0][0]
    assert "gate" not in told
    assert CAMERA_PASSWORD not in told
    assert BROKER_PASSWORD not in told
    assert "Traceback" not in told


def test_a_size_of_0_is_refused_with_its_place(tmp_path: Path, broker: Mosquitto) -> None:
    spec = {"sources": {"gate": {**GOOD_SOURCE, "size": [0, 720]}}, "jobs": {"good": GOOD_JOB}}
    daemon = Daemon(tmp_path / "box", broker.port, spec, algorithms=[ALGORITHMS])
    for command in ("check", "run"):
        done = edged(command, daemon.config)
        assert done.returncode == 1
        assert re.search(
            r"edged\.yaml:\d+:\d+: spec\.sources\.gate\.size\.0: should be more than 0", done.stderr
        )
        assert "Traceback" not in done.stderr


def test_a_missing_credential_for_the_broker_is_told_with_its_place(tmp_path: Path) -> None:
    mqtt = {"url": "mqtt://127.0.0.1:9", "username": "box", "password": "${credential:mqtt}"}
    daemon = Daemon(tmp_path / "box", 9, {"sources": {"gate": GOOD_SOURCE}, "jobs": {}}, mqtt=mqtt)
    for command in ("check", "run"):
        done = edged(command, daemon.config)
        assert done.returncode == 1
        assert re.search(r"edged\.yaml:\d+:\d+: mqtt\.password: .*LoadCredential=mqtt", done.stderr)
        assert "Traceback" not in done.stderr


def edged(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edged", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "guarded", users={"box": "another password"}) as broker:
        yield broker


def test_a_broker_that_refuses_the_password(tmp_path: Path, guarded: Mosquitto) -> None:
    spec = {"sources": {"gate": GOOD_SOURCE}, "jobs": {"good": GOOD_JOB}}
    daemon = Daemon(
        tmp_path / "box",
        guarded.port,
        spec,
        algorithms=[ALGORITHMS],
        mqtt={"url": f"mqtt://127.0.0.1:{guarded.port}", "username": "box", "password": BROKER_PASSWORD},
    )
    with daemon:
        wait_for_log(daemon, "good: running")
        wait_for_log(daemon, "password")
        lines, busy_s = watch(daemon)
        assert len(lines) <= MOST_LINES, lines
        assert busy_s < BUSY_CPU_S
        tries = guarded.log.count("New connection")
        assert 1 <= tries <= 10
        daemon.child("capture:gate")
        daemon.child("worker:main")
        words = [psutil.Process(pid).cmdline() for pid in (daemon.pid, *family(daemon.pid))]
    refused = [line for line in daemon.log.splitlines() if "password" in line]
    assert any(f"127.0.0.1:{guarded.port}" in line or "mqtt.password" in line for line in refused), refused
    for text in (daemon.log, *(" ".join(line) for line in words)):
        assert BROKER_PASSWORD not in text


def wait_for_log(daemon: Daemon, words: str, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while words not in daemon.log:
        assert time.monotonic() < deadline, f"{words!r} not in the log within {within_s} s:\n{daemon.log}"
        time.sleep(0.05)
