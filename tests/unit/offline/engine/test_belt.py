"""What two threads hand over arrives in order, bounded, and either end may end it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from edged.offline.engine.belt import Belt, BeltCut, BeltEnd

WITHIN_S = 20.0


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    """``work`` in a thread that must end."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    thread.join(WITHIN_S)
    assert not thread.is_alive()


def test_all_arrive_in_order_through_a_short_belt() -> None:
    belt: Belt[int] = Belt(2)

    def put() -> None:
        for number in range(500):
            belt.put(number)
        belt.finish()

    with beside(put):
        assert list(belt) == list(range(500))


def test_what_is_on_it_comes_before_the_error_it_ended_with() -> None:
    belt: Belt[int] = Belt(3)
    belt.put(1)
    belt.finish(ValueError("broken"))
    assert belt.take() == 1
    with pytest.raises(ValueError, match="broken"):
        belt.take()


def test_an_end_is_an_end_however_often_it_is_asked_for() -> None:
    belt: Belt[int] = Belt(1)
    belt.finish()
    for _ in range(2):
        with pytest.raises(BeltEnd):
            belt.take()


def test_who_waits_for_room_hears_that_nobody_takes_any_more() -> None:
    belt: Belt[int] = Belt(1)
    belt.put(0)
    heard: list[BaseException] = []

    def put() -> None:
        try:
            belt.put(1)
        except OSError as error:
            heard.append(error)

    with beside(put):
        belt.cut(OSError("no room left"))
    assert [str(error) for error in heard] == ["no room left"]
    with pytest.raises(BeltCut):
        belt.take()


def test_nothing_there_yet_is_a_timeout() -> None:
    with pytest.raises(TimeoutError):
        Belt[int](1).take(0.01)
