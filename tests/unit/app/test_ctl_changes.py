"""What `edged ctl DEVICE watch` says of starts, losses and failures: of payloads alone, without a broker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edged.app.ctl.changes import Changes, Now, lasting
from edged.app.ctl.wording import change_line

BEGIN_S = 1_795_615_500.0
"""2026-11-25 14:05:00 UTC."""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(
    ["state", "boot", "since", "lost", "error", "code", "next_try", "restarts", "count", "reason", "x"]
)
LEVELS = st.sampled_from(
    ["state", "health", "source/gate/status", "job/people/status", "job/people/gate/event", "output/a/status"]
)


class Watcher:
    """Takes payloads at moments, in seconds since it began."""

    def __init__(self) -> None:
        self._changes = Changes("edged/v1")

    def take(self, at_s: float, levels: str, content: Mapping[str, Any], device: str = "box") -> list[str]:
        now = Now(BEGIN_S + at_s, at_s)
        changes = self._changes.take(f"edged/v1/{device}/{levels}", content, now)
        pieces = [change_line(change, "", with_device=False)[1:] for change in changes]
        return ["  ".join(text for text, _ in line) for line in pieces]

    def lost_sight(self) -> None:
        self._changes.lost_sight()


def state(state: str, boot: str, since: str = "2026-11-25T14:05:00.000Z", **more: Any) -> dict[str, Any]:
    return {"state": state, "boot": boot, "since": since, **more}


def restarts(**counts: int) -> dict[str, Any]:
    told = {"reason": "was killed by SIGKILL", "last": "2026-11-25T14:05:00.000Z"}
    return {"restarts": {name.replace("_", ":"): {"count": count, **told} for name, count in counts.items()}}


def test_an_orderly_restart_says_how_long_it_took() -> None:
    watcher = Watcher()
    assert watcher.take(0, "state", state("online", "a")) == []
    assert watcher.take(1, "state", state("stopping", "a")) == ["edged  is stopping"]
    assert watcher.take(2, "state", state("offline", "a")) == ["edged  offline  it was stopped"]
    assert watcher.take(6, "state", state("online", "b")) == ["edged  started again  stopped for 4.0 s"]
    assert watcher.take(7, "state", state("online", "b")) == []


def test_a_crash_that_the_broker_did_not_notice_shows_in_the_boot() -> None:
    watcher = Watcher()
    watcher.take(0, "state", state("online", "a"))
    watcher.take(5, "job/people/gate/result", {"seq": 1})
    assert watcher.take(8, "state", state("online", "b")) == ["edged  started again  silent for 3.0 s before"]


def test_one_that_vanished_and_came_back() -> None:
    watcher = Watcher()
    watcher.take(0, "state", state("online", "a"))
    lost = state("offline", "a", lost=True)
    assert watcher.take(1, "state", lost) == ["edged  offline  it vanished without a word"]
    assert watcher.take(9, "state", state("online", "a")) == [
        "edged  online again  as before: only the connection was lost"
    ]
    watcher.take(10, "state", lost)
    watcher.lost_sight()
    assert watcher.take(90, "state", state("online", "b")) == ["edged  started again"], "nobody knows"


def test_who_is_away_when_the_watch_begins() -> None:
    watcher = Watcher()
    stopped = state("offline", "a", "2026-11-25T14:00:00.000Z")
    assert watcher.take(0, "state", stopped) == ["edged  offline  it was stopped since 2026-11-25 14:00:00"]
    back = state("online", "b", "2026-11-25T15:10:00.000Z")
    assert watcher.take(9, "state", back) == ["edged  started again  stopped for 1h 10m"]
    lost = state("offline", "x", lost=True)
    assert watcher.take(0, "state", lost, "other") == ["edged  offline  it vanished without a word"]


def test_deaths_are_told_once_and_count_from_each_boot() -> None:
    watcher = Watcher()
    watcher.take(0, "state", state("online", "a"))
    assert watcher.take(0, "health", restarts(worker_main=3)) == [], "long ago"
    died = "worker main  was killed by SIGKILL"
    assert watcher.take(1, "health", restarts(worker_main=4)) == [f"{died}  started again"]
    assert watcher.take(2, "health", restarts(worker_main=4)) == []
    assert watcher.take(3, "health", restarts(worker_main=6)) == [f"{died}, 2 times by now  started again"]
    watcher.take(4, "state", state("online", "b"))
    assert watcher.take(5, "health", {}) == []
    again = restarts(worker_main=1)
    again["restarts"]["worker:main"]["next_try"] = "2026-11-25T14:05:14.000Z"
    assert watcher.take(6, "health", again) == [f"{died}  again in 8.0 s"]


def test_a_capture_that_its_source_told_of_is_not_told_twice() -> None:
    watcher = Watcher()
    watcher.take(0, "health", {})
    retrying = {"state": "retrying", "error": "capture was killed by SIGKILL"}
    watcher.take(1, "source/gate/status", {"state": "running"})
    assert len(watcher.take(2, "source/gate/status", retrying)) == 1
    assert watcher.take(2, "health", restarts(capture_gate=1)) == []
    assert watcher.take(3, "source/gate/status", {"state": "running"}) == ["source gate  running"]
    assert len(watcher.take(4, "health", restarts(capture_gate=1, capture_yard=1))) == 1


def test_what_fails_is_said_with_when_and_then_now_and_then() -> None:
    watcher, said = Watcher(), []
    for second in range(100):
        at = f"2026-11-25T14:{5 + (second + 9) // 60:02}:{(second + 9) % 60:02}.000Z"
        status = {"state": "retrying", "error": "connection refused", "next_try": at}
        said += [(second, line) for line in watcher.take(second, "source/gate/status", status)]
    assert [second for second, _ in said] == [0, 30, 60, 90]
    assert {line for _, line in said} == {"source gate  retrying  connection refused; again in 9.0 s"}
    assert watcher.take(100, "source/gate/status", {"state": "starting"}) == []
    assert watcher.take(101, "source/gate/status", {"state": "running"}) == ["source gate  running"]
    assert watcher.take(102, "source/gate/status", {"state": "running"}) == []


def test_of_what_is_well_nothing_is_said_and_of_what_was_wrong_before_since_when() -> None:
    watcher = Watcher()
    for levels in ("source/gate/status", "job/people/status"):
        for word in ("starting", "running", "starting", "running"):
            assert watcher.take(0, levels, {"state": word}) == []
    failed = {"state": "failed", "error": "no such model", "code": "model_not_found"}
    old = {**failed, "since": "2026-11-24T00:00:00.000Z"}
    (line,) = watcher.take(0, "job/cars/status", old)
    assert line == "job cars  failed  model_not_found: no such model; since 2026-11-24 00:00:00"
    assert watcher.take(1, "job/cars/status", {}) == [], "taken away"
    paused = {"state": "paused"}
    assert watcher.take(2, "job/people/status", paused) == ["job people  paused"]
    assert watcher.take(3, "job/people/status", paused) == []


def test_a_time_of_another_clock_is_shown_as_it_is() -> None:
    watcher = Watcher()
    status = {"state": "failed", "error": "x", "next_try": "1970-01-01T00:00:09.000Z"}
    assert watcher.take(0, "job/a/status", status) == ["job a  failed  x; again at 1970-01-01 00:00:09"]


@given(st.lists(st.tuples(LEVELS, st.dictionaries(KEYS, JSON, max_size=5)), max_size=12))
def test_nothing_that_comes_brings_it_down(messages: list[tuple[str, dict[str, Any]]]) -> None:
    watcher = Watcher()
    for number, (levels, content) in enumerate(messages):
        for line in watcher.take(number, levels, content):
            assert line.strip()


@given(st.floats(0, 1e8))
def test_any_time_is_said_in_few_letters(seconds: float) -> None:
    assert len(lasting(seconds)) <= 10
