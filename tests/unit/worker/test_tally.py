"""Statistics of a job."""

from __future__ import annotations

import statistics

from hypothesis import given
from hypothesis import strategies as st

from edged.worker.tally import Skip, Tally, quantile

SECOND_NS = 1_000_000_000


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_quantile_is_reached_by_its_share(values: list[float], share: float) -> None:
    ordered = sorted(values)
    found = quantile(ordered, share)
    assert sum(value <= found + 0.001 for value in values) >= share * len(values)
    assert sum(value < found - 0.001 for value in values) < share * len(values)


def test_nothing_ran() -> None:
    stats = Tally(0).stats("job", SECOND_NS)
    assert (stats.runs, stats.rate, stats.p50_ms, stats.p99_ms, stats.inference_ms) == (0, 0, 0, 0, 0)


def test_the_rate_is_of_the_last_ten_seconds() -> None:
    tally = Tally(0)
    rates = []
    for second in range(1, 31):
        for _ in range(20 if second <= 15 else 5):
            tally.ran(1.0, 1.0)
        tally.tick(second * SECOND_NS)
        rates.append(tally.stats("job", second * SECOND_NS).rate)
    assert rates[0] == rates[14] == 20
    assert rates[24] == rates[29] == 5
    assert rates == sorted(rates, reverse=True)


def test_the_first_run_of_a_job_is_not_many_per_second() -> None:
    tally = Tally(0)
    tally.ran(1.0, 1.0)
    assert tally.stats("job", SECOND_NS // 20).rate == 1


def test_latencies_are_of_the_last_512_runs() -> None:
    tally = Tally(0)
    for _ in range(100):
        tally.ran(1e6, 1e6)
    times = [float(number) for number in range(512)]
    for time_ms in times:
        tally.ran(time_ms, time_ms / 2)
    stats = tally.stats("job", SECOND_NS)
    assert stats.p50_ms == statistics.median_low(times)
    assert (stats.p95_ms, stats.p99_ms) == (486, 506)
    assert stats.inference_ms == 127.5
    assert stats.runs == 612


def test_skips_are_counted_by_reason() -> None:
    tally = Tally(0)
    tally.skip(Skip.LATE)
    tally.skip(Skip.LATE, 2)
    tally.skip(Skip.OVERRUN, 0)
    tally.detections.update(a=2, b=3)
    stats = tally.stats("job", SECOND_NS)
    assert stats.skipped == {"late": 3}
    assert stats.detections == 5


def test_a_version_begins_at_nothing_and_the_job_goes_on() -> None:
    tally = Tally(0, 3, errors=1)
    assert [tally.ran(1.0, 1.0), tally.ran(1.0, 1.0), tally.failed()] == [True, False, False]
    tally.begin(4)
    stats = tally.stats("job", SECOND_NS)
    assert (stats.loaded, stats.version, stats.version_runs, stats.version_errors) == (3, 4, 0, 0)
    assert [tally.failed(), tally.failed(), tally.ran(1.0, 1.0)] == [True, False, True], "the first of each"
    stats = tally.stats("job", SECOND_NS)
    assert (stats.version_runs, stats.version_errors, stats.runs, stats.errors) == (1, 2, 3, 4)
