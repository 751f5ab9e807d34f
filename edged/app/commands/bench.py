"""``edged bench``: what a camera costs on this machine, and how many it can do."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edged.app.commands.bench_jpeg import bench_jpeg

if TYPE_CHECKING:
    from edged.app.bench.run import BenchOutcome

_QUICK_CAMERAS = (1, 2)
_CAMERAS = "1,2,4,8,16"
_SECONDS = 10.0
_QUICK_S = 4.0
_REPEATS = 3

_file = partial(typer.Option, exists=True, dir_okay=False)
_Video = Annotated[
    Path | None, _file(metavar="FILE", help="A film of your camera; default: one that is made once.")
]
_Model = Annotated[Path | None, _file(metavar="FILE.onnx", help="What to detect with; default: motion.")]
_Broker = Annotated[
    str | None,
    typer.Option(metavar="URL", help="A broker; default: Mosquitto on loopback, else edged's own."),
]


def _numbers(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        numbers = ()
    if not numbers or not 1 <= numbers[0] <= numbers[-1] <= 99:
        problem = f"should be numbers from 1 to 99 with commas, for example {_CAMERAS}"
        raise typer.BadParameter(problem, param_hint="--cameras")
    return numbers


bench = typer.Typer(rich_markup_mode=None)
bench.command("jpeg")(bench_jpeg)


@bench.callback(invoke_without_command=True)
def bench_cameras(
    context: typer.Context,
    *,
    video: _Video = None,
    model: _Model = None,
    cameras: Annotated[
        str, typer.Option(metavar="N,N…", help="How many cameras to try, until turns are missed.")
    ] = _CAMERAS,
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", min=2, max=3600, help="How long each is measured.")
    ] = _SECONDS,
    mqtt: _Broker = None,
    quick: Annotated[bool, typer.Option("--quick", help="Once, for 4 s, with 1 and 2 cameras.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Measure on this machine what a camera costs and how many cameras it can do.

    Runs the real daemon on a film and listens to it: CPU beside decoding alone, latency, start, stop,
    memory, and how many cameras keep up at 5 runs a second. Close other programs before.

    What pictures of a quality take, and what they do to detections: edged bench jpeg.

    Example: edged bench --video gate.mp4 --model yolox_nano_416.onnx --cameras 1,4,8
    """
    if context.invoked_subcommand is not None:
        return
    from edged.app.bench.run import Bench, BenchOptions

    options = BenchOptions(
        video=video,
        model=model,
        mqtt_url=mqtt,
        cameras=_QUICK_CAMERAS if quick and cameras == _CAMERAS else _numbers(cameras),
        seconds=_QUICK_S if quick and seconds == _SECONDS else seconds,
        repeats=1 if quick else _REPEATS,
        settle_s=1.0 if quick else 2.0,
    )
    raise typer.Exit(_show(Bench(options).run(), as_json=as_json))


def _show(outcome: BenchOutcome, *, as_json: bool) -> int:
    from edged.app.bench import report
    from edged.app.bench.figures import all_well
    from edged.app.terminal import console

    if as_json:
        typer.echo(report.as_json(outcome.about, outcome.figures))
    else:
        report.show(console(), _title(outcome.about), outcome.figures)
    return 0 if all_well(outcome.figures) else 1


def _title(about: dict[str, Any]) -> str:
    machine = about["hardware"]
    lines = [
        f"edged {about['edged']} on {machine['model'] or machine['machine']}, {machine['cpus']} cores",
        f"film: {about['film']}; algorithm for many cameras: {about['algorithm']}",
        f"broker: {about['broker']}",
    ]
    if "warning" in about:
        lines.append(f"warning: {about['warning']}")
    return "\n".join(lines) + "\n"
