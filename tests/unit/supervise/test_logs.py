"""What is logged cannot steer a terminal, nor pass for a message that it is not."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.supervise.logs import plain_lines, start_logging


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@given(st.text())
def test_only_what_can_be_printed_is_left(text: str) -> None:
    lines = plain_lines(text)
    assert all(character.isprintable() or character == "\t" for line in lines for character in line)
    assert all(line.startswith("  ") for line in lines[1:])
    "\n".join(lines).encode()


def test_what_can_be_printed_stays_as_it_is() -> None:
    assert plain_lines("Tür 1: ok\tja") == ["Tür 1: ok\tja"]
    assert plain_lines("a\nb\r\x1b[2J\x9b\u202e") == ["a", "  b\\r\\x1b[2J\\x9b\\u202e"]


@pytest.mark.parametrize("journald", [False, True])
def test_a_message_over_the_network_is_one_message(
    journald: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    if journald:
        monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    start_logging("INFO")
    logging.getLogger("x").warning("refused: %s", "a\n<2>12:00:00 CRITICAL all is lost\x1b[31m")
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("refused: a")
    assert second == f"{'<4>' if journald else ''}  <2>12:00:00 CRITICAL all is lost\\x1b[31m"
