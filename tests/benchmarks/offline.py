"""How fast videos are analysed: YOLOX-nano at every 5th frame of a 1080p film, beside what limits it.

The limit is the slower of decoding alone and inference alone: each with every core, and each with its
share of the cores, as they have it when they run together. Beside them: stream_infer offline on the same
film, and a recording beside encoding alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import av

from edged.app.bench.figures import Figure, median_figure
from edged.errors import EdgedError
from tests.benchmarks.peer import PRODUCERS, ensure_peer
from tests.benchmarks.setting import REPOSITORY, Setting, run

EVERY = 5
_ROUNDS = 4
"""So often the film, in one: what beginning and ending take shall not count much."""
_LONGEST_S = 600
_PARTS = ("decode", "decode-1", "infer", "infer-1", "analyze", "encode", "record")
LEAST_OF_LIMIT, LEAST_OF_PEER, LEAST_OF_ENCODING = 0.95, 1.5, 0.85


@dataclass(frozen=True, slots=True)
class Took:
    seconds: float
    number: int
    """Frames, or runs of the model."""

    @property
    def rate(self) -> float:
        return self.number / self.seconds


def measure(ready: Setting) -> list[Figure]:
    if not ready.options.model.is_file():
        raise EdgedError(f"there is no {ready.options.model}: name a YOLOX model of 416x416 with --model")
    film = rounds(ready.film.path, ready.folder / "film.mp4", 1 if ready.options.quick else _ROUNDS)
    python = None if ready.options.no_peer else ensure_peer()
    taken: list[dict[str, Took]] = []
    for _ in range(ready.repeats):
        taken.append({})
        for part in _PARTS:
            ready.progress.step(part)
            taken[-1][part] = _ours(part, film, ready.options.model)
        for producer in PRODUCERS if python else ():
            ready.progress.step(f"stream_infer, {producer}")
            taken[-1][producer] = _peer(python, producer, film, ready.options.model)
    return _figures(taken)


def rounds(film: Path, target: Path, number: int) -> Path:
    """The film ``number`` times, its packets as they are."""
    with av.open(str(target), "w") as out:
        stream, shift = None, 0
        for _ in range(number):
            with av.open(str(film)) as source:
                came = source.streams.video[0]
                stream = stream or out.add_stream_from_template(came)
                length = 0
                for packet in source.demux(came):
                    if packet.pts is None or packet.dts is None:
                        continue
                    length = max(length, packet.pts + (packet.duration or 0))
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    out.mux(packet)
                shift += length
    return target


def _ours(part: str, film: Path, model: Path) -> Took:
    return _took([sys.executable, "-m", "tests.benchmarks.offline_program", part, str(film), str(model)])


def _peer(python: Path | None, producer: str, film: Path, model: Path) -> Took:
    script = Path(__file__).with_name("offline_peer_program.py")
    return _took([str(python), str(script), str(film), str(model)], producer)


def _took(command: list[str], *more: str) -> Took:
    done = subprocess.run(
        [*command, str(EVERY), *more],
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
        cwd=REPOSITORY,
        check=False,
    )
    try:
        seconds, number = done.stdout.split()[-2:]
        return Took(float(seconds), int(number))
    except ValueError:
        raise EdgedError(f"{command[2:4]} failed: {done.stderr[-500:]}") from None


def _figures(taken: list[dict[str, Took]]) -> list[Figure]:
    def seconds(part: str) -> list[float]:
        return [one[part].seconds for one in taken]

    def beside(*parts: str) -> list[float]:
        return [max(one[part].seconds for part in parts) / one["analyze"].seconds for one in taken]

    figures = [
        *(
            median_figure(part, seconds(part), "s", note=f"{taken[-1][part].rate:.0f} a second")
            for part in taken[-1]
        ),
        median_figure(
            "of the limit, each with every core", beside("decode", "infer"), "x", at_least=LEAST_OF_LIMIT
        ),
        median_figure(
            "of the limit, each with half", beside("decode-1", "infer-1"), "x", at_least=LEAST_OF_LIMIT
        ),
    ]
    recorded = [one["decode"].number / one["record"].seconds / one["encode"].rate for one in taken]
    figures.append(median_figure("recording / encoding alone", recorded, "x", at_least=LEAST_OF_ENCODING))
    if set(PRODUCERS) <= set(taken[-1]):
        quicker = [
            min(one[producer].seconds for producer in PRODUCERS) / one["analyze"].seconds for one in taken
        ]
        note = "its quicker way to decode"
        figures.append(
            median_figure("as fast as stream_infer", quicker, "x", at_least=LEAST_OF_PEER, note=note)
        )
    return figures


def steps(options: argparse.Namespace) -> int:
    return int(options.repeats) * (len(_PARTS) + (0 if options.no_peer else len(PRODUCERS)))


if __name__ == "__main__":
    run("offline", __doc__, measure, steps)
