from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from edged.model.clock import rfc3339

_YEAR_9999_NS = 253_402_300_799_999_999_999


def test_the_example_of_the_contract() -> None:
    instant = datetime(2026, 11, 20, 9, 0, 0, 123_999, tzinfo=UTC)
    assert rfc3339(int(instant.timestamp()) * 10**9 + 123_999_999) == "2026-11-20T09:00:00.123Z"


@given(st.integers(0, _YEAR_9999_NS))
def test_reads_back_to_the_same_millisecond(wall_ns: int) -> None:
    read = datetime.strptime(rfc3339(wall_ns), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    delta = read - epoch
    milliseconds = (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000
    assert milliseconds == wall_ns // 1_000_000
