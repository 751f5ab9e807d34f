"""The control plane as a fleet sees it: a real broker, the daemon in its own process, specs good and bad."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers.daemon import ALGORITHMS, PATTERN, ROOT, TICKS, Daemon, Subscriber
from tests.servers.fleet import Fleet
from tests.servers.mosquitto import Mosquitto

SOURCES = {"cam": {"url": PATTERN}}
SPEC = {"sources": SOURCES, "jobs": {"steady": TICKS}}
LONGEST_PAUSE_S = 1.0
"""The contract: jobs that did not change never pause longer."""


@dataclass
class Bench:
    broker: Mosquitto
    heard: Subscriber
    fleet: Fleet
    revision: int = 0
    running: int = 0

    def next(self) -> int:
        """A revision that is higher than all before."""
        self.revision += 10
        return self.revision


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One daemon for the whole module."""
    folder = tmp_path_factory.mktemp("control")
    with (
        Mosquitto(folder / "broker") as broker,
        Subscriber(broker.port) as heard,
        Daemon(folder, broker.port, SPEC, algorithms=[ALGORITHMS]),
        Fleet(broker.port, heard) as fleet,
    ):
        heard.until("job/steady/cam/result")
        yield Bench(broker, heard, fleet)


def spec_with(**jobs: dict[str, Any]) -> dict[str, Any]:
    return {"sources": SOURCES, "jobs": {"steady": TICKS, **jobs}}


def trouble(what: str, **params: Any) -> dict[str, Any]:
    return {"algorithm": "trouble", "params": {"what": what, **params}, "sampling": {"interval": 0.2}}


def assert_steady(bench: Bench, since_s: float) -> None:
    """Not one result of the job that did not change is missing, and it never paused; it still runs."""
    bench.heard.until("job/steady/cam/result", since_s=time.monotonic())
    results = bench.heard.results("steady", "cam", since_s)
    numbers = [one.content["seq"] for one in results]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    times = [one.calm_s for one in results]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert max(gaps, default=0.0) < LONGEST_PAUSE_S


def test_a_good_spec_is_applied_and_survives_a_restart(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Subscriber(broker.port) as heard,
        Fleet(broker.port, heard) as fleet,
        Daemon(tmp_path, broker.port, SPEC, algorithms=[ALGORITHMS]) as daemon,
    ):
        heard.until("job/steady/cam/result")
        verdict = fleet.apply(1, spec_with(more=TICKS))
        assert (verdict["phase"], verdict["revision"], verdict["local"]) == ("applied", 1, 0)
        assert fleet.command("pause", job="steady")["status"] == "ok"
        daemon.stop()
        since_s = time.monotonic()
        daemon.start()
        heard.until("job/more/cam/result", since_s=since_s)
        paused = heard.until("job/steady/status", since_s=since_s).content
        assert paused["state"] == "paused"
        reported = heard.until("reported", since_s=since_s).content
        assert (reported["revision"], reported["local"], reported["phase"]) == (1, 1, "applied")
        daemon.stop()
        daemon.start("--reset-spec")
        since_s = time.monotonic()
        heard.until("job/steady/cam/result", since_s=since_s)
        heard.until("reported", lambda content: content["revision"] == 0, since_s=since_s)
        assert not heard.results("more", "cam", since_s)


DETECTOR = {"algorithm": "detector", "params": {"model": "gone.onnx"}}
READS_A_FILE = {"algorithm": "ticks", "params": {"x": "${file:/etc/passwd}"}}
REJECTED = {
    "missing model": (DETECTOR, "model_not_found", ".params.model"),
    "wrong type": ({"algorithm": "ticks", "deadline": "long"}, "invalid", ".deadline"),
    "unknown algorithm": ({"algorithm": "tick"}, "algorithm_not_found", ".algorithm"),
    "raises in init": (trouble("init-raise"), "algorithm_failed", ".algorithm"),
    "segfaults in init": (trouble("init-segfault"), "algorithm_failed", ""),
    "file from the network": (READS_A_FILE, "not_allowed", ".params.x"),
}
ROLLED_BACK = {
    "raises at its first real frame": trouble("raise", after=0),
    "segfaults while it is watched": {**trouble("segfault", after=1), "worker": "doubtful"},
}


