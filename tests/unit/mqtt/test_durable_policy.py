from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edged.model.clock import moment
from edged.mqtt.durable_owed import InOrder, Owed, size_of
from edged.mqtt.durable_policy import LIFETIME_S, SHARE, Room, is_expired
from edged.mqtt.message import Message, Worth
from tests.clocks import SECOND_NS, SetClock

_BYTES = st.fixed_dictionaries({worth: st.integers(0, 3000) for worth in Worth})


@given(_BYTES, st.integers(1, 3000))
def test_what_is_left_fits_and_results_go_before_all_else(held: dict[Worth, int], limit: int) -> None:
    over = Room(limit).excess(held)
    left = {worth: held[worth] - over.get(worth, 0) for worth in Worth}
    assert sum(left.values()) <= limit
    for worth in Worth:
        assert 0 <= left[worth] <= max(limit * SHARE[worth], 0)
    for worth in (Worth.ANSWER, Worth.EVENT):  # only what is over its own share
        assert left[worth] == min(held[worth], int(limit * SHARE[worth]))


@given(_BYTES)
def test_what_fits_stays(held: dict[Worth, int]) -> None:
    assert Room(8 * max(1, *held.values())).excess(held) == {}


def test_ages_are_judged_by_worth_and_only_when_known() -> None:
    for worth, lifetime_s in LIFETIME_S.items():
        assert not is_expired(worth, lifetime_s * SECOND_NS)
        assert is_expired(worth, lifetime_s * SECOND_NS + 1)
        assert not is_expired(worth, None)


@given(st.binary(max_size=20_000))
def test_a_size_is_never_less_than_the_bytes(payload: bytes) -> None:
    message = Message("t/event", payload, correlation=b"12")
    assert size_of(message) > len(message.topic) + len(payload) + 2


@given(st.lists(st.tuples(st.sampled_from(Worth), st.booleans(), st.booleans())))
def test_a_queue_by_id_knows_its_oldest_of_each_worth(steps: list[tuple[Worth, bool, bool]]) -> None:
    queue, model, now = InOrder(), [], moment(SetClock())
    for number, (worth, is_back, is_pop) in enumerate(steps):
        if is_pop and model:
            of_worth = [owed for owed in model if owed.message.worth is worth]
            assert list(queue.of(worth)) == of_worth
            if of_worth:
                queue.pop(of_worth[0])
                model.remove(of_worth[0])
        elif is_back:
            owed = Owed(-number - 1, Message("t", b"", worth=worth), now, number)
            queue.put_back(owed)
            model.insert(0, owed)
        else:
            owed = Owed(number + 1, Message("t", b"", worth=worth), now, number)
            queue.append(owed)
            model.append(owed)
    assert list(queue) == model
    assert queue.first() is (model[0] if model else None)
    assert len(queue) == len(model)
    assert sum(queue.bytes.values()) == sum(owed.size for owed in model)
