"""Did you mean: the right name nearest to a wrong one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

_MOST_CANDIDATES = 200
"""More are not looked at: each costs microseconds, and the network may name thousands."""


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The one most like ``name`` of the first 200 candidates, whatever its case; None when none is near."""
    by_folded = {candidate.casefold(): candidate for candidate in islice(candidates, _MOST_CANDIDATES)}
    found = get_close_matches(name.casefold()[:64], by_folded, n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """``; did you mean "interval"?``, or nothing when no candidate is near."""
    found = nearest(name, candidates)
    return f'; did you mean "{found}"?' if found is not None else ""
