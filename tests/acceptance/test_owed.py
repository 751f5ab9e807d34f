"""Nothing owed is lost: events under load while the broker is restarted and main is killed.

What the broker has acknowledged is its own to keep, so it is ended in order, keeps its sessions on disk, and
the subscriber has one: what is missing in the end was lost by the device. But what is in flight when it goes,
or its acknowledgement, is swallowed, as when a network breaks.
The algorithm notes in a file how many events it had made when, which no kill takes away: so it is known what
was made and never heard.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, groupby
from pathlib import Path
from random import Random

import pytest

from tests.servers.daemon import ALGORITHMS, ROOT, Daemon
from tests.servers.kept_session import KeptSession, Numbered
from tests.servers.line import Line, Way
from tests.servers.mosquitto import Mosquitto

SOURCE = {"url": "pattern://testsrc2?size=160x120&rate=25"}
PER_RUN = {"left": 12, "right": 8}
"""Jobs: events of each run, so that together they make 500 a second."""
RULE_5_S = 0.2
"""What was made in the last so many seconds before a cut may be missing, nothing older."""
BUSY_S = 0.3
"""On top of that for the way through pipe and disk on a machine that runs other tests."""
DRAIN_S = 30.0


def spec_of(ledger: Path | None) -> dict[str, object]:
    """All events are made again by their algorithm's count: ``data.number`` is as ``seq`` should be."""
    jobs = {
        name: {
            "algorithm": "bursts",
            "params": {"per_run": count, "ledger": str(ledger)},
            "sampling": {"interval": 0},
            "publish": {"when": "events"},
        }
        for name, count in PER_RUN.items()
    }
    return {"sources": {"cam": SOURCE}, "jobs": jobs if ledger is not None else {}}


@dataclass
class Life:
    """One life of main, from its start to its end."""

    started_ns: int
    boot: str = ""
    ended_ns: int = 0
    was_killed: bool = True


@dataclass
class Ordeal:
    """A device whose main and whose broker come and go."""

    broker: Mosquitto
    line: Line
    daemon: Daemon
    heard: KeptSession
    ledger: Path
    random: Random
    lives: list[Life] = field(default_factory=list)
    ways: Iterator[Way] = field(default_factory=lambda: cycle(Way))

    def start(self) -> None:
        self.lives.append(Life(time.monotonic_ns()))
        self.daemon.start()

    def kill_main(self) -> None:
        assert self.daemon.process is not None
        self.lives[-1].ended_ns = time.monotonic_ns()
        self.daemon.process.kill()
        self.daemon.process.wait(10)

    def stop_main(self) -> None:
        self.lives[-1].was_killed = False
        self.daemon.stop()
        self.lives[-1].ended_ns = time.monotonic_ns()

    def restart_broker(self) -> None:
        """Until it is heard again what this life of main makes."""
        self.while_broker_is_away(lambda: None)
        before = len(self.heard.heard)
        assert self.heard.until(lambda: len(self.heard.heard) > before), self.daemon.log[-3000:]

    def while_broker_is_away(self, do: Callable[[], None]) -> None:
        """What is in flight when it goes does not reach it any more, or it is not heard to have it."""
        self.line.swallow(next(self.ways))
        self.let_it_make(50)
        self.line.cut()
        self.broker.stop()
        self.let_it_make(self.random.randint(300, 600))
        do()
        self.broker.start()
        self.line.open()

    def restart_main(self) -> None:
        self.kill_main()
        self.start()

    def let_it_make(self, count: int) -> None:
        """Until so many events more were made in this life of main."""
        life = self.lives[-1]
        wanted = sum(self.made(life).values()) + count
        deadline_s = time.monotonic() + DRAIN_S
        while sum(self.made(life).values()) < wanted:
            assert time.monotonic() < deadline_s, f"no events; the log:\n{self.daemon.log[-3000:]}"
            time.sleep(self.random.uniform(0.01, 0.05))  # so that what follows comes at any moment

    def made(self, life: Life) -> dict[str, int]:
        """How many events each job has made in a life."""
        return {job: book[-1][1] if book else 0 for job, book in self.books(life).items()}

    def books(self, life: Life) -> dict[str, list[tuple[int, int]]]:
        """What each job has noted in a life: a moment, and how many events it had made by then."""
        found: dict[str, list[tuple[int, int]]] = {job: [] for job in PER_RUN}
        for path in self.ledger.iterdir():
            job, _, begun_ns = path.name.partition("-")
            if life.started_ns < int(begun_ns) < (life.ended_ns or time.monotonic_ns()):
                # the run that warmed the job up has a book of its own
                found[job] = max(found[job], _read_book(path), key=len)
        return found

    def name_lives(self) -> None:
        """Which boot each life was, as the log says; the one that only sends the rest is none of them."""
        boots = re.findall(r"starts, boot (\w+)", self.daemon.log)
        for life, boot in zip(self.lives, boots, strict=False):
            life.boot = boot


def _read_book(path: Path) -> list[tuple[int, int]]:
    """Its whole lines."""
    lines = path.read_text().splitlines(keepends=True)
    words = [line.split() for line in lines if line.endswith("\n")]
    return [(int(at_ns), int(count)) for at_ns, count in words]


