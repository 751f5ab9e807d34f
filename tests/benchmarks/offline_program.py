"""One part of the offline benchmark, alone in a process: ``PART FILM MODEL EVERY``.

Prints ``SECONDS NUMBER``.

``decode``: the film, with a thread for each core. ``decode-1``: with one. ``infer``: the model alone, as
often as there are due frames, every core with a run of its own, or all in one run: whichever is quicker.
``infer-1``: on one core. ``analyze``: edged, models loaded before. ``record``: edged, drawing and encoding
too. ``encode``: the film's frames, decoded before, with the encoder of the recording.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path

import av
import numpy as np
import onnxruntime as ort

from edged.model.messages import JobSpec, Library, LinkSpec
from edged.model.sampling import Sampling
from edged.offline.engine.engine import Engine, Setup
from edged.offline.films.film import Film
from edged.offline.reading.footage import Video
from edged.offline.reading.reader import Reader

_RATE = 30
_MOST_HELD = 300
"""Frames of 3 MB, in memory."""
_CORES = len(os.sched_getaffinity(0))


def decode(film: Path, model: Path, every: int, threads: int = _CORES) -> tuple[float, int]:
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "AUTO", threads
        began = time.perf_counter()
        frames = sum(1 for _ in container.decode(stream))
        return time.perf_counter() - began, frames


def infer(film: Path, model: Path, every: int, cores: int = _CORES) -> tuple[float, int]:
    with av.open(str(film)) as container:
        runs = -(-container.streams.video[0].frames // every)
    return min(_infer(model, runs, 1, cores), _infer(model, runs, cores, 1)), runs


def _infer(model: Path, runs: int, threads: int, at_once: int) -> float:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: np.full((1, 3, 416, 416), 114, dtype=np.float32)}
    session.run(None, feed)

    def share(number: int) -> None:
        for _ in range(number, runs, at_once):
            session.run(None, feed)

    workers = [threading.Thread(target=share, args=(number,)) for number in range(at_once)]
    began = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return time.perf_counter() - began


def analyze(film: Path, model: Path, every: int, record: Path | None = None) -> tuple[float, int]:
    link = LinkSpec("detector", {"model": str(model)})
    job = JobSpec("people", ("video",), (link,), Sampling(interval_us=round(every * 1e6 / _RATE)))
    with Engine(Setup((job,), Library())) as engine:
        began = time.perf_counter()
        results = sum(1 for _ in engine.results(film, record=record))
        return time.perf_counter() - began, results


def record(film: Path, model: Path, every: int) -> tuple[float, int]:
    with tempfile.TemporaryDirectory(prefix="edged-benchmark-") as folder:
        return analyze(film, model, every, Path(folder) / "out.mp4")


def encode(film: Path, model: Path, every: int) -> tuple[float, int]:
    with closing(Video(film)) as video, tempfile.TemporaryDirectory(prefix="edged-benchmark-") as folder:
        looks = islice(Reader(video, (), every_frame=True).looks(), _MOST_HELD)
        frames = [look.frame for look in looks if look.frame is not None]
        began = time.perf_counter()
        with Film(Path(folder) / "out.mp4", _RATE) as out:
            for frame in frames:
                out.add_frame(frame)
        return time.perf_counter() - began, len(frames)


def main() -> None:
    part, film, model, every = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    parts: dict[str, Callable[[Path, Path, int], tuple[float, int]]] = {
        "decode": decode, "decode-1": partial(decode, threads=1),
        "infer": infer, "infer-1": partial(infer, cores=1),
        "analyze": analyze, "record": record, "encode": encode,
    }  # fmt: skip
    seconds, number = parts[part](film, model, every)
    print(f"{seconds:.3f} {number}")


if __name__ == "__main__":
    main()
