"""``edged analyze VIDEO…``: the jobs of a device over files, as fast as the machine allows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from edged.app.analysis.order import Order

_Videos = Annotated[
    list[str],
    typer.Argument(metavar="VIDEO…", help="Files, folders, patterns, http(s):// and s3:// addresses."),
]
_Config = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="CONFIG", help="Run the jobs of this file.")
]
_Job = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Of CONFIG: only this job; may be repeated.")
]
_Source = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Of CONFIG: whose zones, lines and masks hold; default: the one with the same file name, or the"
        " only one.",
    ),
]
_Algorithm = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Instead of CONFIG, as edged algos lists it; default: detector."),
]
_Model = Annotated[Path | None, typer.Option(metavar="FILE.onnx", help="The model of the algorithm.")]
_Param = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="NAME=VALUE", help="Of the algorithm: score=0.3; may be repeated."),
]
_Labels = Annotated[str | None, typer.Option(metavar="A,B", help="Detect only these: person,car.")]
_Interval = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", min=0, help="Of the video's clock between runs; default: 1; 0: each frame."
    ),
]
_Then = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="One more algorithm: tracker, 'zones dwell=5'; may be repeated."),
]
_Folder = Annotated[
    list[Path] | None, typer.Option(metavar="FOLDER", help="Of your own algorithms and heads.")
]
_Output = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="OUT",
        help="A file for all, a folder with a file for each video, mqtt(s)://[user@]host[:port][/prefix],"
        " or -: standard output, the default.",
    ),
]
_Format = Annotated[
    Literal["jsonl", "csv", "parquet"] | None,
    typer.Option("--format", metavar="jsonl|csv|parquet", help="Default: as OUT ends, else jsonl."),
]
_Record = Annotated[
    str | None,
    typer.Option(
        metavar="FILM", help="Also make a film with the drawing: .mp4, .webm, .mkv; a folder for many."
    ),
]
_From = Annotated[
    str | None, typer.Option("--from", metavar="T", help="Leave out what is before: 90, 1:30, 0:01:30.5.")
]
_To = Annotated[str | None, typer.Option("--to", metavar="T", help="Leave out what is from there on.")]
_Resume = Annotated[
    bool, typer.Option("--resume", help="Go on where the same command ended before; else begin.")
]
_Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")]
_Threads = Annotated[
    int | None, typer.Option(metavar="N", min=1, max=512, help="Default: as many as there are cores.")
]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Tell only what went wrong.")]
_Engine = Annotated[
    str,
    typer.Option(
        metavar="local|ray[://…]",
        help="Where the work is done: here; ray: by worker processes; ray://host:10001: on a Ray cluster.",
    ),
]
_Workers = Annotated[
    int | None, typer.Option(metavar="N", min=1, max=4096, help="With ray; default: one for each core.")
]
_Gpus = Annotated[
    float, typer.Option("--gpus-per-worker", metavar="X", min=0, help="With ray: accelerators, also 0.5.")
]


def analyze(  # noqa: PLR0913  each is one option of the command line
    videos: _Videos,
    *,
    config: _Config = None,
    job: _Job = None,
    source: _Source = None,
    algorithm: _Algorithm = None,
    model: _Model = None,
    param: _Param = None,
    labels: _Labels = None,
    interval: _Interval = None,
    then: _Then = None,
    folder: _Folder = None,
    output: _Output = None,
    form: _Format = None,
    record: _Record = None,
    start: _From = None,
    end: _To = None,
    resume: _Resume = False,
    overwrite: _Overwrite = False,
    threads: _Threads = None,
    quiet: _Quiet = False,
    engine: _Engine = "local",
    workers: _Workers = None,
    gpus_per_worker: _Gpus = 0.0,
) -> None:
    """Run jobs over videos, as fast as the machine allows, and write what they find.

    Every due frame is looked at, none is dropped. JSON Lines hold results, as over MQTT, and events, which
    have a type; CSV and Parquet hold a row for each detection, and no events. Ctrl-C ends in order; --resume
    goes on, also after a crash. Exit code 1 when a video failed; the others are done.

    Example: edged analyze gate.mp4 --model yolox_nano_416.onnx --labels person --interval 0.2 -o people.csv

    More: edged analyze videos/ -c gate.yaml -o results/ --record films/;
    edged analyze 's3://bucket/day/*.mp4' -c gate.yaml -o day.parquet --resume;
    edged analyze gate.mp4 -c gate.yaml --from 1:30 --to 2:00 | jq .detections
    """
    from edged.app.analysis.jobs import Described
    from edged.app.analysis.order import Order

    job_words = (tuple(param or ()), labels, interval, tuple(then or ()), tuple(folder or ()))
    order = Order(
        tuple(videos), config, tuple(job or ()), source, Described(algorithm, model, *job_words), output,
        form, record, start, end, threads, engine, workers, gpus_per_worker,
        resume=resume, overwrite=overwrite,
    )  # fmt: skip
    raise typer.Exit(_start(order, quiet=quiet))


def _start(order: Order, *, quiet: bool) -> int:
    from edged.app.analysis.order import prepare
    from edged.app.analysis.run import run

    try:
        request, broker = prepare(order)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return run(request, broker, quiet=quiet)
