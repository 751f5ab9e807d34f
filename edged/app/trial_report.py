"""What `edged try` found, for people."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from edged.app.terminal import console
from edged.app.trial_yaml import config_for
from edged.model.trying import FoundCard, TensorCard, TryReport, TryRequest

_RAW = "onnx"
_MOST_ROWS = 20


def show(report: TryReport, request: TryRequest, footage: Path) -> None:
    """All of it; of what went wrong, all but the error itself."""
    out = console()
    if report.error or report.algorithm == _RAW:
        _show_unknown(out, report)
    if not report.written:
        return
    detail = "".join(f": {card.detail}" for card in report.fits if card.fits)
    name = (Path(request.model).name, "bold")
    out.print(Text.assemble(name, f" is for the algorithm {report.algorithm}{detail}"), soft_wrap=True)
    _show_found(out, report, request, footage)
    _show_cost(out, report)
    out.print(Text(f"drawn     {_near(Path(request.output))}\n"), soft_wrap=True)
    out.print(Text("Paste this into a config, with your camera's address, then: edged run CONFIG\n"))
    out.print(Text(config_for(report, request)), soft_wrap=True, end="")


def tensor_table(inputs: Iterable[TensorCard], outputs: Iterable[TensorCard]) -> Table:
    """Names, shapes, dtypes, and the range of what came out."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for header in ("", "name", "shape", "dtype", "from", "to", ""):
        table.add_column(header, no_wrap=True)
    for kind, cards in (("input", inputs), ("output", outputs)):
        for card in cards:
            low, high = ("" if number is None else f"{number:.4g}" for number in (card.low, card.high))
            odd = f"{card.odd} NaN or infinite" if card.odd else ""
            table.add_row(*(Text(cell) for cell in (kind, card.name, card.shape, card.dtype, low, high, odd)))
    return table


def _show_unknown(out: Console, report: TryReport) -> None:
    """What the model looks like, and who was asked."""
    if report.inputs:
        out.print(Text("The model, and what came out when it was shown gray:", style="bold"))
        out.print(tensor_table(report.inputs, report.outputs))
    refused = [card for card in report.fits if not card.fits]
    if refused:
        out.print(Text("\nWho does not take it:", style="bold"))
    for card in refused:
        out.print(Text(f"  {card.algorithm}: {card.detail}"), soft_wrap=True)
    if any(card.algorithm == "detector" for card in refused):
        out.print(Text("\nHeads of the detector, and the outputs they know:", style="bold"))
        for head in report.heads:
            out.print(Text(f"  {head}"), soft_wrap=True)
        out.print(
            Text("A head of your own is a function in a folder: --folder FOLDER --head file:function\n")
        )


def _show_found(out: Console, report: TryReport, request: TryRequest, footage: Path) -> None:
    size = f"{report.width}x{report.height}"
    looked = size if request.is_picture else f"{report.frames} frames of {size}"
    out.print(Text(f"\n{footage.name}: {looked}"))
    if report.found:
        out.print(_found_table(report, request))
    elif not report.data or report.data == "{}":
        out.print(Text("nothing was found; a lower score may find more: -p score=0.1"))
    if report.data and report.algorithm != _RAW:
        out.print(Text(f"data      {report.data}"), soft_wrap=True)


def _found_table(report: TryReport, request: TryRequest) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    if request.is_picture:
        headers = ("label", "number", "best score", "box of the best, in pixels")
    else:
        headers = ("label", "in frames", "most at once", "best score")
    for place, header in enumerate(headers):
        table.add_column(header, no_wrap=True, justify="right" if place in (1, 2) else "left")
    for card in report.found[:_MOST_ROWS]:
        if request.is_picture:
            cells = (card.label, str(card.most), f"{card.best:.2f}", _pixels(card, report))
        else:
            cells = (card.label, str(card.number), str(card.most), f"{card.best:.2f}")
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _pixels(card: FoundCard, report: TryReport) -> str:
    if not card.boxes:
        return ""
    scale = (report.width, report.height) * 2
    return " ".join(str(round(edge * side)) for edge, side in zip(card.boxes[0], scale, strict=True))


def _show_cost(out: Console, report: TryReport) -> None:
    cost = report.cost
    if cost is None:
        return
    whole = cost.pre_ms + cost.model_ms + cost.post_ms
    parts = f"{cost.pre_ms:.1f} before the model, {cost.model_ms:.1f} in it, {cost.post_ms:.1f} after"
    threads = "1 thread" if cost.threads == 1 else f"{cost.threads} threads"
    out.print(
        Text(
            f"a run     {whole:.1f} ms here ({parts}; median of {cost.runs}), on {cost.provider} with"
            f" {threads}; {cost.memory_mb:.0f} MB"
        ),
        soft_wrap=True,
    )


def _near(path: Path) -> str:
    """As people would type it from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
