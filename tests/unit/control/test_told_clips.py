"""What main remembers of clips that it told of: bounded, and never longer than their capture lives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edged.control.told_clips import ToldClips


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 200)), max_size=400))
def test_each_is_new_once_and_its_capture_hears_of_the_latest(told: list[tuple[str, int]]) -> None:
    clips, seen = ToldClips(), set[str]()
    for source, number in told:
        clip = f"{source}{number}"
        assert clips.add(source, clip) == (clip not in seen)
        seen.add(clip)
        assert clip in clips.of(source)
        assert set(clips.of(source)) <= {each for each in seen if each.startswith(source)}
        assert len(clips.of(source)) <= 64
    clips.begin_again("a")
    assert clips.of("a") == ()
    for clip in sorted(seen):
        assert not clips.add(clip[0], clip), "known after its capture died"


def test_the_oldest_are_forgotten() -> None:
    clips = ToldClips()
    assert all(clips.add("gate", str(number)) for number in range(5000))
    assert clips.add("gate", "0")
    assert not clips.add("gate", "4999")
