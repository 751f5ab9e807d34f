"""Whoever holds the broker says anything at all on every topic: nothing is had by it, and nothing breaks."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.servers.daemon import ALGORITHMS, PATTERN, TICKS, Daemon, Subscriber
from tests.servers.fleet import Fleet
from tests.servers.mosquitto import Mosquitto

LITERAL, SECRET, CONTENT = "hunter2-literal", "k4mera-geheim", "root:x:0:0:not-for-you"
HIGHEST = 2**53 - 1
OPS = ("ping", "get", "validate", "patch", "snapshot", "probe", "pause", "resume", "restart", "rebirth", "x")


@dataclass
class Siege:
    folder: Path
    heard: Subscriber
    fleet: Fleet
    daemon: Daemon
    local: int = 0
    """Patches that were meant to be taken."""

    @property
    def imported(self) -> bool:
        """Whether the file that must not be was."""
        return (self.folder / "imported").exists()

    def assert_unmoved(self) -> None:
        """It answers, and runs what it ran."""
        assert self.fleet.command("ping")["status"] == "ok"
        runs = self.fleet.command("get", what="spec")["data"]
        assert (runs["revision"], runs["local"]) == (0, self.local)
        assert sorted(runs["spec"]["jobs"]) == ["other", "steady"]
        assert self.daemon.process is not None
        assert self.daemon.process.poll() is None

    def assert_nothing_told(self) -> None:
        """No password and no file in anything that was published or logged."""
        said = [
            one.payload for one in list(self.heard.heard) if not re.search("/(cmd/.*|desired)$", one.topic)
        ]
        told = b"\n".join(said).decode(errors="replace")
        for text in (told, self.daemon.log):
            for secret in (LITERAL, SECRET, CONTENT):
                assert secret not in text, text[max(0, text.index(secret) - 500) :][:1000]


@pytest.fixture(scope="module")
def siege(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Siege]:
    folder = tmp_path_factory.mktemp("siege")
    for name in ("media", "models", "outside"):
        (folder / name).mkdir()
    hidden = folder / "outside" / "hidden.txt"
    hidden.write_text(f"{CONTENT}\n" * 10)
    (folder / "media" / "link.mp4").symlink_to(hidden)
    (folder / "models" / "link.onnx").symlink_to(hidden)
    (folder / "media" / "list.ffconcat").write_text(f"ffconcat version 1.0\nfile {hidden}\n")
    (folder / "media" / "list.m3u8").write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{hidden}\n#EXT-X-ENDLIST\n")
    (folder / "media" / "list.sdp").write_text("v=0\nm=video 5004 RTP/AVP 96\n")
    text = f"import pathlib\npathlib.Path({str(folder / 'imported')!r}).touch()\n"
    (folder / "outside" / "evil.py").write_text(text)
    spec = {
        "sources": {"cam": {"url": PATTERN}, "away": {"url": f"rtsp://u:{LITERAL}@127.0.0.1:1/s"}},
        "jobs": {
            "steady": {**TICKS, "sources": ["cam"]},
            "other": {"algorithm": "x", "params": {"password": LITERAL}, "enabled": False},
        },
    }
    with (
        Mosquitto(folder / "broker") as broker,
        Subscriber(broker.port) as heard,
        Daemon(
            folder,
            broker.port,
            spec,
            environment={"CAM": SECRET},
            algorithms=[ALGORITHMS],
            models=[str(folder / "models")],
            media=[str(folder / "media")],
            secrets={"cam": {"env": "CAM", "hosts": ["10.9.8.7", "*.cams.example"]}},
        ) as daemon,
        Fleet(broker.port, heard) as fleet,
    ):
        heard.until("job/steady/cam/result")
        yield Siege(folder, heard, fleet, daemon)


# ---- anything at all ----

TOPICS = st.sampled_from(["desired", *(f"cmd/{op}" for op in OPS)])
STRANGER = "nobody-knows-this-key"
"""In every payload that is made of a good one: so that none of them is good."""
GOOD: list[dict[str, Any]] = [
    {"revision": 7, "spec": {"sources": {"cam": {"url": PATTERN}}, "jobs": {}}, "gate": {"timeout": 5}},
    {"id": "a", "spec": {"jobs": {"steady": {"enabled": False}}}, "expect_local": 0},
    {"id": "b", "ops": [{"op": "remove", "path": "/jobs/steady"}]},
    {"source": "cam", "job": "steady", "quality": 80, "max_width": 64},
    {"url": "pattern://testsrc2?size=64x64&rate=5", "timeout": 1.5},
    {"what": "logs", "lines": 5},
    {"daemon": True},
    {"paused": True, "job": "steady"},
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good payload with another value somewhere, or with a few bytes changed."""
    good = dict(draw(st.sampled_from(GOOD)))
    if draw(st.booleans()):
        good[draw(st.sampled_from(list(good)))] = draw(JSON)
    payload = bytearray(json.dumps({**good, STRANGER: 1}).encode())
    for place, byte in draw(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3)):
        payload[place % len(payload)] = byte
    return bytes(payload)


