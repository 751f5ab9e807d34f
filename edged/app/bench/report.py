"""How a bench is shown: progress while it runs, a table at the end, or JSON for programs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from edged.app.bench.figures import Figure, Verdict

_COLOURS = {Verdict.OK: "green", Verdict.OVER: "bold red", Verdict.NONE: ""}
_SPINNER_HZ = 2.0
"""Drawing more often would show up in the measurement."""


class Progress:
    """Says on standard error what is being measured."""

    def __init__(self, steps: int) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._steps = steps
        self._done = 0
        self._text = ""
        self._since_s = time.monotonic()
        self._drawn_s = 0.0
        self._status: Status | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """One line that changes on a terminal; elsewhere a line a step."""
        if not self._console.is_terminal:
            yield
            return
        self._status = self._console.status("", refresh_per_second=_SPINNER_HZ)
        with self._status:
            yield
        self._status = None

    def step(self, text: str) -> None:
        """The next step begins."""
        self._done += 1
        self._text = escape(f"[{self._done}/{self._steps}] {text}")
        if self._status is None:
            self._console.print(self._text)
        self._drawn_s = 0.0
        self.tick()

    def tick(self) -> None:
        """Show how long it has been; cheap, and at most once a second more than that."""
        now_s = time.monotonic()
        if self._status is not None and now_s - self._drawn_s >= 1:
            self._drawn_s = now_s
            self._status.update(f"{self._text} · {now_s - self._since_s:.0f} s")


def show(console: Console, title: str, figures: Sequence[Figure]) -> None:
    """``title``, and the table: figure, measured, limit, ok or over."""
    console.print(title, markup=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("figure", no_wrap=True)
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("limit", justify="right", no_wrap=True)
    table.add_column("")
    table.add_column("", style="dim")
    for one in figures:
        colour = _COLOURS[one.verdict]
        verdict = f"[{colour}]{one.verdict}[/]" if colour else ""
        table.add_row(one.name, one.value, one.limit, verdict, escape(one.note))
    console.print(table)


def as_json(about: Mapping[str, Any], figures: Sequence[Figure]) -> str:
    """One object: what was measured on, and the figures."""
    return json.dumps({**about, "figures": [one.as_json() for one in figures]}, indent=2, ensure_ascii=False)
