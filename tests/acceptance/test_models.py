"""Models as users bring them to a device: with a desired over a real broker, and by hand."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edged.app.model_files import pull
from edged.errors import EdgedError
from edged.model.fetching import FetchReport, FetchState, ModelFile
from tests.servers.daemon import ALGORITHMS, PATTERN, TICKS, Daemon, Subscriber
from tests.servers.fleet import Fleet
from tests.servers.lines import LineReader
from tests.servers.model_server import ModelServer, Shelf
from tests.servers.mosquitto import Mosquitto
from tests.servers.small_models import model_that_says

SOURCES = {"cam": {"url": PATTERN}}
SPEC = {"sources": SOURCES, "jobs": {"steady": TICKS}}
TELLING = {"algorithm": "telling", "params": {"model": "people.onnx"}, "sampling": {"interval": 0.2}}
LONGEST_PAUSE_S = 1.0
"""The contract: jobs that did not change never pause longer."""


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(one=Shelf(model_that_says(1)), two=Shelf(model_that_says(2))) as started:
        yield started


def spec_of(model: dict[str, Any]) -> dict[str, Any]:
    return {
        "models": {"people.onnx": model},
        "sources": SOURCES,
        "jobs": {"steady": TICKS, "tells": TELLING},
    }


def assert_steady(heard: Subscriber) -> None:
    heard.until("job/steady/cam/result", since_s=time.monotonic())
    results = heard.results("steady", "cam")
    numbers = [one.content["seq"] for one in results]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    gaps = [after.calm_s - before.calm_s for before, after in itertools.pairwise(results)]
    assert max(gaps) < LONGEST_PAUSE_S


def test_a_desired_brings_its_model(server: ModelServer, tmp_path: Path) -> None:
    """The wrong bytes are rejected while all runs on; the right ones are applied; old ones go."""
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Subscriber(broker.port) as heard,
        Fleet(broker.port, heard) as fleet,
        Daemon(tmp_path, broker.port, SPEC, algorithms=[ALGORITHMS]),
    ):
        heard.until("job/steady/cam/result")
        wrong = fleet.apply(1, spec_of(server.entry("one", sha256="0" * 64)))
        assert wrong["phase"] == "rejected"
        (error,) = wrong["errors"]
        assert (error["path"], error["code"]) == ("models.people.onnx.sha256", "invalid")
        assert server.shelves["/one.onnx"].sha256 in error["message"], "the mend"
        for revision, (name, number) in enumerate((("one", 1.0), ("two", 2.0)), 2):
            assert fleet.apply(revision, spec_of(server.entry(name)))["phase"] == "applied"
            heard.until(
                "job/tells/cam/result", lambda content, number=number: content["data"]["says"] == number
            )
        assert_steady(heard)
        store = tmp_path / "state" / "models" / ".store"
        left = {server.shelves["/two.onnx"].sha256}
        deadline_s = time.monotonic() + 60
        while {entry.name for entry in store.iterdir()} != left:
            assert time.monotonic() < deadline_s, list(store.iterdir())
            time.sleep(0.02)


@pytest.mark.parametrize("victim", ["main", "fetcher"])
def test_a_kill_in_mid_download_costs_nothing_that_has_come(
    server: ModelServer, tmp_path: Path, victim: str
) -> None:
    large = server.shelves["/large.onnx"] = Shelf(model_that_says(7, padding=15_000_000), pause_s=0.1)
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Subscriber(broker.port) as heard,
        Fleet(broker.port, heard) as fleet,
        Daemon(tmp_path, broker.port, SPEC, algorithms=[ALGORITHMS]) as daemon,
    ):
        heard.until("job/steady/cam/result")
        since_s = fleet.desire(1, spec_of(server.entry("large")))
        partial = tmp_path / "state" / "models" / ".store" / f"{large.sha256}.part"
        until_larger(partial, 500_000)
        fetcher = next(pid for name, pid in daemon.children().items() if name.startswith("fetch:"))
        os.kill(daemon.pid if victim == "main" else fetcher, signal.SIGKILL)
        large.pause_s = 0
        if victim == "main":
            assert daemon.process is not None
            daemon.process.wait()
            daemon.start()
        assert fleet.decided(1, since_s=since_s)["phase"] == "applied"
        heard.until("job/tells/cam/result", lambda content: content["data"]["says"] == 7.0)
    whole, *later = server.ranges("large")
    assert whole == ""
    assert later
    assert all(int(asked.removeprefix("bytes=").removesuffix("-")) >= 500_000 for asked in later)


def until_larger(path: Path, size: int) -> None:
    deadline_s = time.monotonic() + 60
    while not path.is_file() or path.stat().st_size < size:
        assert time.monotonic() < deadline_s, "it does not come"
        time.sleep(0.01)


# ---- by hand ----


def start(*words: str | Path, storage: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "edged", "models", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "STATE_DIRECTORY": str(storage)},
        start_new_session=True,
    )


def models(*words: str | Path, storage: Path) -> tuple[int, str, str]:
    """Exit code, what it said, what it complained of."""
    process = start(*words, storage=storage)
    said, complained = process.communicate(timeout=60)
    return process.returncode, said, complained


def test_pulling_by_url(server: ModelServer, tmp_path: Path) -> None:
    url, shelf = server.url("one"), server.shelves["/one.onnx"]
    shelf.breaks_at, shelf.breaks = 50, 1
    code, said, complained = models("pull", url, storage=tmp_path)
    assert code == 0, complained
    place = tmp_path / "models" / "one.onnx"
    assert said.splitlines()[:2] == [str(place), f"sha256 {shelf.sha256}"]
    assert "vouches" in said
    assert "broke off" in complained
    assert place.read_bytes() == shelf.content
    assert models("pull", url, storage=tmp_path)[0] == 1, "never over another file"
    again = models("pull", url, "--sha256", shelf.sha256, storage=tmp_path)
    assert (again[0], "already" in again[1]) == (0, True)
    wrong = models("pull", url, "--sha256", "0" * 64, "--to", tmp_path / "new", storage=tmp_path)
    assert wrong[0] == 1
    assert shelf.sha256 in wrong[2]
    assert list((tmp_path / "new").iterdir()) == []


def test_ctrl_c_keeps_what_has_come(server: ModelServer, tmp_path: Path) -> None:
    large = server.shelves["/large.onnx"] = Shelf(model_that_says(7, padding=15_000_000), pause_s=0.1)
    words = ("pull", server.url("large"), "--sha256", large.sha256)
    process = start(*words, storage=tmp_path)
    until_larger(tmp_path / "models" / ".large.onnx.part", 300_000)
    os.killpg(process.pid, signal.SIGINT)
    assert "\nstopped; what has come is kept" in process.communicate(timeout=60)[1]
    assert process.returncode == 130
    large.pause_s = 0
    assert models(*words, storage=tmp_path)[0] == 0
    assert server.ranges("large")[-1].startswith("bytes=")
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["large.onnx"]


def test_a_name_that_cannot_be_looked_up_is_said_at_once_and_not_tried_for_ever(tmp_path: Path) -> None:
    url = "https://models.invalid/one.onnx"
    process = start("pull", url, storage=tmp_path)
    assert process.stderr is not None
    lines = LineReader(process.stderr)
    lines.wait_for(f"one.onnx: from {url}", 20)
    said = lines.wait_for("one.onnx: the name models.invalid cannot be looked up", 40)
    assert "for up to 60 s" in said
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == 130


def test_pulling_ends_when_nothing_came_for_long_enough(server: ModelServer, tmp_path: Path) -> None:
    """The same that the command calls, with less patience than its minute."""
    server.shelves["/one.onnx"].statuses = [503] * 100
    model = ModelFile("one.onnx", server.url("one"), "the server", "", str(tmp_path / "one.onnx"))
    told: list[FetchReport] = []
    less_than_a_minute = r"[1-5]?[0-9] s"
    with pytest.raises(
        EdgedError, match=rf"the server: the server answers 503 .*; tried for {less_than_a_minute}: the same"
    ):
        pull(model, told.append, patience_s=3)
    assert {report.state for report in told} <= {FetchState.BROKEN, FetchState.COMING}


def test_verify_finds_what_is_not_what_it_should_be(server: ModelServer, tmp_path: Path) -> None:
    assert models("verify", storage=tmp_path)[0] == 0
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.onnx").write_bytes(b"mine")
    assert models("verify", storage=tmp_path)[0] == 0
    (tmp_path / "models" / "mnist.onnx").write_bytes(b"not mnist")
    code, said, _ = models("verify", storage=tmp_path)
    assert code == 1
    assert "WRONG" in said
    assert "pull mnist" in said
    (tmp_path / "models" / "mnist.onnx").unlink()
    damaged = tmp_path / "models" / ".store" / ("0" * 64) / "people.onnx"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"bit rot")
    assert "damaged" in models("verify", storage=tmp_path)[1]


def test_list_shows_what_is_here_and_the_catalogue(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mine.onnx").write_bytes(b"mine")
    code, said, _ = models("list", "--json", storage=tmp_path)
    assert code == 0
    told = json.loads(said)
    assert [each["sha256"] for each in told["here"]] == [hashlib.sha256(b"mine").hexdigest()]
    assert "yolox-nano" in [each["name"] for each in told["catalogue"]]
    plain = models("list", storage=tmp_path)[1]
    assert "mine.onnx" in plain
    assert "Apache-2.0" in plain


def test_a_name_that_is_not_in_the_catalogue(tmp_path: Path) -> None:
    code, _, complained = models("pull", "yolox-nanu", storage=tmp_path)
    assert code == 1
    assert 'did you mean "yolox-nano"' in complained
