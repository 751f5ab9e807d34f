"""The newest lines of the log, bounded and without passwords."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from edged.app.recent_log import RecentLog


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    made = logging.Logger("test")
    yield made
    made.handlers.clear()


def test_the_newest_lines_oldest_first(log: logging.Logger) -> None:
    recent = RecentLog(most_lines=3)
    log.addHandler(recent)
    for number in range(5):
        log.info("line %d", number)
    assert [line.split(" ", 1)[1] for line in recent.lines(10)] == [
        "INFO line 2",
        "INFO line 3",
        "INFO line 4",
    ]
    assert len(recent.lines(2)) == 2
    assert recent.lines(0) == []


def test_bounded_in_bytes_and_each_line_in_length(log: logging.Logger) -> None:
    recent = RecentLog(most_bytes=2000)
    log.addHandler(recent)
    for _ in range(20):
        log.info("%s", "ä" * 10_000)
    assert 0 < sum(len(line.encode()) for line in recent.lines(100)) <= 2000


def test_no_password_and_a_traceback_line_by_line(log: logging.Logger) -> None:
    recent = RecentLog()
    log.addHandler(recent)
    try:
        raise ValueError("cannot open rtsp://admin:hunter2@cam/1")
    except ValueError:
        log.exception("failed at %s", "rtsp://admin:hunter2@cam/1")
    lines = recent.lines(100)
    assert "rtsp://admin:***@cam/1" in lines[0]
    assert any("ValueError" in line for line in lines[1:])
    assert "hunter2" not in "".join(lines)


def test_a_message_that_does_not_fit_its_arguments_stops_nobody(
    log: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    recent = RecentLog()
    log.addHandler(recent)
    log.info("%d", "text")
    log.info("fine")
    assert len(recent.lines(10)) == 1