@pytest.mark.parametrize("why", REJECTED)
def test_a_bad_spec_is_rejected(bench: Bench, why: str) -> None:
    job, code, where = REJECTED[why]
    since_s = time.monotonic()
    verdict = bench.fleet.apply(bench.next(), spec_with(bad=job))
    assert verdict["phase"] == "rejected"
    assert verdict["revision"] == bench.running
    assert [(error["path"], error["code"]) for error in verdict["errors"]] == [(f"jobs.bad{where}", code)]
    assert_steady(bench, since_s)
    assert not bench.heard.results("bad", "cam", since_s)


@pytest.mark.parametrize("why", ROLLED_BACK)
def test_a_trial_that_fails_is_rolled_back(bench: Bench, why: str) -> None:
    since_s = time.monotonic()
    verdict = bench.fleet.apply(bench.next(), spec_with(bad=ROLLED_BACK[why]), gate={"stable_for": 5})
    assert verdict["phase"] == "rolled_back", verdict
    assert verdict["revision"] == bench.running
    assert [(error["path"], error["code"]) for error in verdict["errors"]] == [
        ("jobs.bad", "algorithm_failed")
    ]
    assert_steady(bench, since_s)
    bench.heard.until("job/bad/status", lambda content: content == b"", since_s=since_s)


def test_a_newer_desired_supersedes_one_that_hangs(bench: Bench) -> None:
    hanging, newer = bench.next(), bench.next()
    bench.fleet.desire(hanging, spec_with(bad=trouble("init-hang")))
    bench.heard.until("reported", lambda content: content.get("desired_revision") == hanging)
    since_s = time.monotonic()
    bench.fleet.desire(newer, spec_with(more=TICKS))
    bench.heard.until("reported", lambda content: content.get("phase") == "superseded", since_s=since_s)
    verdict = bench.fleet.decided(newer, since_s=since_s)
    assert verdict["phase"] == "applied", verdict
    bench.running = newer


def test_the_same_again_an_older_one_and_a_conflict(bench: Bench) -> None:
    revision, spec = bench.next(), spec_with(more=TICKS)
    first = bench.fleet.apply(revision, spec)
    bench.running = revision
    again = bench.fleet.apply(revision, spec)
    assert (again["phase"], again["since"]) == (first["phase"], first["since"])
    conflict = bench.fleet.apply(revision, SPEC)
    assert [error["code"] for error in conflict["errors"]] == ["conflict"]
    stale = bench.fleet.apply(1, SPEC)
    assert [error["code"] for error in stale["errors"]] == ["stale"]
    assert stale["revision"] == revision


def test_a_bad_desired_that_is_retained_is_not_tried_again(bench: Bench) -> None:
    revision = bench.next()
    verdict = bench.fleet.apply(revision, spec_with(bad=trouble("init-raise")))
    bench.broker.kill()
    since_s = time.monotonic()
    bench.broker.start()
    bench.fleet.desire(revision, spec_with(bad=trouble("init-raise")))
    again = bench.fleet.decided(revision, since_s=since_s)
    assert again["since"] == verdict["since"]
    phases = [one.content["phase"] for one in bench.heard.messages("reported", since_s) if one.payload]
    assert "preparing" not in phases
    bench.heard.until("job/steady/cam/result", since_s=time.monotonic())


def test_commands(bench: Bench) -> None:
    fleet = bench.fleet
    assert fleet.command("ping")["status"] == "ok"
    assert fleet.command("get", what="spec")["data"]["spec"]["jobs"]["steady"]["algorithm"] == "ticks"
    assert fleet.command("get", what="nothing")["code"] == "invalid"
    assert fleet.command("dance")["code"] == "unknown_op"
    assert fleet.command("pause", job="nobody")["code"] == "not_found"
    assert fleet.command("probe", url="/etc/passwd")["code"] == "not_allowed"
    looked = fleet.command("probe", url="pattern://testsrc2?size=320x240&rate=20")
    assert looked["data"]["width"] == 320
    assert fleet.command("restart", job="steady")["status"] == "ok"
    assert fleet.command("rebirth")["status"] == "ok"