@pytest.fixture
def ordeal(tmp_path: Path) -> Iterator[Ordeal]:
    ledger = tmp_path / "ledger"
    ledger.mkdir()
    with (
        # what waits for the subscriber must not be dropped: by default no more than 1000 messages wait
        Mosquitto(tmp_path / "broker", persistent=True, extra=["max_queued_messages 0"]) as broker,
        KeptSession(broker.port, f"{ROOT}/job/+/+/event") as heard,
        Line(broker.port) as line,
    ):
        daemon = Daemon(tmp_path, line.port, spec_of(ledger), algorithms=[ALGORITHMS])
        ordeal = Ordeal(broker, line, daemon, heard, ledger, Random(20_261_120))
        ordeal.start()
        with daemon:
            yield ordeal


@pytest.mark.parametrize(
    ("events", "restarts", "kills"),
    [
        pytest.param(2_000, 3, 2, id="2000"),
        pytest.param(10_000, 5, 5, id="10000", marks=pytest.mark.slow),
    ],
)
def test_no_event_is_lost(ordeal: Ordeal, events: int, restarts: int, kills: int) -> None:
    go_through(ordeal, events, restarts, kills)
    ordeal.name_lives()
    assert len([life for life in ordeal.lives if life.was_killed]) == kills
    assert sum(sum(ordeal.made(life).values()) for life in ordeal.lives) >= events
    for job in PER_RUN:
        heard = [one for one in ordeal.heard.heard if one.job == job]
        first = first_occurrences(heard)
        print(f"{job}: {len(heard) - len(first)} of {len(heard)} came again")
        assert len(first) < len(heard), "the broker has what it was not heard to have"
        assert_in_order(first, [life.boot for life in ordeal.lives])
        for life in ordeal.lives:
            assert_complete(ordeal, job, life)


def go_through(ordeal: Ordeal, events: int, restarts: int, kills: int) -> None:
    """Restarts and kills in any order, some of the kills while the broker is away. In the end main is stopped
    in order without a broker, and another one sends the rest."""
    both = restarts // 2
    happenings = [
        *[lambda: ordeal.while_broker_is_away(ordeal.restart_main)] * both,
        *[ordeal.restart_broker] * (restarts - 1 - both),
        *[ordeal.restart_main] * (kills - both),
    ]
    ordeal.random.shuffle(happenings)
    between = events // (restarts + kills)
    for happen in happenings:
        ordeal.let_it_make(ordeal.random.randint(between // 2, between))
        happen()
    made = sum(sum(ordeal.made(life).values()) for life in ordeal.lives)
    ordeal.let_it_make(max(between, events - made))
    ordeal.while_broker_is_away(ordeal.stop_main)
    send_the_rest(ordeal)


def send_the_rest(ordeal: Ordeal) -> None:
    """A main without jobs sends what the last one still owed."""
    ordeal.name_lives()
    last = ordeal.lives[-1]
    wanted = {(job, last.boot): count for job, count in ordeal.made(last).items()}
    ordeal.daemon.write(spec_of(None))
    ordeal.daemon.start()
    highest = ordeal.heard.highest
    came = ordeal.heard.until(
        lambda: all(highest.get(key, 0) >= count for key, count in wanted.items()), DRAIN_S
    )
    assert came, f"made {wanted}, heard {highest}"


def first_occurrences(heard: Sequence[Numbered]) -> list[Numbered]:
    """Without what came again, which is what it was the first time."""
    first: dict[tuple[str, int], Numbered] = {}
    for one in heard:
        known = first.setdefault((one.boot, one.seq), one)
        assert known.content == one.content
    return list(first.values())


def assert_in_order(heard: Sequence[Numbered], boots: Sequence[str]) -> None:
    """Boot after boot, each from 1 on without a gap, and so in the algorithm's own count."""
    by_boot = [(boot, list(members)) for boot, members in groupby(heard, key=lambda one: one.boot)]
    assert [boot for boot, _ in by_boot] == list(boots)
    for _, members in by_boot:
        assert [one.seq for one in members] == list(range(1, len(members) + 1))
        assert [one.content["data"]["number"] for one in members] == [one.seq for one in members]
        assert len({one.content["id"] for one in members}) == len(members)


def assert_complete(ordeal: Ordeal, job: str, life: Life) -> None:
    """All that was made in a life was heard; but for its last moments, if it was killed."""
    heard = ordeal.heard.highest.get((job, life.boot), 0)
    book = ordeal.books(life)[job]
    lost_ns = [life.ended_ns - at_ns for at_ns, count in book if count > heard]
    oldest_s = max(lost_ns, default=0) / 1e9
    made = book[-1][1]
    print(
        f"{job} of boot {life.boot}: made {made}, heard {heard}, oldest lost {oldest_s:.3f} s before its end"
    )
    assert oldest_s < RULE_5_S + BUSY_S
    assert life.was_killed or not lost_ns
    assert heard <= made + PER_RUN[job]  # a run that was cut short before it was noted
