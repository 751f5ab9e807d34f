from __future__ import annotations

import sqlite3
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.storage.trouble import Patience, UnusableFile, Verdict, verdict, words


def _raised(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("words of SQLite")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (_raised(sqlite3.SQLITE_CORRUPT), Verdict.DAMAGED),
        (_raised(sqlite3.SQLITE_CORRUPT_INDEX), Verdict.DAMAGED),
        (_raised(sqlite3.SQLITE_NOTADB), Verdict.DAMAGED),
        (UnusableFile("newer"), Verdict.DAMAGED),
        (_raised(sqlite3.SQLITE_FULL), Verdict.REFUSED),
        (_raised(sqlite3.SQLITE_IOERR_FSYNC), Verdict.REFUSED),
        (_raised(sqlite3.SQLITE_READONLY_DBMOVED), Verdict.REFUSED),
        (_raised(sqlite3.SQLITE_CANTOPEN), Verdict.REFUSED),
        (_raised(sqlite3.SQLITE_CONSTRAINT_UNIQUE), Verdict.OWN),
        (_raised(sqlite3.SQLITE_ERROR), Verdict.OWN),
        (sqlite3.ProgrammingError("no code at all"), Verdict.OWN),
        (ZeroDivisionError(), Verdict.OWN),
    ],
)
def test_verdicts(error: Exception, expected: Verdict) -> None:
    assert verdict(error) is expected


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (_raised(sqlite3.SQLITE_FULL), "the disk that holds /var/lib/edged is full"),
        (_raised(sqlite3.SQLITE_READONLY), "/var/lib/edged/edged.db cannot be written"),
        (_raised(sqlite3.SQLITE_BUSY), "another program has /var/lib/edged/edged.db open"),
        (_raised(sqlite3.SQLITE_IOERR), "words of SQLite"),
        (PermissionError(13, "Permission denied"), "/var/lib/edged cannot be used (Permission denied)"),
    ],
)
def test_people_are_told_what_and_where(error: Exception, said: str) -> None:
    assert said in words(error, Path("/var/lib/edged/edged.db"))


@given(st.lists(st.floats(0, 100), min_size=2, max_size=50))
def test_the_waits_grow_to_a_minute_while_the_trouble_lasts(gaps: list[float]) -> None:
    patience, now_s, delays = Patience(), 0.0, []
    for gap_s in gaps:
        now_s += gap_s
        delays.append(patience.delay_s(now_s))
    assert delays[0] == 1.0
    assert all(after == min(60.0, 2 * before) for before, after in pairwise(delays))
    assert patience.delay_s(now_s + 121.0) == 1.0
