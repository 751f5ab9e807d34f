"""`edged bench` from beginning to end."""

from __future__ import annotations

import platform
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from edged.app.bench.broker import Broker, find_broker
from edged.app.bench.figures import Figure
from edged.app.bench.films import decode_alone, own_clip, probe_film
from edged.app.bench.measures import (
    CostPair,
    Density,
    cost_figures,
    density_figures,
    density_of,
    latency_figures,
    life_figures,
)
from edged.app.bench.observing import Window, observe
from edged.app.bench.report import Progress
from edged.app.bench.scenes import STAMPED, Scene, detecting, film_cameras
from edged.control.hardware import hardware
from edged.errors import EdgedError
from edged.model.probe import ProbeReport

COST_INTERVAL_S = 0.1
DENSITY_INTERVAL_S = 0.2
_BUSY_PERCENT = 15.0
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """What the user asked for."""

    video: Path | None
    model: Path | None
    mqtt_url: str | None
    cameras: tuple[int, ...]
    seconds: float
    repeats: int
    settle_s: float


@dataclass(frozen=True, slots=True)
class BenchOutcome:
    """What was measured, and on what."""

    about: dict[str, Any]
    figures: tuple[Figure, ...]


class Bench:
    """One bench. `run` blocks; an interrupt ends whatever was started."""

    def __init__(self, options: BenchOptions) -> None:
        self._options = options
        steps = 2 * options.repeats + len(options.cameras) + 3
        self._progress = Progress(steps)

    def run(self) -> BenchOutcome:
        """Raises `EdgedError` when something cannot be measured; the message says why."""
        options = self._options
        with self._progress.shown(), tempfile.TemporaryDirectory(prefix="edged-bench-") as folder:
            self._progress.step("the film" if options.video else "the film (made once, takes a while)")
            film = options.video.absolute() if options.video else own_clip()
            probed = probe_film(film)
            busy = psutil.cpu_percent(_LOOK_S)
            with find_broker(options.mqtt_url, Path(folder)) as broker:
                figures = (
                    *self._one_camera(film, broker, probed.first_frame_s),
                    *self._many_cameras(film, broker),
                )
        return BenchOutcome(self._about(film, probed, broker, busy), figures)

    def _one_camera(self, film: Path, broker: Broker, opening_s: float) -> list[Figure]:
        options = self._options
        window = Window(options.settle_s, options.seconds)
        pairs, runs = [], []
        for repeat in range(1, options.repeats + 1):
            which = f", {repeat} of {options.repeats}"
            self._progress.step(f"decoding alone{which}")
            alone = decode_alone(film, warm_up_s=options.settle_s, seconds=options.seconds, paced=True)
            self._progress.step(f"one camera, an algorithm that does nothing{which}")
            scene = Scene(film_cameras(film, 1), COST_INTERVAL_S)
            runs.append(observe(scene, broker, window, self._progress.tick))
            pairs.append(CostPair(alone, runs[-1]))
        self._progress.step("decoding alone, as fast as it goes")
        unpaced = decode_alone(film, warm_up_s=1, seconds=options.seconds, paced=False)
        self._progress.step("latency")
        scene = Scene(film_cameras(film, 1), COST_INTERVAL_S, STAMPED)
        stamped = observe(scene, broker, window, self._progress.tick)
        return [
            *cost_figures(pairs, unpaced),
            *latency_figures(stamped.seen, "one camera, capture to subscriber"),
            *life_figures([*runs, stamped], opening_s),
        ]

    def _many_cameras(self, film: Path, broker: Broker) -> list[Figure]:
        """More and more of them, until turns are missed."""
        options = self._options
        window = Window(options.settle_s, options.seconds)
        found: list[Density] = []
        for number in options.cameras:
            self._progress.step(f"{number} camera{'s' if number > 1 else ''}")
            scene = detecting(film, number, DENSITY_INTERVAL_S, options.model)
            try:
                seen = observe(scene, broker, window.for_cameras(number), self._progress.tick)
            except EdgedError:
                if not found:
                    raise
                break  # so many are too many for this machine even to start
            found.append(density_of(seen, scene.sources, DENSITY_INTERVAL_S))
            if not found[-1].keeps_up:
                break
        return density_figures(found)

    def _about(self, film: Path, probed: ProbeReport, broker: Broker, busy: float) -> dict[str, Any]:
        model = self._options.model
        about: dict[str, Any] = {
            "edged": version("edged"),
            "python": platform.python_version(),
            "hardware": hardware(),
            "film": f"{film.name}: {probed.codec} {probed.width}x{probed.height} {probed.fps:.4g} fps",
            "algorithm": f"detector, {model.name}" if model else "motion",
            "broker": f"{broker.label}; what it takes is not counted",
            "seconds": self._options.seconds,
            "repeats": self._options.repeats,
        }
        if busy > _BUSY_PERCENT:
            about["warning"] = (
                f"the machine was {busy:.0f} % busy before: figures are worse than they should be"
            )
        return about
