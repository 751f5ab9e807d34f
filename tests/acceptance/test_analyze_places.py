"""`edged analyze` with videos from elsewhere, results to elsewhere, and a person before it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.analyses import AISLE, COMMAND, PEOPLE
from tests.servers.daemon import Subscriber
from tests.servers.lifetime import die_with_the_tests
from tests.servers.mosquitto import Mosquitto, free_port
from tests.servers.ranges import range_server

pytestmark = pytest.mark.assets
BAR = r"one-by-one-person.*\d:\d\d of 2:19 \d+ frames/s \d+\.\dx \d+ results \d+:\d\d left"
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def analyze(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.fixture
def model(assets: Path) -> list[str]:
    return ["--model", str(assets / "yolox_nano_416.onnx"), "--interval", "0.5"]


def bare(text: str) -> list[Any]:
    """Results without the name of their source."""
    return [{**json.loads(line), "source": ""} for line in text.splitlines()]


# ---- from elsewhere ----


def test_over_http_with_ranges_and_a_password(assets: Path, model: list[str]) -> None:
    local = analyze(assets / f"{AISLE}.mp4", *model)
    with range_server(assets, user="viewer:geheim") as (address, asked):
        done = analyze(f"http://viewer:geheim@{address}/{AISLE}.mp4?day=1", *model)
        refused = analyze(f"http://viewer:falsch@{address}/{AISLE}.mp4", *model)
        missing = analyze(f"http://viewer:geheim@{address}/none.mp4", *model)
    assert done.returncode == 0, done.stderr
    assert done.stdout == local.stdout
    assert asked
    for one in (refused, missing):
        assert (one.returncode, one.stdout) == (1, "")
        assert address in one.stderr
        assert "geheim" not in one.stderr
        assert "falsch" not in one.stderr


@contextlib.contextmanager
def s3_server() -> Iterator[dict[str, str]]:
    """moto's server; yields the environment in which S3 is there."""
    pytest.importorskip("moto")
    pytest.importorskip("boto3")
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        preexec_fn=die_with_the_tests,  # noqa: PLW1509  one system call, no Python state
    ) as process:  # fmt: skip
        try:
            wait_until_listening(port)
            yield {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID": "testing",
                "AWS_SECRET_ACCESS_KEY": "geheim",
                "AWS_DEFAULT_REGION": "us-east-1",
            }
        finally:
            process.kill()


