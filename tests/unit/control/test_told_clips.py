"""What main remembers of clips that it told of: bounded; and each note beside them goes once, in its time."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edged.control.told_clips import KEPT_S, ToldClips


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 5)), max_size=100))
def test_each_is_new_once_and_its_note_goes_when_it_is_on_the_disk(told: list[tuple[int, float]]) -> None:
    clips, seen, now_s = ToldClips(), set[int](), 0.0
    waiting: list[tuple[float, Path]] = []
    for number, after_s in told:
        now_s += after_s
        assert clips.add(str(number), Path(f"{number}"), now_s) == (number not in seen)
        seen.add(number)
        waiting.append((now_s + KEPT_S, Path(f"{number}")))
        due = [note for at_s, note in waiting if at_s <= now_s]
        waiting = waiting[len(due) :]
        assert list(clips.take_due(now_s)) == due
    assert list(clips.take_all()) == [note for _, note in waiting]
    assert clips.take_all() == clips.take_due(now_s + 10) == ()


def test_notes_go_in_their_time() -> None:
    clips = ToldClips()
    clips.add("a", Path("a"), 10.0)
    clips.add("b", Path("b"), 11.0)
    assert clips.take_due(10.0 + KEPT_S - 0.01) == ()
    assert clips.take_due(10.0 + KEPT_S) == (Path("a"),)
    clips.add("a", Path("a"), 12.0)  # told once more by another capture: its note came back
    assert clips.take_all() == (Path("b"), Path("a"))


def test_the_oldest_are_forgotten() -> None:
    clips = ToldClips()
    assert all(clips.add(str(number), Path(str(number)), 0.0) for number in range(5000))
    assert clips.add("0", Path("0"), 0.0)
    assert not clips.add("4999", Path("4999"), 0.0)
    assert len(clips.take_all()) == 1024
