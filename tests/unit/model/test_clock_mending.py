"""Times that were written before the clock was right."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.model.clock import STEP_NS, Moment, age_ns, marked, moment, presented, rfc3339, shifted
from tests.clocks import DAY_NS, SECOND_NS, START_NS, SetClock

EVENT = b'{"v":1,"device":"gate","seq":3,"time":"1970-01-01T00:01:00.250Z","type":"x","data":{"time":"noon"}}'
MADE = Moment(60 * SECOND_NS, 50 * SECOND_NS, "first", False)
"""A minute after 1970 began, as the clock said then."""
_MS_NS = 1_000_000
_YEARS_NS = st.integers(0, 253_402_300_799_999).map(lambda ms: ms * _MS_NS)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def encoded(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def test_a_clock_that_was_set_since_puts_the_time_right() -> None:
    now = Moment(START_NS + 10 * SECOND_NS, 60 * SECOND_NS, "first", True)  # ten seconds later, and right
    mended = json.loads(presented(EVENT, MADE, now))
    assert mended == {**json.loads(EVENT), "time": rfc3339(START_NS + 250 * _MS_NS)}


def test_a_clock_that_still_is_not_right_is_told() -> None:
    now = Moment(START_NS, 60 * SECOND_NS, "first", False)  # somebody set it, but it is not synced
    assert json.loads(presented(EVENT, MADE, now)) == {"clock": "unsynced", **json.loads(EVENT)}
    assert presented(b'{"id":"a","status":"ok"}', MADE, now) == b'{"id":"a","status":"ok"}'


@pytest.mark.parametrize(
    "now",
    [
        Moment(71 * SECOND_NS, 60 * SECOND_NS, "first", True),  # a drift, no step
        Moment(70 * SECOND_NS, 60 * SECOND_NS, "first", True),
    ],
)
def test_nothing_is_changed_without_a_step_that_can_be_trusted(now: Moment) -> None:
    assert presented(EVENT, MADE, now) is EVENT


def test_after_a_reboot_a_doubtful_time_is_marked_and_a_good_one_left_alone() -> None:
    now = Moment(START_NS, 0, "second", True)
    assert json.loads(presented(EVENT, MADE, now)) == {"clock": "unsynced", **json.loads(EVENT)}
    for synced in (True, None):
        assert presented(EVENT, replace(MADE, synced=synced), now) is EVENT


@given(
    before=st.dictionaries(st.text(max_size=5).filter(lambda key: key != "time"), _JSON, max_size=4),
    after=st.dictionaries(st.text(max_size=5).filter(lambda key: key != "time"), _JSON, max_size=4),
    wall_ns=_YEARS_NS,
    target_ns=_YEARS_NS,
)
def test_only_the_objects_own_time_is_shifted(
    before: dict[str, Any], after: dict[str, Any], wall_ns: int, target_ns: int
) -> None:
    text = rfc3339(wall_ns)
    nested = {"inner": {"time": text, "deep": [{"time": text}]}, 'quoted"time":"': f'"time":"{text}"'}
    value = {**nested, **before, "time": text, **after, "last": nested}
    if len(rfc3339(target_ns)) != len(text):
        assert shifted(encoded(value), target_ns - wall_ns) == encoded(value)
    else:
        mended = shifted(encoded(value), target_ns - wall_ns)
        assert mended == encoded({**value, "time": rfc3339(target_ns)})


@given(st.binary() | _JSON.map(encoded) | st.binary().map(lambda raw: b'{"' + raw))
def test_what_has_no_time_of_its_own_stays_as_it_is(payload: bytes) -> None:
    assert shifted(payload, STEP_NS) == payload


@pytest.mark.parametrize(
    "payload",
    [
        b'{"time":"2026-13-20T09:00:00.123Z"}',
        b'{"time":"2026-11-20T09:00:00Z"}',
        b'{"time":"9999-12-31T23:59:59.999Z"}',
        b'[{"time":"2026-11-20T09:00:00.123Z"}]',
        b'{"a":{"time":"2026-11-20T09:00:00.123Z"}}',
        b'{"a":"' + b"x" * 5000 + b'","time":"2026-11-20T09:00:00.123Z"}',
    ],
)
def test_times_that_are_none_of_ours_stay(payload: bytes) -> None:
    assert shifted(payload, DAY_NS) == payload


@given(st.dictionaries(st.text(max_size=5).filter(lambda key: key != "clock"), _JSON, max_size=4))
def test_an_object_is_marked_once_and_stays_one(value: dict[str, Any]) -> None:
    once = marked(encoded(value))
    assert json.loads(once) == {"clock": "unsynced", **value}
    assert marked(once) == once


@pytest.mark.parametrize("payload", [b"", b"{", b"[1]", b'"{}"', b"\xff\xd8\xff\xe0", b'{"cut":', b"17"])
def test_what_is_no_object_is_not_marked(payload: bytes) -> None:
    assert marked(payload) == payload


def test_ages() -> None:
    clock = SetClock()
    made = moment(clock)
    clock.pass_by(5 * SECOND_NS)
    clock.wall -= DAY_NS  # set back: in the same boot that does not matter
    assert age_ns(made, moment(clock)) == 5 * SECOND_NS
    clock.wall += DAY_NS
    clock.reboot("second")
    assert age_ns(made, moment(clock)) == 65 * SECOND_NS
    clock.synced = False
    assert age_ns(made, moment(clock)) is None
    assert age_ns(replace(made, synced=False), replace(moment(clock), synced=True)) is None
    clock.synced = None
    clock.wall -= DAY_NS
    assert age_ns(made, moment(clock)) == 0
