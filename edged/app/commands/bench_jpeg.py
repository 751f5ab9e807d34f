"""``edged bench jpeg``: what the quality of pictures costs, and what it does to detections."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edged.errors import EdgedError

_Footage = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PICTURE|VIDEO…", help="What your cameras show; default: pictures that are made."),
]
_Models = Annotated[
    list[Path] | None,
    typer.Option("--model", metavar="FILE.onnx", help="What is to find boxes in it; may be given often."),
]
_Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Where the tables go, too.")]


def bench_jpeg(
    footage: _Footage = None,
    *,
    model: _Models = None,
    frames: Annotated[
        int, typer.Option(min=1, max=1000, help="Of each video, spread over it; or so many made pictures.")
    ] = 12,
    quality: Annotated[
        str, typer.Option(metavar="N,N…", help="1 to 100, with commas.")
    ] = "20,30,40,50,60,70,80,90,100",
    out: _Out = None,
) -> None:
    """Measure what JPEGs of 1080p take at each quality, and what models still find in them.

    Prints Markdown: bytes and time of a frame at 4:2:0 and 4:4:4; for each model the share of its boxes
    that are found again.

    Example: edged bench jpeg gate.mp4 --model yolox_nano_416.onnx
    """
    from edged.app.bench.jpeg import markdown, measure
    from edged.app.commands.try_ import engine_folder
    from edged.model.jpeg_bench import JpegRequest
    from edged.settings import Settings

    shown, models = footage or [], model or []
    _check_there([*shown, *models])
    request = JpegRequest(
        tuple(str(path.resolve()) for path in shown),
        tuple(str(path.resolve()) for path in models),
        _qualities(quality),
        frames,
        engine_folder(Settings()) if models else "",
    )
    text = markdown(measure(request, quiet=False), request)
    if out is not None:
        out.write_text(text, encoding="utf-8")
    typer.echo(text, nl=False)


def _check_there(paths: list[Path]) -> None:
    missing = [str(path) for path in paths if not path.is_file()]
    if missing:
        raise EdgedError(
            f"there is no file {', '.join(missing)}; without footage pictures are made, and without a model "
            "only bytes and time are measured",
            code="not_found",
        )


def _qualities(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        numbers = ()
    if not numbers or not 1 <= numbers[0] <= numbers[-1] <= 100:
        raise typer.BadParameter(
            "should be numbers from 1 to 100 with commas, for example 50,80", param_hint="--quality"
        )
    return numbers