def test_stats_are_as_they_are_now(bench: Bench) -> None:
    """Statuses are published every ten seconds: their counters would be older than a result that came."""
    for _ in range(3):
        heard = bench.heard.until("job/steady/cam/result", since_s=time.monotonic()).content
        told = bench.fleet.command("get", what="stats")["data"]
        assert told["source"]["cam"]["frames"] > heard["frame"]["index"]
        assert told["job"]["steady"]["state"] == "running"


def test_the_same_id_has_one_effect_and_the_same_answer(bench: Bench) -> None:
    patch = {"jobs": {"steady": {"sampling": {"interval": 0.1}}}}
    first = bench.fleet.command("patch", spec=patch, id="once")
    assert first["status"] == "ok", first
    second = bench.fleet.command("patch", spec={"jobs": {"steady": {"enabled": False}}}, id="once")
    assert second == first
    assert (
        bench.fleet.command("patch", spec={"jobs": {"steady": {"sampling": {"interval": 0.2}}}})["status"]
        == "ok"
    )


def test_a_retained_command_is_refused(bench: Bench) -> None:
    since_s = time.monotonic()
    bench.fleet.publish("cmd/pause", json.dumps({"id": "kept", "job": "steady"}).encode(), retain=True)
    assert bench.fleet.answer("pause", "kept", since_s=since_s)["code"] == "retained"
    bench.fleet.publish("cmd/pause", b"", retain=True)
    bench.heard.until("job/steady/cam/result", since_s=time.monotonic())


def test_an_mqtt5_request_gets_its_answer_where_it_wants_it(bench: Bench) -> None:
    asking = bench.fleet.asking(f"{ROOT}/asked/here", b"\x00\xff7")
    bench.fleet.publish("cmd/ping", b'{"id":"v5"}', properties=asking)
    assert bench.heard.until("asked/here").content["id"] == "v5"


def test_a_snapshot_with_and_without_a_job(bench: Bench) -> None:
    for arguments in ({"job": "steady"}, {}):
        since_s = time.monotonic()
        answer = bench.fleet.command("snapshot", source="cam", max_width=160, **arguments)
        assert answer["status"] == "ok", answer
        picture = bench.heard.until("source/cam/snapshot", since_s=since_s).payload
        assert picture[:2] == b"\xff\xd8"
        assert (answer["data"]["bytes"], answer["data"]["width"]) == (len(picture), 160)


def test_what_is_malformed_has_no_effect(bench: Bench) -> None:
    since_s = time.monotonic()
    for payload in (b"{", b"\xff\xfe", b"[" * 50_000, b'{"a":NaN}', b'{"a":1e999}', b"7", b"x" * 10_000_000):
        bench.fleet.publish("desired", payload)
        bench.fleet.publish("cmd/patch", payload)
    bench.fleet.publish("desired", b'{"revision":"9","spec":[]}')
    assert bench.fleet.command("ping")["status"] == "ok"
    assert bench.heard.until("reported", since_s=since_s).content["revision"] == bench.running
    assert_steady(bench, since_s)


@pytest.mark.slow
def test_an_init_that_hangs_is_rejected_at_its_deadline(bench: Bench) -> None:
    since_s = time.monotonic()
    verdict = bench.fleet.apply(bench.next(), spec_with(bad=trouble("init-hang")), within_s=200)
    assert verdict["phase"] == "rejected"
    assert [error["code"] for error in verdict["errors"]] == ["algorithm_failed"]
    assert_steady(bench, since_s)


def test_restarting_the_daemon_keeps_its_word(bench: Bench) -> None:
    since_s = time.monotonic()
    assert bench.fleet.command("restart", daemon=True)["status"] == "ok"
    stopping = bench.heard.until("state", lambda content: content["state"] == "stopping", since_s=since_s)
    born = bench.heard.until("state", lambda content: content["state"] == "online", since_s=stopping.at_s)
    assert born.content["boot"] != stopping.content["boot"]
    bench.heard.until("job/steady/cam/result", since_s=born.at_s)
