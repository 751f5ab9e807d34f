"""One part of the offline benchmark, alone in a process: ``… PART FILM MODEL EVERY``. Prints ``SECONDS NUMBER``.

``decode``: the film, with as many threads as FFmpeg wants. ``infer``: the model alone, as often as there are
due frames, every core with a run of its own, or every core in one run: whichever is quicker. ``analyze``:
edged, models loaded before. ``record``: edged, drawing and encoding too. ``encode``: the film's frames,
decoded before, with the settings of the recording.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import onnxruntime as ort

from edged.model.messages import JobSpec, Library, LinkSpec
from edged.model.sampling import Sampling
from edged.offline.engine import Engine, Setup

_RATE = 30
_CORES = len(os.sched_getaffinity(0))


def decode(film: Path, model: Path, every: int) -> int:
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        return sum(1 for _ in container.decode(stream))


def infer(film: Path, model: Path, every: int) -> tuple[float, int]:
    with av.open(str(film)) as container:
        runs = -(-container.streams.video[0].frames // every)
    tensor = np.full((1, 3, 416, 416), 114, dtype=np.float32)
    return min(_infer(model, tensor, runs, 1, _CORES), _infer(model, tensor, runs, _CORES, 1)), runs


def _infer(model: Path, tensor: np.ndarray, runs: int, threads: int, at_once: int) -> float:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: tensor}
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
        for _ in engine.results(film, span=None):  # the models are loaded, the file is in the cache
            break
        began = time.perf_counter()
        results = sum(1 for _ in engine.results(film, record=record))
        return time.perf_counter() - began, results


def record(film: Path, model: Path, every: int) -> tuple[float, int]:
    with tempfile.TemporaryDirectory(prefix="edged-benchmark-") as folder:
        return analyze(film, model, every, Path(folder) / "out.mp4")


def main() -> None:
    part, film, model, every = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
    parts: dict[str, Callable[[Path, Path, int], tuple[float, int] | int]] = {
        "decode": decode, "infer": infer, "analyze": analyze, "record": record,
    }  # fmt: skip
    began = time.perf_counter()
    answer = parts[part](film, model, every)
    seconds, number = answer if isinstance(answer, tuple) else (time.perf_counter() - began, answer)
    print(f"{seconds:.3f} {number}")


if __name__ == "__main__":
    main()
