"""SIGKILL of main at the points at which a change goes to the disk; and what is there before its PUBACK.

strace kills main just before one system call. After each kill it is started again and has to be in one of
the two states that rule 3 of the contract allows, according to what it had written.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edged.control.twin_record import TwinRecord
from edged.control.twin_store import decode_record
from tests.servers.daemon import ALGORITHMS, PATTERN, TICKS, Daemon, Subscriber, family
from tests.servers.fleet import FINAL, Fleet
from tests.servers.kept import forget, kept
from tests.servers.mosquitto import Mosquitto
from tests.servers.strace import RENAMES, SYNCS, Call, Point, Trace, require_strace

DOOR = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.8]]
CAM = {"url": PATTERN, "zones": {"door": DOOR}}
OLD = {"sources": {"cam": CAM}, "jobs": {"steady": TICKS}}
DESIRED = {"sources": {"cam": CAM}, "jobs": {"steady": TICKS, "more": TICKS}}
APPEND = [
    {"op": "add", "path": "/jobs/more", "value": TICKS},
    {"op": "add", "path": "/sources/cam/zones/door/-", "value": [0.2, 0.7]},
]
"""A patch that would show it if it were applied twice."""
PATCHED = {
    "sources": {"cam": {**CAM, "zones": {"door": [*DOOR, [0.2, 0.7]]}}},
    "jobs": {"steady": TICKS, "more": TICKS},
}
ID = "once"
MOST_POINTS = 40
"""Of one kind; there are far fewer."""


@pytest.fixture(scope="module", autouse=True)
def _strace() -> None:
    require_strace()


@dataclass
class Site:
    """A device that never ran before, its broker and its fleet."""

    daemon: Daemon
    broker: Mosquitto
    heard: Subscriber
    fleet: Fleet
    is_asked: bool = False
    """The change was sent."""

    @property
    def state(self) -> Path:
        return self.daemon.folder / "state"

    @property
    def record(self) -> TwinRecord:
        """The twin as it is on the disk; fails when that cannot be read."""
        path = self.state / "twin.json"
        return decode_record(path.read_bytes()) if path.exists() else TwinRecord()

    def run_to(self, point: Point, ask: Callable[[], object], is_over: Callable[[], bool]) -> bool:
        """Start it, ask for a change, wait until that is decided or main was killed: which of them."""
        self.daemon.start(under=Trace(self.daemon.folder / "trace").under(kill_at=point))
        main = self.daemon.process
        assert main is not None
        deadline_s = time.monotonic() + 30
        while main.poll() is None:
            assert time.monotonic() < deadline_s, f"{point}: neither decided nor killed"
            if not self.is_asked and self.heard.messages("reported"):
                ask()
                self.is_asked = True
            if self.is_asked and is_over():
                return False
            time.sleep(0.01)
        assert main.returncode == -signal.SIGKILL
        return True

    def start_again(self, *, forgetful: bool = False, under: Sequence[str] = ()) -> float:
        """After a kill, as an init system does; ``forgetful``: the broker knows nothing of it any more."""
        deadline_s = time.monotonic() + 10
        while left := family(self.daemon.pid):
            assert time.monotonic() < deadline_s, f"main left {left} behind"
            time.sleep(0.01)
        if forgetful:
            forget(self.broker.port)
        since_s = time.monotonic()
        self.daemon.start(under=under)
        return since_s

    def settled(self) -> TwinRecord:
        """The twin on the disk once no change is at work any more."""
        deadline_s = time.monotonic() + 20
        while (record := self.record).candidate is not None:
            assert time.monotonic() < deadline_s, record
            time.sleep(0.01)
        return record

    def agrees_on(self, spec: dict[str, Any], revision: int, local: int) -> None:
        """Everything that it says of itself is this, and the broker keeps nothing else of it."""
        record = self.settled()
        assert (record.effective(OLD), record.revision, record.local) == (spec, revision, local)
        told = self.fleet.command("get", what="spec")["data"]
        assert (told["spec"], told["revision"], told["local"]) == (spec, revision, local)
        wanted = {f"job/{name}/status": "running" for name in spec["jobs"]}
        deadline_s = time.monotonic() + 15
        while True:
            now = kept(self.broker.port)
            jobs = {topic: content["state"] for topic, content in now.items() if topic.startswith("job/")}
            if jobs == wanted:
                break
            assert time.monotonic() < deadline_s, (jobs, wanted)
            time.sleep(0.02)
        assert (now["reported"]["revision"], now["reported"]["local"]) == (revision, local)

    def ask_for_patch(self) -> None:
        self.fleet.publish("cmd/patch", json.dumps({"id": ID, "ops": APPEND}).encode())

    def answers(self) -> list[dict[str, Any]]:
        found = [one.content for one in self.heard.messages("res/patch")]
        return [answer for answer in found if answer["id"] == ID]

    def is_decided(self) -> bool:
        reported = [one.content for one in self.heard.messages("reported")]
        return any(one.get("desired_revision") == 1 and one["phase"] in FINAL for one in reported)


@contextlib.contextmanager
def site(folder: Path) -> Iterator[Site]:
    with (
        Mosquitto(folder / "broker") as broker,
        Subscriber(broker.port) as heard,
        Fleet(broker.port, heard) as fleet,
    ):
        daemon = Daemon(folder, broker.port, OLD, algorithms=[ALGORITHMS])
        try:
            yield Site(daemon, broker, heard, fleet)
        finally:
            if daemon.process is not None and daemon.process.poll() is None:
                daemon.process.kill()
                daemon.process.wait(10)


def twin_files(state: Path) -> tuple[Path, ...]:
    return state / "twin.json", state / ".twin.json.new"


def database_files(state: Path) -> tuple[Path, ...]:
    return state / "edged.db", state / "edged.db-wal", state / "edged.db-journal"


def journalled(state: Path, scratch: Path) -> bytes | None:
    """What the journal on the disk says that the command was answered; None: it does not know it."""
    scratch.mkdir()
    for path in database_files(state):
        if path.exists():
            shutil.copy(path, scratch)
    if not (scratch / "edged.db").exists():
        return None
    with contextlib.closing(sqlite3.connect(scratch / "edged.db")) as connection:
        try:
            row = connection.execute("SELECT answer FROM command WHERE id = ?", (ID,)).fetchone()
        except sqlite3.OperationalError:  # killed before the tables were there
            return None
    return None if row is None else bytes(row[0])


def cut_desired(folder: Path, point: Point, *, forgetful: bool) -> bool:
    """Desired, killed at ``point``, started again; whether it was killed at all."""
    with site(folder) as at:
        if not at.run_to(point, lambda: at.fleet.desire(1, DESIRED), at.is_decided):
            return False
        begun = at.record
        since_s = at.start_again(forgetful=forgetful)
        if begun == TwinRecord() and (forgetful or not at.is_asked):
            at.heard.until("reported", lambda told: "phase" not in told, since_s=since_s)
            at.agrees_on(OLD, 0, 0)
        else:
            verdict = at.fleet.decided(1, since_s=since_s)
            assert (verdict["phase"], verdict["revision"], "errors" in verdict) == ("applied", 1, False)
            at.agrees_on(DESIRED, 1, 0)
        return True


def cut_patch(folder: Path, point: Point, *, forgetful: bool) -> bool:
    """A patch with an id, killed at ``point``, started again, asked for again, twice; as `cut_desired`."""
    with site(folder) as at:
        if not at.run_to(point, at.ask_for_patch, lambda: bool(at.answers())):
            return False
        begun, answer = at.record, journalled(at.state, folder / "scratch")
        since_s = at.start_again(forgetful=forgetful)
        at.heard.until("reported", since_s=since_s)
        for _ in range(2):
            at.fleet.command("patch", id=ID, ops=APPEND)
            at.settled()
        first, *others = at.answers()
        assert all(other == first for other in others)
        is_tried_again = begun.candidate is not None
        if answer is None or answer or is_tried_again:  # not begun before the kill, or over, or not over
            assert first["status"] == "ok", first
            at.agrees_on(PATCHED, 0, 1)
        else:
            assert first["code"] == "interrupted", first
            at.agrees_on(*((OLD, 0, 0) if begun == TwinRecord() else (PATCHED, 0, 1)))
        return True


CUTS = {"desired": cut_desired, "patch": cut_patch}
KINDS = {
    "the twin's file is synced": (("fsync",), twin_files),
    "the twin's file takes its place": (RENAMES, twin_files),
    "the folder is synced": (("fsync",), lambda state: (state,)),
    "the database is synced": (("fdatasync",), lambda state: (state / "edged.db-wal",)),
    "the database is made": (("fdatasync",), lambda state: (state / "edged.db", state / "edged.db-journal")),
    "the database's folder is synced": (("fdatasync",), lambda state: (state,)),
    "the kept topics' file takes its place": (RENAMES, lambda state: (state / ".retained.json.new",)),
}


def cut(what: str, folder: Path, kind: str, number: int, *, forgetful: bool) -> bool:
    calls, files = KINDS[kind]
    print(f"killed in a {what} before {kind}, {number}, {forgetful=}")
    return CUTS[what](folder, Point(calls, number, files(folder / "state")), forgetful=forgetful)


@pytest.mark.parametrize(
    ("what", "kind", "number", "forgetful"),
    [
        ("desired", "the twin's file takes its place", 1, False),
        ("desired", "the twin's file takes its place", 2, True),
        ("desired", "the twin's file takes its place", 3, True),
        ("patch", "the database is synced", 3, True),
        ("patch", "the database is synced", 4, False),
        ("patch", "the twin's file takes its place", 1, False),
        ("patch", "the twin's file takes its place", 2, True),
    ],
)
def test_a_kill_in_a_change(tmp_path: Path, what: str, kind: str, number: int, forgetful: bool) -> None:
    assert cut(what, tmp_path, kind, number, forgetful=forgetful), "it was not killed"


@pytest.mark.slow
@pytest.mark.parametrize("forgetful", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("what", CUTS)
def test_a_kill_at_every_point(tmp_path: Path, what: str, kind: str, forgetful: bool) -> None:
    number = 0
    is_killed = True
    while is_killed:
        number += 1
        assert number < MOST_POINTS
        is_killed = cut(what, tmp_path / str(number), kind, number, forgetful=forgetful)
    print(f"{number - 1} points of {kind} in a {what}, {forgetful=}")
    assert number > 1


@pytest.mark.parametrize(
    ("number", "phase"), [(3, "rolled_back"), pytest.param(2, "rejected", marks=pytest.mark.slow)]
)
def test_a_desired_that_is_cut_off_twice_is_not_tried_a_third_time(
    tmp_path: Path, number: int, phase: str
) -> None:
    """Just before it is final, or just before its trial; the second attempt writes that it is one first."""
    with site(tmp_path) as at:
        state = tmp_path / "state"
        point = Point(RENAMES, number, twin_files(state))
        assert at.run_to(point, lambda: at.fleet.desire(1, DESIRED), at.is_decided)
        at.start_again(under=Trace(tmp_path / "trace").under(kill_at=point))
        assert at.daemon.process is not None
        assert at.daemon.process.wait(20) == -signal.SIGKILL
        since_s = at.start_again()
        verdict = at.fleet.decided(1, since_s=since_s)
        assert (verdict["phase"], verdict["revision"]) == (phase, 0)
        assert [error["code"] for error in verdict["errors"]] == ["interrupted"]
        at.agrees_on(OLD, 0, 0)


def test_a_patch_that_is_cut_off_twice_is_dropped(tmp_path: Path) -> None:
    with site(tmp_path) as at:
        files = twin_files(tmp_path / "state")
        assert at.run_to(Point(RENAMES, 2, files), at.ask_for_patch, lambda: bool(at.answers()))
        at.start_again(under=Trace(tmp_path / "trace").under(kill_at=Point(RENAMES, 3, files)))
        assert at.daemon.process is not None
        assert at.daemon.process.wait(20) == -signal.SIGKILL
        since_s = at.start_again()
        at.heard.until("reported", since_s=since_s)
        assert at.fleet.command("patch", id=ID, ops=APPEND)["code"] == "interrupted"
        at.agrees_on(OLD, 0, 0)


def test_what_is_acknowledged_or_told_is_on_the_disk(tmp_path: Path) -> None:
    """As the kernel saw it: each step begins when the one before it is over."""
    trace = Trace(tmp_path / "trace")
    with site(tmp_path) as at:
        at.daemon.start(under=trace.under((*SYNCS, "write", "pwrite64", "sendto")))
        at.heard.until("reported")
        assert at.fleet.command("patch", id=ID, ops=APPEND)["status"] == "ok"
        assert at.fleet.apply(1, DESIRED)["phase"] == "applied"
        at.daemon.stop()
    calls = trace.calls()
    pubacks = [call for call in calls if call.name == "sendto" and '"@\\2' in call.arguments]
    of_command, of_desired = pubacks
    twin = [
        ("write", ".twin.json.new"),
        ("fsync", ".twin.json.new"),
        ("rename", "twin.json"),
        ("fsync", "state>"),
    ]
    journal = [("pwrite64", ID), ("fdatasync", "edged.db-wal")]

    journalled_at = last_of(calls, journal, after=0)
    assert journalled_at < of_command.begun
    patched_at = last_of(calls, twin * 2, after=of_command.begun)
    answer = first(calls, "sendto", "res/patch", after=0)
    assert last_of(calls, journal, after=patched_at) < answer.begun

    assert last_of(calls, twin, after=answer.begun) < of_desired.begun
    applied_at = last_of(calls, twin * 2, after=of_desired.begun)
    told = first(calls, "sendto", r"\"phase\":\"applied\"", after=0)
    assert applied_at < told.begun


def last_of(calls: Sequence[Call], steps: Sequence[tuple[str, str]], *, after: int) -> int:
    """When the last step ended, each the first of its kind after the one before."""
    for name, what in steps:
        call = first(calls, name, what, after=after)
        assert call.ended is not None
        after = call.ended
    return after


def first(calls: Sequence[Call], name: str, what: str, *, after: int) -> Call:
    """The first call of ``name`` with ``what`` among its arguments that began after a moment."""
    for call in calls:
        if call.begun > after and call.name.startswith(name) and what in call.arguments:
            return call
    raise AssertionError(f"no {name} of {what} after {after}")
