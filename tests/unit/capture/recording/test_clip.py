"""Which packets a clip takes; where segments are cut, and what they are called."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edged.capture.recording.clip import the_run
from edged.capture.recording.part_file import part_of, whole_of
from edged.capture.recording.segments import free_path, until_cut_ns
from tests.unit.capture.recording.packets import MS, groups, shape

NOON_NS = 1_795_608_000_000_000_000


def test_a_clip_is_of_one_opening() -> None:
    other = replace(shape())
    before = groups(2)
    after = [replace(each, shape=other, at_ns=each.at_ns + 5000 * MS) for each in groups(2)]
    assert the_run([], 0) == ((), False)
    assert the_run(before, 300 * MS) == (tuple(before), False)
    assert the_run([*before, *after], 300 * MS) == (tuple(before), True), "the moment was before it broke off"
    assert the_run([*before, *after], 5100 * MS) == (tuple(after), False)
    assert the_run(after, 0) == (tuple(after), False), "as far as there is any"


@given(st.integers(0, 1 << 61), st.integers(1, 3600))
def test_segments_end_together_on_the_clock(wall_ns: int, segment_s: int) -> None:
    segment_ns = segment_s * 1_000_000_000
    until_ns = until_cut_ns(wall_ns, segment_ns)
    assert 0 < until_ns <= segment_ns
    assert (wall_ns + until_ns) % segment_ns == 0


def test_names_are_times_and_never_twice(tmp_path: Path) -> None:
    first = free_path(tmp_path, NOON_NS + 5_123_456_789, ".mp4")
    assert first == tmp_path / "2026-11-25" / "12-00-05.123Z.mp4"
    first.parent.mkdir()
    first.touch()
    second = free_path(tmp_path, NOON_NS + 5_123_456_789, ".mp4")
    assert second.name == "12-00-05.123Z-2.mp4"
    part_of(second).touch()
    assert free_path(tmp_path, NOON_NS + 5_123_456_789, ".mp4").name == "12-00-05.123Z-3.mp4"
    assert whole_of(part_of(first)) == first
    assert whole_of(first) is None
