"""Runs that take longer than their deadlines."""

from __future__ import annotations

import threading
import time

from edged.model.messages import JobSpec
from edged.model.sampling import Sampling
from edged.offline.engine.stall import Attention, InHand, Stall


def job(name: str, deadline_s: float) -> JobSpec:
    return JobSpec(name, ("video",), (), Sampling(), deadline_s=deadline_s)


def test_the_run_furthest_beyond_its_deadline_is_told() -> None:
    in_hand = InHand((job("quick", 0.0), job("slow", 3600.0)))
    assert in_hand.stall() is None
    begun, done = threading.Event(), threading.Event()

    def hang() -> None:
        with in_hand.run(0, 1_500_000):
            begun.set()
            done.wait(30)

    thread = threading.Thread(target=hang)
    thread.start()
    assert begun.wait(30)
    with in_hand.run(1, 2_000_000):
        time.sleep(0.001)  # the clock moves on
        stall = in_hand.stall()
        assert stall is not None
        assert (stall.job, stall.at_s, stall.deadline_s) == ("quick", 1.5, 0.0)
        assert stall.lasts_s > 0
        this = threading.current_thread()
        assert (in_hand.holds(this, late=False), in_hand.holds(this, late=True)) == (True, False)
        assert in_hand.holds(thread, late=True)
    done.set()
    thread.join(30)
    assert in_hand.stall() is None
    assert not in_hand.holds(thread, late=False)


def test_a_run_that_raises_is_over() -> None:
    in_hand = InHand((job("quick", 0.0),))
    try:
        with in_hand.run(0, 0):
            raise ValueError
    except ValueError:
        pass
    time.sleep(0.001)
    assert in_hand.stall() is None


def test_each_is_new_once() -> None:
    attention = Attention()
    first, later, other = Stall("a", 1.0, 10, 10), Stall("a", 1.0, 11, 10), Stall("a", 2.0, 10, 10)
    told = [attention.is_new(stall) for stall in (None, first, later, other, None, other)]
    assert told == [False, True, False, True, False, True]
