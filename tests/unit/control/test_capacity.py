"""How much a spec from the network may ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edged.control.capacity import beyond, processes_of, track_limit_bytes
from edged.planning.plan import Plan, make_plan
from edged.settings import parse_settings
from edged.settings.network import read_spec

GB = 1 << 30
PATTERN = {"url": "pattern://testsrc2?size=64x64"}
FILE = parse_settings("device: box\n", file="f", folder=Path("/etc/edged"))


def plan(sources: int, jobs: int = 0, **job: Any) -> Plan:
    spec = {
        "sources": {f"s{number}": PATTERN for number in range(sources)},
        "jobs": {f"j{number}": {"algorithm": "motion", **job} for number in range(jobs)},
    }
    return make_plan(read_spec(spec, FILE), Path("/etc/edged"))


def codes(goal: Plan, running: Plan, memory_bytes: int) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in beyond(goal, running, memory_bytes)]


def test_a_device_with_a_gigabyte_takes_as_many_processes_as_it_can_hold() -> None:
    assert processes_of(plan(20, 3)) == 21
    assert codes(plan(32, 8), Plan(), GB) == []
    assert codes(plan(200), Plan(), GB) == [("spec", "too_large")]
    assert codes(plan(200), Plan(), 16 * GB) == []


def test_each_push_counts_as_a_process_and_what_is_served_as_one() -> None:
    def with_outputs(to: str, number: int) -> Plan:
        outputs = {f"o{place}": {"source": "s", "to": to} for place in range(number)}
        spec = {"sources": {"s": PATTERN}, "outputs": outputs}
        return make_plan(read_spec(spec, FILE), Path("/etc/edged"))

    assert processes_of(with_outputs("rtsp", 200)) == 2
    assert processes_of(with_outputs("rtmp://h/app", 3)) == 4
    assert codes(with_outputs("rtmp://h/app", 200), Plan(), GB) == [("spec", "too_large")]


def test_what_is_disabled_or_runs_already_is_no_reason() -> None:
    many = plan(200)
    assert codes(many, many, GB) == []
    assert codes(plan(1, 200, enabled=False), Plan(), GB) == []


def test_a_device_with_next_to_nothing_takes_a_few() -> None:
    assert codes(plan(10, 2), Plan(), 64 << 20) == []


def test_jobs_times_sources_are_bounded() -> None:
    assert codes(plan(64, 64), Plan(), 64 * GB) == []
    assert codes(plan(100, 100), Plan(), 64 * GB) == [("spec.jobs", "too_large")]


def test_a_track_leaves_half_of_what_is_left() -> None:
    assert track_limit_bytes(300 << 20) == 150 << 20
    assert track_limit_bytes(64 * GB) == GB
