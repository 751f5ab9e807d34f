from __future__ import annotations

import os
import threading
import time

from edged.supervise.heartbeat import BUILDING, Heartbeat, make_page
from edged.worker.building import BUILD_DEADLINE_S, build_on

LANE = 1


def page() -> Heartbeat:
    descriptor = make_page()
    try:
        return Heartbeat(descriptor)
    finally:
        os.close(descriptor)


def test_a_build_has_half_an_hour_and_then_the_init_what_it_had_left() -> None:
    heartbeat = page()
    on_build = build_on(heartbeat, lane=LANE)
    with heartbeat.doing("load", 120.0, lane=LANE, job="people", source="gate"):
        before = heartbeat.activity(LANE)
        with on_build("engine"):
            building = heartbeat.activity(LANE)
            assert (building.phase, building.job, building.source) == (BUILDING, "people", "gate")
            left_s = (building.deadline_ns - time.monotonic_ns()) / 1e9
            assert BUILD_DEADLINE_S - 60 < left_s <= BUILD_DEADLINE_S
            assert heartbeat.overdue(time.monotonic_ns() + int(1700e9)) is None
        after = heartbeat.activity(LANE)
        assert (after.phase, after.job) == ("load", "people")
        assert 0 <= after.deadline_ns - before.deadline_ns < 60e9  # the build does not count
    assert heartbeat.activities() == ()


def test_a_build_in_a_thread_of_an_algorithms_own_moves_nobodys_deadline() -> None:
    heartbeat = page()
    on_build = build_on(heartbeat, lane=LANE)
    seen: list[str] = []

    def build() -> None:
        with on_build("engine"):
            seen.append(heartbeat.activity(LANE).phase)

    with heartbeat.doing("load", 120.0, lane=LANE):
        thread = threading.Thread(target=build)
        thread.start()
        thread.join()
    assert seen == ["load"]
