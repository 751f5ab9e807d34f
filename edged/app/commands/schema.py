"""``edged schema``: JSON Schema for editors and other programs."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer


def schema(
    name: Annotated[
        Literal["settings", "spec", "result", "event", "desired", "reported"],
        typer.Argument(metavar="[NAME]", help="settings, spec, result, event, desired or reported."),
    ] = "settings",
) -> None:
    """Print a JSON Schema, for editors and programs.

    Example: edged schema > edged.schema.json
    """
    from edged.settings import json_schema

    typer.echo(json.dumps(json_schema(name), indent=2, ensure_ascii=False))
