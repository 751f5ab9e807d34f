"""``edged bench``: what a camera costs on this machine, and how many it can do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

_QUICK_CAMERAS = (1, 2)
_CAMERAS = "1,2,4,8,16"
_SECONDS = 10.0
_QUICK_S = 4.0
_REPEATS = 3


def _numbers(text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        numbers = ()
    if not numbers or not 1 <= numbers[0] <= numbers[-1] <= 99:
        raise typer.BadParameter(f"should be numbers from 1 to 99 with commas, for example {_CAMERAS}")
    return numbers


def bench(
    *,
    video: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="A film of your camera; default: one made once."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.onnx", exists=True, dir_okay=False, help="What to detect with; default: motion."
        ),
    ] = None,
    cameras: Annotated[
        str, typer.Option(metavar="N,N…", help="How many cameras to try, until turns are missed.")
    ] = _CAMERAS,
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", min=2, max=3600, help="How long each is measured.")
    ] = _SECONDS,
    mqtt: Annotated[
        str | None,
        typer.Option(metavar="URL", help="A broker; default: Mosquitto on loopback, else edged's own."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Once, for 4 s, with 1 and 2 cameras.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Measure on this machine what a camera costs and how many cameras it can do.

    Runs the real daemon on a film and listens to it: CPU beside decoding alone, latency, start, stop,
    memory, and how many cameras keep up at 5 runs a second. Close other programs before.

    Example: edged bench --video gate.mp4 --model yolox_nano_416.onnx --cameras 1,4,8
    """
    from edged.app.bench.figures import all_well
    from edged.app.bench.report import as_json as json_of
    from edged.app.bench.report import show
    from edged.app.bench.run import Bench, BenchOptions
    from edged.app.terminal import console

    options = BenchOptions(
        video=video,
        model=model,
        mqtt_url=mqtt,
        cameras=_QUICK_CAMERAS if quick and cameras == _CAMERAS else _numbers(cameras),
        seconds=_QUICK_S if quick and seconds == _SECONDS else seconds,
        repeats=1 if quick else _REPEATS,
    )
    outcome = Bench(options).run()
    if as_json:
        typer.echo(json_of(outcome.about, outcome.figures))
    else:
        show(console(), _title(outcome.about), outcome.figures)
    raise typer.Exit(0 if all_well(outcome.figures) else 1)


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