def wait_until_listening(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def test_objects_of_a_bucket(assets: Path, model: list[str], tmp_path: Path) -> None:
    film = (assets / f"{AISLE}.mp4").read_bytes()
    local = analyze(assets / f"{AISLE}.mp4", *model)
    with s3_server() as around:
        store = client_of(around)
        store.create_bucket(Bucket="films")
        for key in ("day/b.mp4", "day/a.mp4", "day/deep/c.mp4", "night/d.mp4"):
            store.put_object(Bucket="films", Key=key, Body=film)
        store.put_object(Bucket="films", Key="day/notes.txt", Body=b"no video")
        out = tmp_path / "out"
        many = analyze("s3://films/day/*", *model, "-o", out, **around)
        one = analyze("s3://films/night/d.mp4", *model, **around)
        none = analyze("s3://films/noon/", *model, **around)
        away = analyze("s3://nowhere/day/", *model, **around)
    assert many.returncode == 0, many.stderr
    assert sorted(path.name for path in out.iterdir()) == ["a.jsonl", "b.jsonl", "c.jsonl"]
    assert bare((out / "c.jsonl").read_text()) == bare(one.stdout) == bare(local.stdout)
    assert (none.returncode, "nothing there" in none.stderr) == (1, True)
    assert (away.returncode, "s3://nowhere/day/: " in away.stderr) == (1, True)
    assert "Signature" not in many.stderr + one.stderr + away.stderr


def client_of(around: dict[str, str]) -> Any:
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=around["AWS_ENDPOINT_URL"],
        aws_access_key_id=around["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=around["AWS_SECRET_ACCESS_KEY"],
        region_name=around["AWS_DEFAULT_REGION"],
    )


def test_without_boto3_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "boto3.py").write_text("raise ImportError('not here')\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = analyze("s3://films/day/", "--algorithm", "motion", PYTHONPATH=path)
    assert done.returncode == 1
    assert "pip install 'edged[s3]'" in done.stderr


# ---- to elsewhere ----


def test_to_a_broker_in_order_and_acknowledged(assets: Path, tmp_path: Path) -> None:
    words = [assets / f"{PEOPLE}.mp4", "--algorithm", "motion", "--interval", "0", "--to", "60"]
    told = analyze(*words).stdout.splitlines()
    with (
        Mosquitto(tmp_path / "broker", users={"box": "geheim"}) as broker,
        Mosquitto(tmp_path / "open") as free,
        Subscriber(free.port, "site/7/#") as heard,
    ):
        done = analyze(*words, "-o", f"mqtt://127.0.0.1:{free.port}/site/7")
        assert done.returncode == 0, done.stderr
        assert len(told) == 600
        wait_for(heard, len(told))
        assert [message.payload.decode() for message in heard.heard] == told
        device = json.loads(told[0])["device"]
        assert {message.topic for message in heard.heard} == {f"site/7/{device}/job/motion/{PEOPLE}/result"}
        url = f"mqtt://box@127.0.0.1:{broker.port}"
        short = [*words[:-1], "2"]
        assert analyze(*short, "-o", url, EDGED_MQTT_PASSWORD="geheim").returncode == 0
        refused = analyze(*short, "-o", url, EDGED_MQTT_PASSWORD="falsch")
        assert refused.returncode == 1
        assert "falsch" not in refused.stderr
        nobody = analyze(*short, "-o", f"mqtt://127.0.0.1:{free_port()}")
        assert (nobody.returncode, nobody.stdout) == (1, "")


def wait_for(heard: Subscriber, number: int) -> None:
    deadline = time.monotonic() + 20
    while len(heard.heard) < number:
        assert time.monotonic() < deadline, f"{len(heard.heard)} of {number} arrived"
        time.sleep(0.02)


# ---- before a person ----


def test_on_a_terminal_there_are_bars_and_elsewhere_lines(
    assets: Path, model: list[str], tmp_path: Path
) -> None:
    words = [*COMMAND, str(assets / f"{PEOPLE}.mp4"), str(assets / f"{AISLE}.mp4"), *model]
    words += ["--interval", "0.1", "-o", str(tmp_path / "out.jsonl")]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "140", "LINES": "40"}
    with subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as process:
        os.close(theirs)
        try:
            overall = r"all .*0 of 2 videos, \d+ results"
            seen = read_until(ours, overall, BAR)
            process.send_signal(signal.SIGINT)
            seen += read_until(ours, r"stopped after 0 of 2 videos; go on with the same command and --resume")
            assert process.wait(10) == 130
        finally:
            process.kill()
            os.close(ours)
    assert "Traceback" not in seen


def read_until(fd: int, *patterns: str, within_s: float = 60) -> str:
    seen, deadline = "", time.monotonic() + within_s
    while not all(re.search(pattern, seen) for pattern in patterns):
        assert time.monotonic() < deadline, f"not seen: {patterns}\n{seen[-3000:]}"
        if select.select([fd], [], [], 0.2)[0]:
            try:
                seen += _ESCAPE.sub("", os.read(fd, 65536).decode(errors="replace"))
            except OSError:
                assert all(re.search(pattern, seen) for pattern in patterns), seen[-3000:]
    return seen


def test_a_list_without_a_terminal_is_plain(assets: Path, model: list[str], tmp_path: Path) -> None:
    words = [assets / f"{PEOPLE}.mp4", *model, "--interval", "0.2"]
    done = analyze(*words, "-o", tmp_path / "out.csv")
    assert done.returncode == 0
    assert "\x1b" not in done.stderr
    pattern = (
        r"\d+ s: .*one-by-one-person-detection\.mp4: \d:\d\d of 2:19, \d+ frames/s, \d+\.\dx, \d+ results"
    )
    said = done.stderr.splitlines()
    took_s = float(re.search(r"in ([\d.]+) s", said[-1])[1])  # type: ignore[index]
    assert all(re.match(pattern, line) for line in said[:-1])
    assert len(said) - 1 >= (took_s - 3) // 5


def test_without_ray_nothing_is_written(assets: Path, model: list[str], tmp_path: Path) -> None:
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / "ray.py").write_text("raise ImportError")
    out = tmp_path / "out.jsonl"
    place = f"{tmp_path / 'absent'}:{os.environ.get('PYTHONPATH', '')}"
    done = analyze(assets / f"{AISLE}.mp4", *model, "--engine", "ray", "-o", out, PYTHONPATH=place)
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'edged[ray]'" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["absent"]
