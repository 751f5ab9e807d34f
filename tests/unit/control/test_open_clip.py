"""Which events share a clip, over any run of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edged.control.open_clip import MOST_CLIP_S, OpenClip, joined
from edged.model.capturing import ClipRequest
from edged.model.messages import ClipWish

SECOND_NS = 10**9


def wish_at(at_ns: int) -> ClipWish:
    return ClipWish("people", "gate", "zone_enter", at_ns, at_ns)


def opened(at_ns: int, before_s: float, after_s: float) -> OpenClip:
    request = ClipRequest(1, at_ns, before_s, after_s, "/r/gate/clips/x.mp4")
    return OpenClip("gate", request, at_ns, "people", "zone_enter", 1)


@given(
    st.lists(st.integers(0, 40 * SECOND_NS), max_size=200),
    st.floats(0, 120),
    st.floats(0, 300),
    st.integers(0, 5 * SECOND_NS),
)
def test_every_event_is_in_a_clip_with_its_seconds_after_it(
    gaps_ns: list[int], before_s: float, after_s: float, late_ns: int
) -> None:
    now_ns = 1000 * SECOND_NS
    clip = opened(now_ns, before_s, after_s)
    clips = 1
    for gap_ns in gaps_ns:
        now_ns += gap_ns
        wish = wish_at(now_ns)
        longer = joined(clip, wish, after_s, now_ns + late_ns)
        if longer is None:
            clip, clips = opened(now_ns, before_s, after_s), clips + 1
            continue
        assert now_ns + late_ns < clip.end_ns, "what may be over already is not prolonged"
        assert longer.events == clip.events + 1
        assert longer.request.at_ns == clip.request.at_ns
        assert longer.end_ns >= max(clip.end_ns, now_ns + round(after_s * SECOND_NS) - 1000)
        assert longer.end_ns <= max(clip.end_ns, now_ns + round((after_s + 1) * SECOND_NS) + 1000)
        assert longer.request.before_s + longer.request.after_s <= MOST_CLIP_S + 1e-6
        clip = longer
    assert clips <= len(gaps_ns) + 1


def test_many_events_change_the_request_once_a_second() -> None:
    clip = opened(0, 5, 10)
    requests = {clip.request}
    for number in range(100):
        at_ns = number * 40_000_000
        clip = joined(clip, wish_at(at_ns), 10, at_ns) or clip
        requests.add(clip.request)
    assert clip.events == 101
    assert len(requests) <= 5


def test_what_was_long_before_the_clip_does_not_join() -> None:
    assert joined(opened(100 * SECOND_NS, 5, 10), wish_at(94 * SECOND_NS), 10, 100 * SECOND_NS) is None
    assert joined(opened(100 * SECOND_NS, 5, 10), wish_at(96 * SECOND_NS), 10, 100 * SECOND_NS) is not None
