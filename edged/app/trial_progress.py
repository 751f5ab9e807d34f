"""How far `edged try` is: a bar on a terminal, plain lines now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

_SAY_EVERY_S = 5.0

Tell = Callable[[int, int], None]
"""``tell(done, total)``; a total of 0 is not known."""


@contextmanager
def progress(*, quiet: bool) -> Iterator[Tell]:
    """On standard error, so that what is printed at the end can be piped."""
    if quiet:
        yield lambda done, total: None
    elif sys.stderr.isatty():
        with _bar() as tell:
            yield tell
    else:
        yield _lines()


@contextmanager
def _bar() -> Iterator[Tell]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("loading", total=None)

        def tell(done: int, total: int) -> None:
            bar.update(
                task, description="running" if done else "loading", completed=done, total=total or None
            )

        yield tell


def _lines() -> Tell:
    begun = said = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal said
        now = time.monotonic()
        if now - said >= _SAY_EVERY_S:
            said = now
            of = f" of {total}" if total else ""
            typer.echo(
                f"{now - begun:.0f} s: " + (f"run {done}{of}" if done else "loading the model"), err=True
            )

    return tell
