"""How much is kept of what is owed, how long, and what goes first. Pure.

Events may fill seven eighths of the room, answers one eighth: together all of it, so neither ever pushes out
the other. Results get what these two leave, up to a half. Within its room a worth loses its oldest first.
"""

from __future__ import annotations

from collections.abc import Mapping

from edged.mqtt.message import Worth

SHARE = {Worth.RESULT: 4 / 8, Worth.ANSWER: 1 / 8, Worth.EVENT: 7 / 8}
"""Of the whole room, at most."""

LIFETIME_S = {Worth.RESULT: 86_400, Worth.ANSWER: 86_400, Worth.EVENT: 30 * 86_400}
"""What is older is worth nothing to anybody; a command's answer is remembered for a day."""


class Room:
    """So many bytes for all that is owed."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._most = {worth: int(limit * SHARE[worth]) for worth in Worth}

    def excess(self, held: Mapping[Worth, int]) -> dict[Worth, int]:
        """How many bytes of each worth must go; nothing for those that may stay as they are."""
        over = {worth: held[worth] - most for worth, most in self._most.items() if held[worth] > most}
        rest = sum(held.values()) - sum(over.values()) - self._limit
        if rest <= 0:
            return over
        for worth in sorted(Worth):
            more = min(rest, held[worth] - over.get(worth, 0))
            if more > 0:
                over[worth] = over.get(worth, 0) + more
                rest -= more
        return over


def is_expired(worth: Worth, age_ns: int | None) -> bool:
    """``age_ns`` None: nobody knows how old it is, so it stays."""
    return age_ns is not None and age_ns > LIFETIME_S[worth] * 1_000_000_000
