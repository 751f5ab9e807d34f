"""The queue before the disk: bounded, and what is refused is refused up to a keyframe."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edged.capture.recording.kept import Kept
from edged.capture.recording.orders import Cut, Orders
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
