"""One measured number and the limit it is held against. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    OK = "ok"
    OVER = "over"
    NONE = ""
    """There is no limit."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured; with `at_most` or `at_least` also what it should be."""

    name: str
    measured: float
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""
    samples: tuple[float, ...] = ()
    """What ``measured`` is the median of; empty: it was measured once."""

    @property
    def verdict(self) -> Verdict:
        """A number that is not one (NaN: nothing came) is over any limit."""
        if self.at_most is None and self.at_least is None:
            return Verdict.NONE
        below = self.at_most is None or self.measured <= self.at_most
        above = self.at_least is None or self.measured >= self.at_least
        return Verdict.OK if below and above else Verdict.OVER

    @property
    def limit(self) -> str:
        """In words; empty where there is none."""
        parts = []
        if self.at_most is not None:
            parts.append(f"≤ {_short(self.at_most)}")
        if self.at_least is not None:
            parts.append(f"≥ {_short(self.at_least)}")
        return f"{' and '.join(parts)} {self.unit}".strip() if parts else ""

    @property
    def value(self) -> str:
        return f"{_short(self.measured)} {self.unit}".strip()

    def as_json(self) -> dict[str, Any]:
        """Keys that do not apply are left out; a number that is not one is null."""
        number = round(self.measured, 4) if math.isfinite(self.measured) else None
        body = {
            "name": self.name,
            "measured": number,
            "unit": self.unit,
            "at_most": self.at_most,
            "at_least": self.at_least,
            "verdict": self.verdict.value,
            "note": self.note,
            "samples": [round(sample, 4) for sample in self.samples],
        }
        kept = ("name", "measured")
        return {key: value for key, value in body.items() if key in kept or value not in ("", None, [])}


def median_figure(
    name: str,
    samples: Iterable[float],
    unit: str = "",
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    note: str = "",
) -> Figure:
    """The median of repeats; NaN when there were none."""
    taken = tuple(samples)
    median = statistics.median(taken) if taken else float("nan")
    return Figure(name, median, unit, at_most, at_least, note, taken)


def all_well(figures: Sequence[Figure]) -> bool:
    return all(figure.verdict is not Verdict.OVER for figure in figures)


def _short(number: float) -> str:
    """Three digits that count, and no exponent."""
    if not math.isfinite(number):
        return "–"
    size = abs(number)
    if size >= 100 or float(number).is_integer():
        return f"{number:.0f}"
    if size >= 10:
        return f"{number:.1f}"
    return f"{number:.2f}" if size >= 1 else f"{number:.3f}"
