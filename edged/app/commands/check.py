"""``edged check CONFIG``: what is wrong, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def check(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The device's file: settings and spec.")],
) -> None:
    """Check CONFIG without running it.

    Its form, its references, that its algorithms load. Errors are told as file:line:column: key.path:
    what is wrong, and end in exit code 1. A model or camera that is not there now is a warning.

    Example: edged check gate.yaml
    """
    from edged.app.checking import as_warning, examine

    found = examine(config)
    for problem in found.warnings:
        typer.echo(as_warning(problem), err=True)
    for problem in found.errors:
        typer.echo(str(problem), err=True)
    if found.errors:
        raise typer.Exit(1)
    spec = found.loaded.settings.spec
    counted = [_counted(len(spec.sources), "source"), _counted(len(spec.jobs), "job")]
    if spec.outputs:
        counted.append(_counted(len(spec.outputs), "output"))
    typer.echo(f"OK: {', '.join(counted)}")


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
