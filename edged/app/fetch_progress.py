"""How a download goes, for people: a bar on a terminal, a line now and then for everybody else."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import typer

from edged.app.model_files import PATIENCE_S
from edged.model.fetching import FetchReport, FetchState

_LINE_EVERY_S = 5.0
_AGAIN = f"trying again for up to {PATIENCE_S:.0f} s; Ctrl-C ends it"


@contextlib.contextmanager
def watched(name: str) -> Iterator[Callable[[FetchReport], None]]:
    """What the download of ``name`` is to be told to; on standard error."""
    if not sys.stderr.isatty():
        yield _Lines(name)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        told: set[str] = set()

        def show(report: FetchReport) -> None:
            bar.update(task, completed=report.received, total=report.total or None)
            if report.state is FetchState.BROKEN and report.error not in told:
                told.add(report.error)
                bar.console.print(f"{name}: {report.error}; {_AGAIN}", markup=False, highlight=False)

        yield show


class _Lines:
    def __init__(self, name: str) -> None:
        self._name = name
        self._told_s = time.monotonic()
        self._errors: set[str] = set()

    def __call__(self, report: FetchReport) -> None:
        now_s = time.monotonic()
        if report.state is FetchState.BROKEN:
            if report.error not in self._errors:
                self._errors.add(report.error)
                self._say(f"{report.error}; {_AGAIN}")
        elif now_s - self._told_s >= _LINE_EVERY_S:
            self._told_s = now_s
            of = f" of {report.total / 1e6:.1f}" if report.total else ""
            self._say(f"{report.received / 1e6:.1f}{of} MB")

    def _say(self, text: str) -> None:
        typer.echo(f"{self._name}: {text}", err=True)
