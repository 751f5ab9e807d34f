"""Many problems or actions as a line of the log that stays a line, whatever was sent."""

from __future__ import annotations

from collections.abc import Sequence

MOST = 20
LONGEST = 300
"""Characters of each."""


def brief(things: Sequence[object]) -> str:
    """The first of them, and how many more there are."""
    told = [_cut(str(thing)) for thing in things[:MOST]]
    if more := len(things) - len(told):
        told.append(f"and {more} more")
    return "; ".join(told)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
