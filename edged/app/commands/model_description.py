"""``edged models info MODEL``: all that a model says of itself, and what it costs on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edged.app.commands.try_ import engine_folder
from edged.errors import EdgedError

if TYPE_CHECKING:
    from rich.console import Console

    from edged.model.trying import FitCard, ModelReport

_ANSWER_WITHIN_S = 600.0
"""For all ways to run it; building an engine does not count."""
_MOST_LABELS = 12


def info(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A file, or the name of one in a folder of models.")
    ],
    *,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="CONFIG", help="Look in its folders of models.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Tell what a model takes and returns, what it is for, and what a run costs here.

    Inputs, outputs, opset, producer, labels, the algorithm and head that fit, and the latency on each
    execution provider that this machine has.

    Example: edged models info yolox_nano_416.onnx
    """
    from edged.app.ask import ask
    from edged.app.processes import TRYING
    from edged.app.terminal import console
    from edged.model.trying import ModelInfoRequest, ModelReport

    path, cache = _find(model, config)
    request = ModelInfoRequest(str(path), cache)
    report = ask(TRYING.module, request, ModelReport, within_s=_ANSWER_WITHIN_S)
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2, ensure_ascii=False))
    elif not report.error:
        show(console(), report)
    if report.error:
        raise EdgedError(report.error, code=report.code or "algorithm_failed")


def _find(name: str, config: Path | None) -> tuple[Path, str]:
    """The model's file, and the folder for engines."""
    from edged.settings import Settings, load_settings

    settings = Settings() if config is None else load_settings(config).settings
    cache = engine_folder(settings) if config is None else str(settings.storage.path / "engines")
    places = (Path(name), *(folder / name for folder in settings.models))
    for place in places:
        if place.is_file():
            return place.resolve(), cache
    where = ", ".join(str(folder) for folder in settings.models)
    message = f"there is no file {name}" + (f", nor one of that name in {where}" if where else "")
    raise EdgedError(message, code="model_not_found")


def show(out: Console, report: ModelReport) -> None:
    """For people."""
    from rich.text import Text

    from edged.app.trial_report import tensor_table

    opsets = ", ".join(f"{domain} {version}" for domain, version in report.opsets.items())
    lines = {
        "file": report.path,
        "size": f"{report.size / 1e6:.1f} MB" + _beside(report),
        "sha256": report.sha256,
        "format": f"ONNX, IR version {report.ir_version}, opset {opsets}, {report.nodes} nodes",
        "producer": report.producer,
        "labels": _labels(report),
        **{f"meta {key}": value for key, value in report.metadata.items()},
    }
    for name, value in lines.items():
        if value:
            out.print(Text(f"{name:<10} {value}"), soft_wrap=True)
    out.print(tensor_table(report.inputs, report.outputs))
    for card in _worth_telling(report.fits):
        mark = ("fits      ", "green") if card.fits else ("fits not  ", "dim")
        out.print(Text.assemble(mark, f" {card.algorithm}: {card.detail}"), soft_wrap=True)
    out.print(Text(f"auto       runs it on {report.auto} here"))
    out.print(_timing_table(report))


def _worth_telling(fits: tuple[FitCard, ...]) -> tuple[FitCard, ...]:
    """Who does not take it matters only where nobody but the one for any model does."""
    fitting = tuple(card for card in fits if card.fits)
    return fitting if len(fitting) > 1 else fits


def _timing_table(report: ModelReport) -> object:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for header in ("runs on", "threads", "median", "least", "loaded in", ""):
        table.add_column(header, no_wrap=bool(header))
    for timing in report.timings:
        threads = str(timing.threads or "")
        cells = [timing.provider, threads, "", "", "", timing.error]
        if not timing.error:
            cells[2:5] = f"{timing.median_ms:.1f} ms", f"{timing.least_ms:.1f} ms", f"{timing.load_s:.2f} s"
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _beside(report: ModelReport) -> str:
    return f", and its weights in {', '.join(report.weight_files)}" if report.weight_files else ""


def _labels(report: ModelReport) -> str:
    if not report.labels:
        return ""
    more = ", …" if len(report.labels) > _MOST_LABELS else ""
    return f"{len(report.labels)}: {', '.join(report.labels[:_MOST_LABELS])}{more}"