PAYLOADS = st.binary(max_size=200) | JSON.map(lambda value: json.dumps([value]).encode()) | damaged()
STORMS = st.lists(st.tuples(TOPICS, PAYLOADS), min_size=20, max_size=60)


def storm(siege: Siege, messages: list[tuple[str, bytes]]) -> None:
    for topic, payload in messages:
        siege.fleet.publish(topic, payload)
    siege.assert_unmoved()


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
)
@given(STORMS)
def test_anything_on_any_topic_changes_nothing(siege: Siege, messages: list[tuple[str, bytes]]) -> None:
    storm(siege, messages)


@pytest.mark.slow
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(STORMS)
def test_anything_on_any_topic_changes_nothing_for_long(
    siege: Siege, messages: list[tuple[str, bytes]]
) -> None:
    storm(siege, messages)


# ---- what costs much ----


def names(count: int, begin: int = 0) -> list[str]:
    return [f"{number:04}{'a' * 60}" for number in range(begin, begin + count)]


BOMBS: dict[str, dict[str, Any]] = {
    "unknown sources": {
        "sources": {name: {"url": "x"} for name in names(1000)},
        "jobs": {"j": {"algorithm": "motion", "sources": names(1500, begin=1000)}},
    },
    "the same source": {
        "sources": {"a": {"url": PATTERN}},
        "jobs": {"j": {"algorithm": "motion", "sources": ["a"] * 20_000}},
    },
    "polygons": {"sources": {"a": {"url": PATTERN, "zones": {f"z{n}": [[0]] for n in range(10_000)}}}},
    "sources": {"sources": {f"s{number}": {"url": PATTERN} for number in range(2000)}},
    "pairs": {
        "sources": {f"s{number}": {"url": PATTERN} for number in range(200)},
        "jobs": {f"j{number}": TICKS for number in range(200)},
    },
    "text": {"jobs": {"j": {"algorithm": "ticks", "params": {"x": "${" * 100_000}}}},
    "param": {
        "sources": {"a": {"url": PATTERN}},
        "jobs": {"j": {"algorithm": "ticks", "params": {"x": "y" * 240_000}}},
    },
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_spec_that_is_dear_to_refuse_is_refused_all_the_same(siege: Siege, bomb: str) -> None:
    answer = siege.fleet.command("validate", spec=BOMBS[bomb])
    assert answer["code"] in ("invalid", "too_large", "unknown_key", "not_found"), answer["code"]
    siege.assert_unmoved()


# ---- what must not be had ----


def urls(siege: Siege) -> list[str]:
    outside = siege.folder / "outside" / "hidden.txt"
    return [
        str(outside), f"file://{outside}", f"{siege.folder}/media/../outside/hidden.txt", "link.mp4",
        "pipe:0", "../outside/hidden.txt", f"concat:{outside}", f"concat:{outside}|{outside}", "data:,x",
        f"file:{outside}", f"crypto:{outside}", f"async:{outside}", f"subfile,,start,0,end,0,,:{outside}",
        "list.ffconcat", "list.m3u8", "list.sdp", f"pattern://movie?filename={outside}", "/dev/mem",
        f"pattern://testsrc2?size=64x64,movie={outside}", "/proc/self/environ", "x" * 300, "/dev/watchdog",
        "rtsp://u:${secret:cam}@10.9.8.8/s", "rtsp://u:${secret:cam}@10.9.8.7%x.evil.example/s",
        "rtsp://u:${secret:cam}@a.cams.example%x.evil.example/s", "rtsp://u:${secret:cam}@evil@10.9.8.7/s",
        "rtsp://10.9.8.7\\@evil.example/${secret:cam}", "http://evil.example/?${secret:cam}@10.9.8.7",
        "rtsp://${secret:cam}.evil.example/s", "${secret:cam}", "${env:CAM}", "${file:/etc/hostname}",
    ]  # fmt: skip


def test_no_url_reaches_a_file_or_a_secret(siege: Siege) -> None:
    for url in urls(siege):
        answer = siege.fleet.command("probe", url=url)
        assert answer["status"] == "error", (url, answer)
        assert answer["code"] != "internal", (url, answer)
    assert siege.fleet.command("probe", url="list.m3u8")["code"] == "source_failed"
    siege.assert_unmoved()
    siege.assert_nothing_told()


def copied(source: str, path: str) -> list[dict[str, Any]]:
    job = {"algorithm": "motion", "sources": ["cam"], "enabled": False, "params": {}}
    return [{"op": "add", "path": "/jobs/y", "value": job}, {"op": "copy", "from": source, "path": path}]


def test_no_patch_brings_a_password_to_light(siege: Siege) -> None:
    outcomes = set()
    for source in ("/sources/away/url", "/jobs/other/params/password", "/sources/away", "/jobs/other/params"):
        for path in (
            "/jobs/y/algorithm",
            "/jobs/y/params/model",
            "/jobs/y/worker",
            "/sources/cam/url",
            "/jobs/y/params",
        ):
            answer = siege.fleet.command("patch", ops=copied(source, path))
            if answer["status"] == "ok":  # such as a source's URL to another's: shown as it was, then undone
                siege.fleet.command("get", what="spec")
                undo = {"sources": {"cam": {"url": PATTERN}}, "jobs": {"y": None}}
                siege.local = siege.fleet.command("patch", spec=undo)["data"]["local"]
    for guess in (LITERAL, "wrong"):
        ops = [{"op": "test", "path": "/jobs/other/params/password", "value": guess}]
        outcomes.add(siege.fleet.command("patch", ops=ops)["message"])
    assert len(outcomes) == 1
    siege.assert_nothing_told()


@pytest.mark.parametrize(
    "name",
    ["evil", "outside/evil", "../outside/evil", "..outside.evil", "os:system", "os.path:join", "evil:Evil",
     "edged.app.daemon:Daemon", "${env:CAM}", "ticks\n", "ticks:__import__", "__init__", "builtins:exec",
     "_x", "x" * 500],
)  # fmt: skip
def test_nothing_is_imported_but_from_the_allowed_folders(siege: Siege, name: str) -> None:
    spec = {"sources": {"cam": {"url": PATTERN}}, "jobs": {"j": {"algorithm": name}}}
    answer = siege.fleet.command("validate", spec=spec)
    assert answer["status"] == "error"
    assert answer["code"] in ("not_allowed", "algorithm_not_found", "invalid", "algorithm_failed"), answer
    assert not siege.imported


@pytest.mark.parametrize(
    "model", ["../outside/hidden.txt", "{outside}/hidden.txt", "link.onnx", "/etc/hostname", "/"]
)
def test_no_model_is_read_from_elsewhere(siege: Siege, model: str) -> None:
    for params in ({"model": model}, {"model": "x.onnx", "names": model}):
        named = {key: value.format(outside=siege.folder / "outside") for key, value in params.items()}
        job = {"algorithm": "detector", "params": named}
        answer = siege.fleet.command("validate", spec={"sources": {}, "jobs": {"j": job}})
        assert answer["code"] in ("not_allowed", "model_not_found"), answer
    siege.assert_nothing_told()


def test_nothing_steers_the_terminal_of_who_reads_the_log(siege: Siege) -> None:
    evil = "a\n<2>CRITICAL all is lost\x1b[2J\x9b31m\u202e"
    spec = {"sources": {}, "jobs": {"j": {"algorithm": "ticks", "params": {evil: "${secret:cam}"}}}}
    siege.fleet.command("validate", spec=spec)
    siege.fleet.command(
        "patch", spec={"jobs": {"j": {"algorithm": evil, "params": {evil: None, "x": [None]}}}}
    )
    siege.fleet.command("patch", ops=[{"op": "add", "path": "/jobs/steady/params", "value": {evil: None}}])
    siege.fleet.publish("desired", json.dumps({"revision": 8, "spec": spec, evil: 1}).encode())
    siege.assert_unmoved()
    for line in siege.daemon.log.split("\n"):
        assert line.isprintable(), line
        assert not line.startswith("<2>")


def test_the_highest_revision_of_all_keeps_nobody_out_for_ever(siege: Siege) -> None:
    """Whoever may publish a desired can use up all revisions; whoever is at the device can mend it."""
    since_s = time.monotonic()
    siege.fleet.publish("desired", json.dumps({"revision": HIGHEST, "spec": {}, "x": 1}).encode())
    siege.fleet.decided(HIGHEST, since_s=since_s)
    spec = {"sources": {"cam": {"url": PATTERN}}, "jobs": {"steady": {**TICKS, "sources": ["cam"]}}}
    assert siege.fleet.apply(1, spec)["errors"][0]["code"] == "stale"
    siege.fleet.publish("desired", b"", retain=True)
    siege.daemon.stop()
    siege.daemon.start("--reset-spec")
    siege.heard.until("state", lambda content: content["state"] == "online", since_s=time.monotonic())
    assert siege.fleet.apply(1, spec)["phase"] == "applied"
    siege.assert_nothing_told()
    assert not siege.imported


def test_it_wrote_nothing_but_in_its_storage(siege: Siege) -> None:
    known = {"state", "broker", "media", "models", "outside", "edged.yaml", "edged.log"}
    assert {entry.name for entry in os.scandir(siege.folder)} == known
    assert {entry.name for entry in os.scandir(siege.folder / "outside")} == {"hidden.txt", "evil.py"}
    assert siege.fleet.command("ping")["status"] == "ok"
