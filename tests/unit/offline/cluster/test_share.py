from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edged.offline.cluster.share import cut
from edged.offline.reading.reader import Span

times = st.integers(0, 10_000)


@given(st.lists(times).map(sorted), times, st.none() | times, st.integers(1, 3000))
def test_parts_are_the_span_without_gaps_and_begin_with_keyframes(
    keyframes: list[int], start: int, end: int | None, least: int
) -> None:
    parts = cut(keyframes, Span(start, end), least)
    assert (parts[0].start_us, parts[-1].end_us) == (start, end)
    for part, following in pairwise(parts):
        assert part.end_us == following.start_us
        assert following.start_us in keyframes
        assert following.start_us - part.start_us >= least


def test_a_video_without_keyframes_is_one_part() -> None:
    assert cut([], Span(), 5) == (Span(),)
    assert cut([0, 4, 5, 9, 12], Span(), 5) == (Span(0, 5), Span(5, 12), Span(12, None))
