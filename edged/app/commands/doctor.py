"""``edged doctor [CONFIG]``: is this machine fit, and what would make it so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edged.app.diagnosis import Verdict

_COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}
_INDENT = " " * 20


def doctor(
    config: Annotated[
        Path | None,
        typer.Argument(metavar="[CONFIG]", help="Look at its broker, models, sources and algorithms, too."),
    ] = None,
) -> None:
    """Check this machine, and tell what would mend it.

    CPU, memory, accelerators, decoders, permissions, clock; with CONFIG also its broker, sources and
    jobs. One line each, with the mend. Exit code 1 when something fails.

    Example: edged doctor gate.yaml
    """
    from edged.app.diagnosis import Level

    failed = False
    for verdict in _verdicts(config):
        _show(verdict)
        failed = failed or verdict.level is Level.FAIL
    if failed:
        raise typer.Exit(1)


def _verdicts(config: Path | None) -> Iterator[Verdict]:
    from edged.app.diagnosis import look_at_machine
    from edged.model.messages import Library
    from edged.settings import Settings

    if config is None:
        storage = Settings().storage
        yield from look_at_machine(Library(), storage.path, storage.max_mb)
        return
    from edged.app.checking import examine
    from edged.app.config_diagnosis import look_at_broker, look_at_findings, look_at_recordings
    from edged.app.live_diagnosis import look_at_live

    found = examine(config)
    storage = found.loaded.settings.storage
    yield from look_at_machine(found.plan.library, storage.path, storage.max_mb)
    yield from look_at_recordings(found)
    yield from look_at_live(found)
    yield look_at_broker(found.loaded)
    yield from look_at_findings(found)


def _show(verdict: Verdict) -> None:
    from rich.text import Text

    from edged.app.terminal import console

    level = (f"{verdict.level.value:<4}", f"bold {_COLORS[verdict.level.value]}")
    out = console()
    out.print(Text.assemble(level, f"  {verdict.subject:<12}  {verdict.finding}"), soft_wrap=True)
    if verdict.mend:
        out.print(Text(f"{_INDENT}→ {verdict.mend}", style="dim"), soft_wrap=True)
