"""Back-off of a lane that fails."""

from __future__ import annotations

from edged.worker.failures import Failures

SECOND_NS = 1_000_000_000


def waits(failures: Failures, now_ns: int) -> int:
    """Seconds until it may be tried."""
    return next(second for second in range(100) if failures.may_try(now_ns + second * SECOND_NS))


def test_it_doubles_up_to_a_minute() -> None:
    failures, now_ns = Failures(), 10**15
    assert failures.may_try(now_ns)
    seen = []
    for _ in range(8):
        failures.failed(now_ns)
        seen.append(waits(failures, now_ns))
        now_ns += seen[-1] * SECOND_NS
    assert seen == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_success_between_failures_does_not_make_it_flap() -> None:
    failures, now_ns = Failures(), 10**15
    for expected in (1, 2, 4):
        failures.failed(now_ns)
        assert waits(failures, now_ns) == expected
        now_ns += expected * SECOND_NS
        failures.succeeded()
        assert failures.may_try(now_ns)


def test_a_quiet_minute_makes_it_forget() -> None:
    failures, now_ns = Failures(), 10**15
    for _ in range(4):
        failures.failed(now_ns)
    failures.succeeded()
    failures.failed(now_ns + 70 * SECOND_NS)
    assert waits(failures, now_ns + 70 * SECOND_NS) == 1
