"""What main writes, children read: every message there is."""

from __future__ import annotations

import dataclasses
import inspect
import json
from enum import Enum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.model import capturing, live, messages
from edged.supervise.wire import Decoder, encode

MESSAGES = [
    kind
    for module in (messages, capturing, live)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if dataclasses.is_dataclass(kind) and kind.__module__ == module.__name__
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
links = st.builds(
    messages.LinkSpec, st.text(max_size=8), st.dictionaries(st.text(max_size=8), json_values, max_size=3)
)
st.register_type_strategy(messages.LinkSpec, links)


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_every_message_arrives_as_it_was_sent(kind: type) -> None:
    @settings(max_examples=40)
    @given(st.from_type(kind))
    def check(message: object) -> None:
        try:
            json.dumps(dataclasses.asdict(message), allow_nan=False, default=lambda value: value.value)
        except ValueError:
            return  # NaN is not equal to itself
        assert Decoder([kind]).decode(encode(message)) == message

    check()


def test_a_message_of_another_version_is_refused() -> None:
    @dataclasses.dataclass(frozen=True)
    class Stop:
        grace: int

    with pytest.raises(KeyError):
        Decoder([messages.Stop]).decode(encode(Stop(3)))
    with pytest.raises(KeyError):
        Decoder([]).decode(encode(Stop(3)))


def test_enums_come_back_as_enums() -> None:
    report = capturing.SourceReport(capturing.SourceState.RETRYING, error="away")
    decoded = Decoder([capturing.SourceReport]).decode(encode(report))
    assert isinstance(decoded, capturing.SourceReport)
    assert isinstance(decoded.state, Enum)
