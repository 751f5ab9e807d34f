"""One attempt after the other to have a model file from a server that misbehaves."""

from __future__ import annotations

import hashlib
import random
import shutil
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edged.model.fetching import FetchReport, FetchRequest, FetchState, ModelFile
from edged.modelstore import partial as room
from edged.modelstore.attempt import Attempt
from edged.modelstore.patience import Patience
from edged.modelstore.store import ModelStore, partial_of
from tests.servers.model_server import ModelServer, Shelf

CONTENT = random.Random(1).randbytes(700_000)
TOKEN = "Bearer open-sesame"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(people=Shelf(CONTENT)) as started:
        yield started


@pytest.fixture
def request_(server: ModelServer, tmp_path: Path) -> FetchRequest:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    place = ModelStore(tmp_path / ".store").place_of("people.onnx", sha256)
    url = server.url("people")
    model = ModelFile("people.onnx", url, url, sha256, str(place))
    return FetchRequest(model, str(partial_of(place, sha256)), silence_s=1.0)


@pytest.fixture
def shelf(server: ModelServer) -> Shelf:
    return server.shelves["/people.onnx"]


def attempt(request: FetchRequest) -> FetchReport:
    return Attempt(request, lambda report: None, lambda phase: None).run()


def attempts(request: FetchRequest, most: int = 8) -> list[FetchReport]:
    """As often as there is use in it, without the pauses."""
    patience, reports = Patience(), [attempt(request)]
    while patience.after(reports[-1]) is not None and len(reports) < most:
        reports.append(attempt(request))
    return reports


def assert_there(request: FetchRequest) -> None:
    """The very file in its place, and nothing beside it."""
    place = Path(request.model.path)
    assert place.read_bytes() == CONTENT
    assert [path.name for path in place.parent.parent.iterdir()] == [request.model.sha256]


def test_a_file_comes(request_: FetchRequest, server: ModelServer) -> None:
    reports: list[FetchReport] = []
    last = Attempt(request_, reports.append, lambda phase: None).run()
    assert (last.state, last.received, last.sha256) == (
        FetchState.THERE, len(CONTENT), request_.model.sha256,
    )  # fmt: skip
    assert reports[0].state is FetchState.COMING
    assert reports[0].total == len(CONTENT)
    assert_there(request_)
    assert attempt(request_).state is FetchState.THERE
    assert len(server.asked) == 1, "what is there is not asked for again"


@pytest.mark.parametrize("chunked", [False, True])
def test_what_breaks_off_goes_on_where_it_was(
    request_: FetchRequest, server: ModelServer, shelf: Shelf, chunked: bool
) -> None:
    shelf.breaks_at, shelf.breaks, shelf.is_chunked = 400_000, 1, chunked
    first, last = attempts(request_)
    assert (first.state, first.code, first.received) == (FetchState.BROKEN, "source_failed", 400_000)
    assert "broke off" in first.error
    assert last.state is FetchState.THERE
    assert server.ranges("people") == ["", "bytes=400000-"]
    assert server.asked[1].headers["if-range"] == '"v1"'
    assert_there(request_)


def test_another_version_is_taken_from_its_beginning(
    request_: FetchRequest, server: ModelServer, shelf: Shelf
) -> None:
    shelf.breaks_at, shelf.breaks, shelf.sends = 400_000, 1, bytes(700_000)
    attempt(request_)
    shelf.sends, shelf.tag = None, '"v2"'
    assert attempt(request_).state is FetchState.THERE
    assert_there(request_)


def test_a_server_without_ranges_sends_all_again(request_: FetchRequest, shelf: Shelf) -> None:
    shelf.breaks_at, shelf.breaks, shelf.knows_ranges = 400_000, 1, False
    assert [report.state for report in attempts(request_)] == [FetchState.BROKEN, FetchState.THERE]
    assert_there(request_)


def test_a_length_that_is_too_long_costs_one_more_question(request_: FetchRequest, shelf: Shelf) -> None:
    shelf.claims = len(CONTENT) + 1000
    reports = attempts(request_)
    assert [report.state for report in reports] == [FetchState.BROKEN, FetchState.THERE]
    assert_there(request_)


def test_a_length_that_is_too_short_is_not_believed(request_: FetchRequest, shelf: Shelf) -> None:
    shelf.claims = len(CONTENT) - 1000
    reports = attempts(request_)
    assert reports[-1].code == "invalid"
    assert reports[-1].about == "sha256"
    assert not Path(request_.model.path).exists()


def test_other_bytes_are_thrown_away_and_asked_for_once_more(
    request_: FetchRequest, server: ModelServer, shelf: Shelf
) -> None:
    shelf.sends = b"no model"
    reports = attempts(request_)
    assert [report.about for report in reports] == ["sha256", "sha256"]
    assert hashlib.sha256(b"no model").hexdigest() in reports[-1].error
    assert server.ranges("people") == ["", ""]
    assert not Path(request_.model.path).exists()


def test_garbage_after_a_power_cut_is_found_out(request_: FetchRequest) -> None:
    partial = Path(request_.partial)
    partial.parent.mkdir(parents=True)
    partial.write_bytes(CONTENT[:300_000] + bytes(100_000))
    assert [report.state for report in attempts(request_)] == [FetchState.BROKEN, FetchState.THERE]
    assert_there(request_)


