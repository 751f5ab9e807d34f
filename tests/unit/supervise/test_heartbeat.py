"""What a child says of itself, read from the other side of the page."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest

from edged.supervise.heartbeat import LANES, Heartbeat, make_page


@pytest.fixture
def sides() -> Iterator[tuple[Heartbeat, Heartbeat]]:
    page = make_page()
    child, main = Heartbeat(page), Heartbeat(page)
    os.close(page)
    yield child, main
    child.close()
    main.close()


def test_a_fresh_page_is_never_overdue(sides: tuple[Heartbeat, Heartbeat]) -> None:
    assert sides[1].overdue(time.monotonic_ns() + 10**12) is None
    assert sides[1].activities() == ()


def test_a_lane_past_its_deadline_says_what_it_was_doing(sides: tuple[Heartbeat, Heartbeat]) -> None:
    child, main = sides
    child.beat("idle", 100.0)
    child.beat("run", 1.0, lane=2, job="people", source="gate")
    now = time.monotonic_ns()
    assert main.overdue(now) is None
    late = main.overdue(now + 2_000_000_000)
    assert late is not None
    assert (late.lane, late.phase, late.job, late.source) == (2, "run", "people", "gate")


def test_rest_and_doing_take_the_deadline_away(sides: tuple[Heartbeat, Heartbeat]) -> None:
    child, main = sides
    far = time.monotonic_ns() + 10**12
    with child.doing("load", 1.0, lane=1, job="people"):
        assert main.overdue(far) is not None
    assert main.overdue(far) is None
    with pytest.raises(ZeroDivisionError), child.doing("load", 1.0, lane=1):
        raise ZeroDivisionError
    assert main.overdue(far) is None


def test_extend_moves_only_the_deadline(sides: tuple[Heartbeat, Heartbeat]) -> None:
    child, main = sides
    child.beat("read", 1.0, source="gate")
    child.extend(50.0)
    assert main.overdue(time.monotonic_ns() + 10_000_000_000) is None
    assert main.activity(0).source == "gate"


def test_names_of_the_longest_kind_fit_and_lanes_do_not_touch(sides: tuple[Heartbeat, Heartbeat]) -> None:
    child, main = sides
    for lane in range(LANES):
        child.beat("p" * 70, 5.0, lane=lane, job=f"{lane}" * 64, source=f"{lane}" * 64)
    child.gauges[0] = child.gauges[255] = 2**64 - 1
    for lane, activity in enumerate(main.activities()):
        assert activity.job == activity.source == f"{lane}" * 64
    assert main.gauges[255] == 2**64 - 1
