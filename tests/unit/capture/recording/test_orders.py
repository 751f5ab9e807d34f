"""The queue before the disk: bounded, and what is refused is refused up to a keyframe."""

from __future__ import annotations

from contextlib import closing
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edged.capture.recording.kept import Kept
from edged.capture.recording.orders import MOST_CLIPS, BeginClip, Cut, Orders
from edged.capture.recording.post import Post
from edged.capture.recording.writing import Writing
from edged.model.capturing import ClipRequest
from edged.supervise.channel import Channel
from tests.unit.capture.recording.packets import kept


@given(st.lists(st.sampled_from(["key", "packet", "take", "cut"]), max_size=100))
def test_what_comes_out_can_be_decoded(steps: list[str]) -> None:
    orders = Orders(most_packets=4, most_bytes=35)
    sent: list[Kept] = []
    out: list[Kept] = []
    refused = 0
    for number, step in enumerate([*steps, *["take"] * 200]):
        if step == "take":
            order = orders.take(0.0)
            out += [order] if isinstance(order, Kept) else []
        elif step == "cut":
            orders.put(Cut())
        else:
            sent.append(kept(number, keyframe=step == "key"))
            refused += not orders.offer(sent[-1])
    assert refused == orders.refused
    assert len(out) + refused == len(sent)
    places = [sent.index(each) for each in out]
    assert places == sorted(places)
    for before, after in pairwise(places):
        assert after == before + 1 or sent[after].keyframe, "after a hole comes a keyframe"


def test_orders_find_room_where_packets_do_not() -> None:
    orders = Orders(most_packets=1)
    assert orders.offer(kept(0, keyframe=True))
    assert not orders.offer(kept(1))
    orders.put(Cut())
    assert isinstance(orders.take(0), Kept)
    assert isinstance(orders.take(0), Cut)
    assert not orders.offer(kept(2)), "up to the next keyframe"
    assert orders.offer(kept(3, keyframe=True))
    orders.close()
    assert isinstance(orders.take(None), Kept)
    assert orders.take(None) is None


def test_cuts_in_a_row_are_one() -> None:
    orders = Orders()
    for _ in range(3):
        orders.put(Cut())
    assert orders.offer(kept(0, keyframe=True))
    orders.put(Cut())
    assert isinstance(orders.take(0), Cut)
    assert isinstance(orders.take(0), Kept)
    assert isinstance(orders.take(0), Cut)
    assert orders.take(0) is None


def test_clips_that_wait_for_a_disk_are_few() -> None:
    orders = Orders()
    clip = BeginClip(ClipRequest(1, 0, 1.0, 1.0, "clip.mp4"), [kept(0, keyframe=True)])
    assert all(orders.begin(clip) for _ in range(MOST_CLIPS))
    assert not orders.begin(clip)
    assert orders.take(0) is clip
    assert orders.begin(clip)


def test_where_nothing_is_recorded_no_orders_add_up() -> None:
    ours, theirs = Channel.pair()
    with closing(ours), theirs:
        writing = Writing(Post(ours))
        writing.put(Cut())
        assert writing.orders.is_empty
