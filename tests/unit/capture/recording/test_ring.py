"""What the ring keeps: enough, from a keyframe on, and never more than its bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edged.capture.recording.ring import PacketRing
from tests.unit.capture.recording.packets import MS, groups, kept

LISTS = st.lists(st.tuples(st.integers(1, 2000), st.booleans(), st.integers(1, 50)), max_size=80)


def ring(keep_s: float, most_bytes: int = 1 << 20) -> PacketRing:
    made = PacketRing(most_bytes)
    made.keep_s = keep_s
    return made


@given(LISTS, st.floats(0, 10), st.integers(30, 400))
def test_it_holds(steps: list[tuple[int, bool, int]], keep_s: float, most_bytes: int) -> None:
    made = ring(keep_s, most_bytes)
    now_ms, sent = 0, []
    for step_ms, keyframe, size in steps:
        now_ms += step_ms
        sent.append(kept(now_ms, keyframe=keyframe, size=size))
        made.add(sent[-1])
        held = list(made)
        assert made.bytes == sum(each.bytes for each in held) <= most_bytes
        if held:
            assert held[0].keyframe
            assert held == sent[-len(held) :], "the newest, and no hole"
        if not made.shortened and held:
            wanted_ns = sent[-1].at_ns - int(keep_s * 1e9)
            keys = [each for each in sent if each.keyframe and each.at_ns <= wanted_ns]
            first = keys[-1] if keys else next(each for each in sent if each.keyframe)
            assert held[0] is first, "back to the keyframe at or before, and not farther"


def test_what_is_given_begins_with_the_keyframe_before() -> None:
    made = ring(10.0)
    sent = groups(10)
    for each in sent:
        made.add(each)
    assert made.since(450 * MS) == sent[10:]
    assert made.since(400 * MS) == sent[10:]
    assert made.since(399 * MS) == sent[5:], "also in the gap after the last packet of a group"
    assert made.since(-5000 * MS) == sent, "as far as there is any"
    assert made.since(2000 * MS) == sent[45:], "the newest group, though nothing came since"
    assert made.since(60_000 * MS) == [], "nothing of long ago"


def test_without_a_keyframe_nothing_is_kept() -> None:
    made = ring(10.0)
    for number in range(20):
        made.add(kept(number * 40))
    assert list(made) == []
    assert made.bytes == 0


def test_a_group_larger_than_the_bounds_goes() -> None:
    made = ring(10.0, most_bytes=95)
    sent = groups(1, each=12)
    for each in sent:
        made.add(each)
    assert list(made) == []
    assert (made.bytes, made.shortened) == (0, 10)
