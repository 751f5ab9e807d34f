"""What the daemon is given to do in a measurement: cameras, and one job on all of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edged.app.bench.results import CAPTURED_US

JOB = "bench"
TRIVIAL = "bench_algorithms:Trivial"
STAMPED = "bench_algorithms:Stamped"
ALGORITHMS_FILE = "bench_algorithms.py"
ALGORITHMS = f'''\
"""Users' own algorithms as they would write them; they cost nothing themselves."""

from edged import BaseAlgo


class Trivial(BaseAlgo):
    def run(self, frames):
        return {{}}


class Stamped(BaseAlgo):
    def run(self, frames):
        return {{"{CAPTURED_US}": round(self.frame.time.timestamp() * 1e6)}}
'''


@dataclass(frozen=True, slots=True)
class Scene:
    """The spec of one measurement."""

    sources: Mapping[str, Mapping[str, Any]]
    interval_s: float
    algorithm: str = TRIVIAL
    params: Mapping[str, Any] = field(default_factory=dict)
    models: Path | None = None
    """Folder of the model that `params` names."""
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def spec(self) -> dict[str, Any]:
        """As in a config."""
        job = {
            "algorithm": self.algorithm,
            "params": dict(self.params),
            "sampling": {"interval": self.interval_s},
        }
        sources = {name: dict(source) for name, source in self.sources.items()}
        outputs = {name: dict(output) for name, output in self.outputs.items()}
        return {"sources": sources, "jobs": {JOB: job}, "outputs": outputs}


def film_cameras(film: Path, number: int) -> dict[str, dict[str, Any]]:
    """``number`` sources that play the same film, each for itself, over and over."""
    return {f"camera-{count:02}": {"url": str(film), "loop": True} for count in range(1, number + 1)}


def detecting(film: Path, number: int, interval_s: float, model: Path | None) -> Scene:
    """A detector on every camera, or `motion` where there is no model."""
    cameras = film_cameras(film, number)
    if model is None:
        return Scene(cameras, interval_s, "motion")
    return Scene(cameras, interval_s, "detector", {"model": model.name}, model.absolute().parent)
