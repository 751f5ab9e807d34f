from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.mqtt.protocol import Protocol, ProtocolChoice, ProtocolMemory


def test_an_unknown_broker_that_closes_is_asked_in_311_at_once() -> None:
    choice = ProtocolChoice(Protocol.AUTO)
    assert choice.current is Protocol.V5
    assert choice.no_answer()
    assert choice.current is Protocol.V311
    choice.worked()
    assert choice.remembered is Protocol.V311


def test_a_remembered_311_is_spoken_first_and_5_is_tried_again_after_ten_failures() -> None:
    choice = ProtocolChoice(Protocol.AUTO, Protocol.V311)
    for _ in range(9):
        assert not choice.no_answer()
        assert choice.current is Protocol.V311
    assert not choice.no_answer()
    assert choice.current is Protocol.V5
    choice.worked()
    assert choice.remembered is Protocol.V5


def test_a_broker_that_spoke_5_is_not_doubted_for_one_bad_moment() -> None:
    choice = ProtocolChoice(Protocol.AUTO, Protocol.V5)
    assert not choice.no_answer()
    assert not choice.no_answer()
    assert choice.current is Protocol.V5
    choice.worked()
    assert not choice.no_answer()
    assert choice.current is Protocol.V5


@given(st.sampled_from([Protocol.V5, Protocol.V311]), st.lists(st.booleans(), max_size=40))
def test_a_configured_version_is_never_left(configured: Protocol, answers: list[bool]) -> None:
    choice = ProtocolChoice(configured)
    for answered in answers:
        if answered:
            choice.worked()
        else:
            assert not choice.no_answer()
        assert choice.current is configured


@given(st.sampled_from([None, Protocol.V5, Protocol.V311]))
def test_a_silent_broker_never_gets_two_attempts_in_a_row_without_a_wait(remembered: Protocol | None) -> None:
    choice = ProtocolChoice(Protocol.AUTO, remembered)
    outcomes = [choice.no_answer() for _ in range(60)]
    assert not any(first and second for first, second in pairwise(outcomes))


def test_memory_is_kept_per_broker_and_bounded(tmp_path: Path) -> None:
    path = tmp_path / "protocol.json"
    memory = ProtocolMemory(path)
    assert memory.recall("a:1883") is None
    for number in range(40):
        memory.store(f"host{number}:1883", Protocol.V5)
    memory.store("a:1883", Protocol.V311)
    again = ProtocolMemory(path)
    assert again.recall("a:1883") is Protocol.V311
    assert again.recall("host39:1883") is Protocol.V5
    assert again.recall("host0:1883") is None
    assert [file.name for file in tmp_path.iterdir()] == ["protocol.json"]


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a:1883": 7}', b'{"a:1883": "6"}', b"\xff\xfe"])
def test_a_damaged_memory_is_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "protocol.json"
    path.write_bytes(content)
    assert ProtocolMemory(path).recall("a:1883") is None
    ProtocolMemory(path).store("a:1883", Protocol.V5)
    assert ProtocolMemory(path).recall("a:1883") is Protocol.V5
