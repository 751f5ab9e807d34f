"""What all benchmarks share: their options, the film, the broker, and how they end.

Each is a program: ``python -m tests.benchmarks.camera_cost``. It prints a table, writes
``bench-out/NAME.json``, and exits with 1 when a figure is over its limit.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import av
import psutil
from rich.console import Console

from edged.app.bench.broker import Broker, find_broker
from edged.app.bench.figures import Figure, all_well
from edged.app.bench.films import CLIP_S, cache_folder, own_clip
from edged.app.bench.observing import Window
from edged.app.bench.report import Progress, as_json, show
from edged.control.hardware import hardware
from edged.errors import EdgedError

REPOSITORY = Path(__file__).resolve().parent.parent.parent
ASSETS = Path(os.environ.get("EDGED_ASSETS", REPOSITORY.parent / "shared" / "assets"))
OUT = REPOSITORY / "bench-out"
_FOOTAGE = "one-by-one-person-detection.mp4"
_FILM = "bench-people-1080p30-1.mp4"
_FILM_S = 24.0
_FROM_S = 30.0
"""People are in the picture from here on."""
_RATE, _TIMES = 30, 3
_QUICK_S = 4.0


@dataclass(frozen=True, slots=True)
class Film:
    path: Path
    seconds: float
    label: str


@dataclass(frozen=True, slots=True)
class Setting:
    """What a benchmark is run with."""

    options: argparse.Namespace
    film: Film
    broker: Broker
    folder: Path
    progress: Progress

    @property
    def repeats(self) -> int:
        return int(self.options.repeats)

    @property
    def window(self) -> Window:
        """By default as long as the film, so that each run sees the same pictures."""
        return Window(settle_s=2.0, seconds=self.options.seconds or self.film.seconds)


Measure = Callable[[Setting], list[Figure]]


def run(name: str, doc: str | None, measure: Measure, steps: Callable[[argparse.Namespace], int]) -> None:
    """The whole of a benchmark's program; always ends in SystemExit."""
    options = parse(doc)
    try:
        with setting(options, steps(options)) as ready, ready.progress.shown():
            figures = measure(ready)
            about = describe(ready)
    except EdgedError as error:
        sys.exit(f"{name}: {error}")
    sys.exit(0 if finish(name, about, figures) else 1)


def parse(doc: str | None, arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, help="each is measured so often; medians count")
    parser.add_argument("--seconds", type=float, help="of each run; default: as long as the film")
    parser.add_argument("--minutes", type=float, default=10.0, help="of the one that looks for growth")
    parser.add_argument("--idle-minutes", type=float, default=3.0, help="of the one that looks at the disk")
    parser.add_argument("--model", type=Path, default=ASSETS / "yolox_nano_416.onnx", help="the detector's")
    parser.add_argument("--no-peer", action="store_true", help="without stream_infer")
    parser.add_argument("--quick", action="store_true", help="to see that it works; the numbers mean nothing")
    options = parser.parse_args(arguments)
    if options.quick:
        options.repeats, options.seconds, options.minutes = 1, _QUICK_S, 1.0
        options.idle_minutes = 0.5
    return options


@contextmanager
def setting(options: argparse.Namespace, steps: int) -> Iterator[Setting]:
    """The film, and a broker for as long as the context lasts. Raises `EdgedError`."""
    with tempfile.TemporaryDirectory(prefix="edged-benchmark-") as name:
        folder = Path(name)
        film = people_film()
        with find_broker(None, folder) as broker:
            yield Setting(options, film, broker, folder, Progress(steps))


def machine() -> dict[str, object]:
    return {
        "edged": version("edged"),
        "python": platform.python_version(),
        "hardware": hardware(),
        "load_average": [round(load, 2) for load in psutil.getloadavg()],
    }


def describe(ready: Setting) -> dict[str, object]:
    return {
        **machine(),
        "film": ready.film.label,
        "broker": ready.broker.label,
        "repeats": ready.repeats,
        "seconds": ready.window.seconds,
    }


def finish(name: str, about: dict[str, object], figures: Sequence[Figure]) -> bool:
    """Show the table, write the JSON file. False: something is over its limit."""
    OUT.mkdir(exist_ok=True)
    path = OUT / f"{name}.json"
    path.write_text(as_json(about, figures) + "\n", encoding="utf-8")
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    title = "; ".join(str(about[key]) for key in ("film", "broker") if key in about)
    show(console, f"\n{name}: {title}; {about['repeats']}x", figures)
    console.print(f"written to {path.relative_to(REPOSITORY)}", style="dim")
    return all_well(figures)


def people_film() -> Film:
    """24 s of 1080p30 of people, made of the real footage once; without it the film of `edged bench`."""
    footage = ASSETS / _FOOTAGE
    if not footage.is_file():
        return Film(own_clip(), CLIP_S, "generated shapes, 1080p30, 10 s")
    path = cache_folder() / _FILM
    if not path.is_file():
        part = path.with_name(f"{path.stem}.part{path.suffix}")
        _upscale(footage, part)
        part.replace(path)
    return Film(path, _FILM_S, "people, 1080p30 (768x432 scaled up, each frame three times), 24 s")


def _upscale(footage: Path, target: Path) -> None:
    coding = {"preset": "veryfast", "crf": "23", "g": "60"}
    with av.open(str(footage)) as source, av.open(str(target), "w") as film:
        stream = film.add_stream("libx264", rate=_RATE, options=coding)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        source.seek(int(_FROM_S * av.time_base))
        made = 0
        for came in source.decode(video=0):
            if came.time is None or came.time < _FROM_S:
                continue
            picture = came.reformat(1920, 1080, "yuv420p")
            picture.time_base = Fraction(1, _RATE)
            for _ in range(_TIMES):
                picture.pts = made
                film.mux(stream.encode(picture))
                made += 1
            if made >= _FILM_S * _RATE:
                break
        film.mux(stream.encode(None))
