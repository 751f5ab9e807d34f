"""``edged algos [NAME]``: the algorithms that jobs can name."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edged.errors import EdgedError

if TYPE_CHECKING:
    from edged.model.messages import AlgorithmCard, Library

LIST_WITHIN_S = 60.0


def algos(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="One of them: its params, results and events."),
    ] = None,
    *,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", metavar="CONFIG", help="Look in the folders that this file allows, too."
        ),
    ] = None,
    folder: Annotated[
        list[Path] | None, typer.Option(metavar="FOLDER", help="Look in this folder, too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the algorithms found, or tell all about one.

    Example: edged algos detector
    """
    cards = _find(_library(config, folder or []))
    if name is not None:
        cards = (_named(name, cards),)
    if as_json:
        typer.echo(json.dumps([asdict(card) for card in cards], indent=2, ensure_ascii=False))
    elif name is not None:
        _show_one(cards[0])
    else:
        _show_all(cards)


def _library(config: Path | None, folders: list[Path]) -> Library:
    from edged.model.messages import Library

    allowed: tuple[str, ...] = ()
    if config is not None:
        from edged.planning.plan import make_plan
        from edged.settings import load_settings

        allowed = make_plan(load_settings(config), config.resolve().parent).library.algorithms
    return Library(algorithms=(*allowed, *(str(folder.resolve()) for folder in folders)))


def _find(library: Library) -> tuple[AlgorithmCard, ...]:
    """All cards; a file that brings the prover down is left out, and its card says so."""
    from edged.app.ask import ChildSilent, ask
    from edged.app.processes import PROVER
    from edged.model.messages import ProveReport, ProveRequest

    skip: frozenset[str] = frozenset()
    while True:
        request = ProveRequest((), library, tuple(skip))
        try:
            return ask(PROVER.module, request, ProveReport, within_s=LIST_WITHIN_S).algorithms
        except ChildSilent as silent:
            if silent.at <= skip:
                raise
            skip |= silent.at


def _named(name: str, cards: tuple[AlgorithmCard, ...]) -> AlgorithmCard:
    """``name`` as jobs have it: also file:Class of a file with one, whose card has the name of the file."""
    stem, _, wanted = name.partition(":")
    for card in cards:
        if card.name == name or (card.name == stem and wanted and _holds(card, wanted)):
            return card
    near = get_close_matches(name, [card.name for card in cards], n=1)
    hint = f"did you mean {near[0]}?" if near else "edged algos lists them"
    raise EdgedError(f"there is no algorithm {name}; {hint}", code="algorithm_not_found")


def _holds(card: AlgorithmCard, wanted: str) -> bool:
    source = Path(card.file).read_text("utf-8", "replace")
    return re.search(rf"^class {re.escape(wanted)}\b", source, re.MULTILINE) is not None


def _show_all(cards: tuple[AlgorithmCard, ...]) -> None:
    from rich.table import Table
    from rich.text import Text

    from edged.app.terminal import console

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    for card in cards:
        remark = Text(f"cannot be used: {card.error}", style="red") if card.error else Text(card.summary)
        table.add_row(Text(card.name, style="bold"), remark)
    console().print(table)


def _show_one(card: AlgorithmCard) -> None:
    from rich.table import Table
    from rich.text import Text

    from edged.app.terminal import console

    out = console()
    out.print(Text.assemble((card.name, "bold"), f"  {card.summary}"))
    out.print(Text(card.file, style="dim"))
    if card.error:
        out.print(Text(f"cannot be used: {card.error}", style="red"))
    if card.params:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for header in ("param", "type", "default", ""):
            table.add_column(header, no_wrap=header == "param", overflow="fold")
        for param in card.params:
            table.add_row(
                *(Text(cell) for cell in (param.name, param.type, param.default, param.description))
            )
        out.print(table)
    if card.returns:
        out.print(Text(f"returns  {card.returns}"))
    _show_events(card)


def _show_events(card: AlgorithmCard) -> None:
    from rich.table import Table
    from rich.text import Text

    from edged.app.terminal import console

    if card.error:
        return
    if not card.events:
        said = "does not say which, it may send any" if card.events is None else "none"
        console().print(Text(f"events   {said}"))
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("event", no_wrap=True)
    table.add_column("", overflow="fold")
    for event in card.events:
        table.add_row(Text(event.type), Text(event.description))
    console().print(table)
