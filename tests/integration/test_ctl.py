"""`edged ctl` on a real broker, against devices that answer as a test wants: late, wrongly, or not at all."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from tests.servers.lines import LineReader
from tests.servers.mosquitto import Mosquitto, free_port

ROOT = "edged/v1"
Say = Callable[..., None]


class Device:
    """Answers ``cmd`` and ``desired`` with what a function makes of them."""

    def __init__(self, port: int, name: str, on_message: Callable[[Device, str, Any], None]) -> None:
        self.name = name
        self.heard: list[tuple[str, Any]] = []
        self._on_message = on_message
        self._ready = threading.Event()
        self._news = threading.Condition()
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(f"{ROOT}/{name}/cmd/+", 1), (f"{ROOT}/@all/cmd/+", 1), (f"{ROOT}/{name}/desired", 1)]
        )
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)

    def say(self, topic: str, content: Any, *, retain: bool = False) -> None:
        payload = content if isinstance(content, bytes) else json.dumps(content)
        self._client.publish(f"{ROOT}/{self.name}/{topic}", payload, 1, retain)

    def answer(self, op: str, request: dict[str, Any], **content: Any) -> None:
        self.say(f"res/{op}", {"id": request["id"], "op": op, "status": "ok", **content})

    def until_heard(self, number: int, within_s: float = 60.0) -> None:
        with self._news:
            assert self._news.wait_for(lambda: len(self.heard) >= number, within_s), self.heard

    def __enter__(self) -> Device:
        self._client.loop_start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        word, content = message.topic.rsplit("/", 1)[1], json.loads(message.payload)
        with self._news:
            self.heard.append((word, content))
            self._news.notify_all()
        self._on_message(self, word, content)


def obliging(device: Device, word: str, content: Any) -> None:
    device.answer(word, content)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with Mosquitto(tmp_path_factory.mktemp("broker")) as broker:
        yield broker.port


def start(port: int, *words: str | Path, **pipes: Any) -> subprocess.Popen[str]:
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **pipes}
    return subprocess.Popen(
        [sys.executable, "-m", "edged", "ctl", *map(str, words)],
        text=True,
        env={**os.environ, "EDGED_MQTT": f"mqtt://127.0.0.1:{port}", "TERM": "xterm-256color"},
        **streams,
    )


def ctl(port: int, *words: str | Path) -> tuple[int, str, str]:
    with start(port, *words) as process:
        out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_an_answer_is_printed(port: int, version: str) -> None:
    def tell(device: Device, word: str, content: Any) -> None:
        device.say(f"res/{word}", b"[]")  # neither this
        device.say(f"res/{word}", {"id": "another's", "status": "ok", "data": {"wrong": 1}})  # nor this
        device.answer(word, content, data={"uptime": 3.5})

    with Device(port, "one", tell) as device:
        code, out, err = ctl(port, "one", "get", "what=stats", "--protocol", version)
        assert (code, json.loads(out), err) == (0, {"uptime": 3.5}, "")
        ((op, request),) = device.heard
        assert (op, request["what"]) == ("get", "stats")
        assert re.fullmatch(r"[0-9a-f]{16}", request["id"])


def test_an_error_is_said_and_ends_in_1(port: int) -> None:
    def refuse(device: Device, word: str, content: Any) -> None:
        device.answer(word, content, status="error", code="not_found", message="there is no job x")

    with Device(port, "no", refuse):
        assert ctl(port, "no", "pause", "job=x") == (1, "", "edged: no: not_found: there is no job x\n")


def test_no_answer_says_what_is_known(port: int) -> None:
    with Device(port, "silent", lambda *_: None) as device:
        code, out, err = ctl(port, "nobody", "ping", "--timeout", "0.5")
        assert (code, out) == (1, "")
        assert "nothing is known of it" in err
        device.say("state", {"state": "offline"}, retain=True)
        err = ctl(port, "silent", "ping", "--timeout", "0.5")[2]
        assert err.startswith("silent is offline: waiting for it, 0.5 s at most\n"), "before the time is up"
        assert "no answer from silent within 0.5 s: it is offline" in err


def test_no_broker_is_said_with_the_mend() -> None:
    code, out, err = ctl(free_port(), "one", "ping")
    assert (code, out) == (1, "")
    assert "nothing listens on 127.0.0.1" in err
    assert err.count("\n") == 1


def test_a_group_answers_a_line_each(port: int) -> None:
    def busy(device: Device, word: str, content: Any) -> None:
        device.answer(word, content, status="error", code="busy", message="ask again")

    with Device(port, "g1", obliging), Device(port, "g2", busy):
        code, out, err = ctl(port, "@all", "ping", "--timeout", "1")
    assert (code, err) == (1, "")
    assert sorted(out.splitlines()) == ["g1  ok", "g2  busy  ask again"]


def test_a_snapshot_is_kept(port: int, tmp_path: Path) -> None:
    def take(device: Device, word: str, content: Any) -> None:
        device.say("source/gate/snapshot", b"another's picture")
        device.say("source/gate/snapshot", b"\xff\xd8\xff the picture")
        device.answer(word, content, data={"bytes": 15})

    with Device(port, "camera", take):
        code, _, err = ctl(port, "camera", "snapshot", "source=gate", "-o", tmp_path / "gate.jpg")
    assert (code, (tmp_path / "gate.jpg").read_bytes()) == (0, b"\xff\xd8\xff the picture")
    assert "15 bytes" in err


def phases(*ends: tuple[str, dict[str, Any]]) -> Callable[[Device, str, Any], None]:
    def decide(device: Device, word: str, content: Any) -> None:
        for phase, more in ends:
            about = {"phase": phase, "desired_revision": content["revision"], "digest": content["digest"]}
            device.say("reported", {"revision": 7, **about, **more}, retain=True)

    return decide


def test_a_spec_is_followed_until_it_runs(port: int, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("sources: {gate: {url: a.mp4}}\n")
    decide = phases(("preparing", {}), ("trial", {}), ("applied", {"revision": 9}))
    with Device(port, "twin", decide) as device:
        device.say("reported", {"revision": 7, "desired_revision": 8, "phase": "rejected"}, retain=True)
        device.say("state", {"state": "online"}, retain=True)
        code, out, err = ctl(port, "twin", "apply", tmp_path / "spec.yaml", "keep_local=true")
        assert (code, out) == (0, "twin runs revision 9\n")
        told = [f"twin: revision 9 {phase}" for phase in ("preparing", "trial", "applied")]
        assert err.splitlines() == told
        ((_, desired),) = device.heard
        assert (desired["spec"], desired["keep_local"]) == ({"sources": {"gate": {"url": "a.mp4"}}}, True)
        assert ctl(port, "twin", "wait", "revision=9")[:2] == (0, "twin runs revision 9\n")
        assert ctl(port, "twin", "wait", "revision=10", "--timeout", "0.3")[0] == 1


def test_a_spec_that_is_refused_is_said_with_its_paths(port: int, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("jobs: {a: {algorithm: detektor}}\n")
    error = {"path": "jobs.a.algorithm", "code": "algorithm_not_found", "message": "did you mean detector?"}
    with Device(port, "strict", phases(("rejected", {"errors": [error]}))) as device:
        device.say("state", {"state": "online"}, retain=True)
        code, out, err = ctl(port, "strict", "apply", tmp_path / "spec.yaml", "--revision", "8")
        assert (code, out) == (1, "")
        assert err.endswith("edged: strict: rejected\n  jobs.a.algorithm: did you mean detector?\n")
        code, out, _ = ctl(port, "strict", "apply", tmp_path / "spec.yaml", "--revision", "8", "--json")
        assert (code, json.loads(out)["phase"]) == (1, "rejected")
        assert len(device.heard) == 1, "the same again is decided already"


def test_a_device_that_was_never_there_gets_no_spec_by_mistake(port: int, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text("{}")
    code, _, err = ctl(port, "typo", "apply", tmp_path / "spec.yaml")
    assert code == 1
    assert "nothing is known of typo" in err


RESULT = {"seq": 1, "time": "2026-11-20T09:00:00.123Z", "detections": [{"label": "a\x1b[2J", "score": 0.5}]}


def test_watching_prints_lines_as_they_come_until_ctrl_c(port: int) -> None:
    with Device(port, "w", obliging) as device, start(port, "w", "watch", "job=people") as process:
        assert process.stdout is not None
        lines = LineReader(process.stdout)
        event = {"type": "fall", "time": "2026-11-20T09:00:01.000Z"}
        wanted = "09:00:01.000  people/gate  fall"
        _repeat(lambda: device.say("job/people/gate/event", event), lambda: lines.wait_for(wanted, 0.2))
        device.say("job/other/gate/result", RESULT)
        device.say("job/people/gate/result", RESULT)
        assert lines.wait_for("09:00:00.123", 10) == (
            "09:00:00.123  people/gate  #1  a\N{REPLACEMENT CHARACTER}[2J 50%"
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_colours_are_for_terminals(port: int) -> None:
    ours, theirs = pty.openpty()
    wanted = b"\x1b[2m09:00:00.123\x1b[0m  \x1b[36mpeople/gate\x1b[0m"
    seen = b""
    with Device(port, "t", obliging) as device, start(port, "t", "watch", stdout=theirs) as process:
        os.close(theirs)
        for _ in range(50):
            device.say("job/people/gate/result", RESULT)
            if select.select([ours], [], [], 0.2)[0]:
                seen += os.read(ours, 4096)
            if wanted in seen:
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    os.close(ours)
    assert wanted in seen


def test_a_lost_connection_costs_no_answer_and_no_second_effect(tmp_path: Path) -> None:
    answering = threading.Event()

    def answer_later(device: Device, word: str, content: Any) -> None:
        if answering.is_set():
            device.answer(word, content)

    with (
        Mosquitto(tmp_path) as broker,
        Device(broker.port, "far", answer_later) as device,
        start(broker.port, "far", "restart", "job=people") as process,
    ):
        device.until_heard(1)
        broker.kill()
        answering.set()
        broker.start()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "ok\n", "")
    assert len({request["id"] for _, request in device.heard}) == 1


def test_what_the_broker_does_not_allow_is_said(tmp_path: Path) -> None:
    rules = ["topic read edged/v1/#"]
    with Mosquitto(tmp_path, acl=rules) as broker:
        code, _, err = ctl(broker.port, "gate", "ping")
    assert code == 1
    assert "does not let" in err
    assert "edged/v1/gate/cmd/ping" in err


def _repeat(say: Callable[[], None], heard: Callable[[], object]) -> None:
    """Until it is heard: nobody knows when the other end has subscribed."""
    for _ in range(50):
        say()
        try:
            heard()
        except AssertionError:
            continue
        return
    raise AssertionError("it was never heard")
