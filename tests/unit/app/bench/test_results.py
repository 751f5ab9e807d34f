from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.app.bench.results import CAPTURED_US, Arrival, Seen, by_source, count_turns, read_result

INTERVAL_S = 0.2
TURN_NS = 200_000_000
SINCE_NS = 1_750_000_000_000_000_000


def results(turns: list[int], *, phase_ns: int = 0, latency_ns: int = 5_000_000) -> list[Seen]:
    """One result of each of these turns of a window."""
    captured = [SINCE_NS + phase_ns + turn * TURN_NS for turn in turns]
    return [
        Seen("gate", count, ns + latency_ns, ns, inference_ms=1.0) for count, ns in enumerate(captured, 1)
    ]


def arrival(**changes: Any) -> Arrival:
    content = {
        "source": "gate",
        "seq": 3,
        "time": "2026-11-20T09:00:00.123Z",
        "latency_ms": {"wait": 0.1, "inference": 2.5, "total": 3.0},
        **changes,
    }
    return Arrival(1_795_165_200_133_000_000, "x/device/job/bench/gate/result", json.dumps(content).encode())


def test_a_result_is_as_late_as_its_time_says() -> None:
    seen = read_result(arrival())
    assert seen is not None
    assert (seen.source, seen.seq, seen.inference_ms) == ("gate", 3, 2.5)
    assert seen.latency_ms == pytest.approx(10.0)
    assert seen.overhead_ms == pytest.approx(7.5)


def test_a_finer_time_goes_before() -> None:
    seen = read_result(arrival(data={CAPTURED_US: 1_795_165_200_123_750}))
    assert seen is not None
    assert seen.latency_ms == pytest.approx(9.25)


def test_a_status_is_no_result() -> None:
    assert read_result(Arrival(0, "x/device/job/bench/status", b"{}")) is None


@given(
    number=st.integers(10, 400),
    phase_ns=st.integers(0, TURN_NS - 1),
    dropped=st.sets(st.integers(1, 8)),
)
def test_missed_turns_are_counted_whatever_the_phase(number: int, phase_ns: int, dropped: set[int]) -> None:
    """Of turns that the window holds as a whole, all but the dropped ones ran."""
    kept = [turn for turn in range(number) if turn not in dropped]
    until_ns = SINCE_NS + number * TURN_NS
    turns = count_turns(results(kept, phase_ns=phase_ns), INTERVAL_S, SINCE_NS, until_ns)
    assert (turns.due, turns.run) == (number, len(kept))
    assert turns.missed == pytest.approx(len(dropped) / number)


def test_silence_at_both_ends_is_missed() -> None:
    turns = count_turns(results([10, 11, 12]), INTERVAL_S, SINCE_NS, SINCE_NS + 30 * TURN_NS)
    assert (turns.due, turns.run) == (31, 3)


def test_what_is_still_on_its_way_is_not_missed() -> None:
    turns = count_turns(results(list(range(28))), INTERVAL_S, SINCE_NS, SINCE_NS + 30 * TURN_NS - 1)
    assert turns.missed == 0


def test_a_silent_source_misses_all() -> None:
    assert count_turns([], INTERVAL_S, SINCE_NS, SINCE_NS + 30 * TURN_NS).missed == 1


def test_results_are_sorted_out_by_source() -> None:
    seen = [Seen(source, 1, 2, 1, 0.0) for source in ("a", "b", "a")]
    assert {source: len(found) for source, found in by_source(seen).items()} == {"a": 2, "b": 1}