@pytest.mark.parametrize(
    ("status", "state", "code"),
    [
        (401, FetchState.REFUSED, "not_allowed"),
        (403, FetchState.REFUSED, "not_allowed"),
        (404, FetchState.REFUSED, "model_not_found"),
        (410, FetchState.REFUSED, "model_not_found"),
        (451, FetchState.REFUSED, "source_failed"),
        (429, FetchState.BROKEN, "source_failed"),
        (503, FetchState.BROKEN, "source_failed"),
    ],
)
def test_what_a_server_refuses(
    request_: FetchRequest, shelf: Shelf, status: int, state: FetchState, code: str
) -> None:
    shelf.statuses = [status]
    report = attempt(request_)
    assert (report.state, report.code, report.about) == (state, code, "url")
    assert str(status) in report.error
    assert list(Path(request_.partial).parent.iterdir()) == []


def test_a_server_says_when_to_come_again(request_: FetchRequest, shelf: Shelf) -> None:
    shelf.statuses, shelf.retry_after = [503, 503], "7"
    assert attempt(request_).wait_s == 7
    patience = Patience()
    assert (patience.after(attempt(request_)) or 0) >= 7


def test_a_silent_server_is_left(request_: FetchRequest, shelf: Shelf) -> None:
    shelf.is_silent = True
    report = attempt(replace(request_, silence_s=0.2))
    assert (report.state, report.error) == (FetchState.BROKEN, "127.0.0.1 fell silent")


def test_a_server_that_is_not_there(request_: FetchRequest) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/people.onnx"
        report = attempt(replace(request_, model=replace(request_.model, url=url)))
    assert report.state is FetchState.BROKEN
    assert "Connection refused" in report.error


def test_credentials_go_to_their_host_alone(
    request_: FetchRequest, server: ModelServer, shelf: Shelf
) -> None:
    server.shelves["/near.onnx"] = Shelf(b"", leads_to=server.url("far"))
    server.shelves["/far.onnx"] = Shelf(b"", leads_to=server.url("people", "localhost"))
    model = replace(request_.model, url=server.url("near"), authorization=TOKEN)
    assert attempt(replace(request_, model=model)).state is FetchState.THERE
    told = [(asked.host.partition(":")[0], asked.headers.get("authorization")) for asked in server.asked]
    assert told == [("127.0.0.1", TOKEN), ("127.0.0.1", TOKEN), ("localhost", None)]


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("file:///etc/passwd", "not_allowed"),
        ("ftp://127.0.0.1/x", "not_allowed"),
        ("http://127.0.0.1:99999/x", "source_failed"),
        ("http://[::1/x", "source_failed"),
        ("", "source_failed"),
    ],
)
def test_where_one_is_not_led(
    request_: FetchRequest, server: ModelServer, shelf: Shelf, target: str, code: str
) -> None:
    shelf.leads_to = target or server.url("people")
    report = attempt(request_)
    assert (report.state, report.code) == (FetchState.REFUSED, code)


def test_no_room(request_: FetchRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    free = shutil.disk_usage(Path(request_.model.path).parents[2]).free
    monkeypatch.setattr(room, "SPARE_BYTES", free)
    report = attempt(request_)
    assert (report.state, report.code) == (FetchState.REFUSED, "too_large")
    assert "free space" in report.error


def test_what_waits_for_the_broker_keeps_its_room(request_: FetchRequest, shelf: Shelf) -> None:
    """Refused before a byte of it is received, with the numbers; room for both is no trouble."""
    free_mb = shutil.disk_usage(Path(request_.model.path).parents[2]).free / 1e6
    shelf.claims = 2_000_000_000
    shelf.is_silent = True
    report = attempt(replace(request_, model=replace(request_.model, kept_mb=free_mb - 1_000)))
    assert (report.state, report.code, report.received) == (FetchState.REFUSED, "too_large", 0)
    assert "2000.0 MB are still to come" in report.error
    assert "for what waits for the broker (half of storage.max_mb)" in report.error
    assert "set storage.max_mb lower" in report.error
    shelf.claims, shelf.is_silent = None, False
    there = attempt(replace(request_, model=replace(request_.model, kept_mb=free_mb - 1_000)))
    assert there.state is FetchState.THERE, there.error


@pytest.mark.parametrize("chunked", [False, True])
def test_what_does_not_end_is_left(
    request_: FetchRequest, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, chunked: bool
) -> None:
    shelf.is_chunked = chunked
    monkeypatch.setattr(room, "SPARE_BYTES", 200_000)
    monkeypatch.setattr(room, "MOST_BYTES", 300_000)
    report = attempt(request_)
    assert (report.state, report.code) == (FetchState.REFUSED, "too_large")
    assert report.received < len(CONTENT)


def test_a_file_in_a_model_folder_is_copied_if_it_is_the_one(
    request_: FetchRequest, server: ModelServer, tmp_path: Path
) -> None:
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "people.onnx").write_bytes(b"another")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "people.onnx").write_bytes(CONTENT)
    folders = (str(tmp_path / "wrong"), str(tmp_path / "models"))
    report = attempt(replace(request_, folders=folders))
    assert (report.state, report.source) == (FetchState.THERE, folders[1])
    assert not server.asked
    (tmp_path / "models" / "people.onnx").write_bytes(b"changed in place")
    assert_there(request_)


def test_one_file_under_two_names_is_downloaded_once(request_: FetchRequest, server: ModelServer) -> None:
    attempt(request_)
    place = Path(request_.model.path)
    other = replace(request_.model, name="men.onnx", path=str(place.with_name("men.onnx")))
    assert attempt(replace(request_, model=other)).state is FetchState.THERE
    assert len(server.asked) == 1
    assert place.with_name("men.onnx").read_bytes() == CONTENT
