"""`edged models info`: all that a model says of itself, and what it costs on this machine."""

from __future__ import annotations

import hashlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from edged.algorithm.labels import metadata_labels
from edged.algorithm.onnx_file import OnnxFile, read_onnx
from edged.algorithm.runtime import OnBuild, available_providers
from edged.algorithm.session import Session, Sessions
from edged.errors import EdgedError
from edged.model.messages import Library
from edged.model.providers import AUTO_ORDER, ORT_NAMES, Provider
from edged.model.trying import FitCard, ModelInfoRequest, ModelReport, Timing
from edged.offline.looking.look import Look, gray, look_at
from edged.offline.looking.recognition import LINKS, RAW, recognise
from edged.offline.looking.trial import check_file
from edged.worker.opening import Opener

_RUNS = 30
_RUNS_S = 2.0
"""One way to run it is measured so often, for so long at most."""
_LONGEST_VALUE = 200


def describe_model(request: ModelInfoRequest, on_build: OnBuild, on_step: Callable[[], None]) -> ModelReport:
    """Look at the file, load it, run it every way there is; ``on_step`` comes before what may take long."""
    path = Path(request.model)
    try:
        check_file(path)
        on_step()
        cache = Path(request.cache) if request.cache else None
        sessions = Sessions([path.parent], cache=cache, on_build=on_build)
        session = sessions.get(str(path))
        look = look_at(session)
        on_step()
        opener = Opener(Library((str(LINKS),), (str(path.parent),), request.cache), on_build=on_build)
        opener.sessions = sessions
        fits = tuple(_fits(look, opener))
        timings = tuple(_timings(path, sessions, on_step))
    except EdgedError as error:
        return ModelReport(error=str(error), code=error.code)
    except OSError as error:
        return ModelReport(error=f"{path}: {error.strerror}", code="model_not_found")
    return _report(path, read_onnx(path), look, fits, timings)


def _report(
    path: Path, head: OnnxFile, look: Look, fits: tuple[FitCard, ...], timings: tuple[Timing, ...]
) -> ModelReport:
    metadata = look.session.metadata
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return ModelReport(
        path=str(path),
        size=path.stat().st_size,
        sha256=sha256,
        ir_version=head.ir_version,
        opsets=dict(head.opsets),
        producer=head.producer,
        nodes=head.nodes,
        weight_files=tuple(file.name for file in head.weight_files),
        metadata={key: value[:_LONGEST_VALUE] for key, value in metadata.items() if key != "names" and value},
        labels=metadata_labels(metadata) or (),
        inputs=look.input_cards(),
        outputs=look.output_cards(),
        fits=fits,
        auto=look.session.label,
        timings=timings,
    )


def _fits(look: Look, opener: Opener) -> Iterator[FitCard]:
    """Of the algorithms that are made for some models; raw outputs fit all that take a picture."""
    for verdict in recognise(look, opener, {"model": look.session.path.name}):
        if verdict.chain is not None:
            verdict.chain.close()
        if verdict.card.algorithm != RAW or verdict.card.fits:
            yield verdict.card


def _timings(path: Path, sessions: Sessions, on_step: Callable[[], None]) -> Iterator[Timing]:
    for provider in AUTO_ORDER:
        if ORT_NAMES[provider] not in available_providers():
            continue
        for threads in _thread_counts() if provider is Provider.CPU else (None,):
            on_step()
            yield _timing(path, sessions, provider, threads)


def _timing(path: Path, sessions: Sessions, provider: Provider, threads: int | None) -> Timing:
    began = time.perf_counter()
    try:
        session = sessions.get(str(path), provider=provider, threads=threads)
        load_s = time.perf_counter() - began
        runs = _measure(session)
    except EdgedError as error:
        return Timing(provider, threads or 0, error=str(error))
    return Timing(
        session.label, threads or 0, load_s, statistics.median(runs) * 1e3, min(runs) * 1e3, len(runs)
    )


def _measure(session: Session) -> list[float]:
    """Seconds of each run but the first."""
    feeds = {tensor.name: gray(tensor) for tensor in session.inputs}
    session.run(feeds)
    runs: list[float] = []
    until = time.perf_counter() + _RUNS_S
    while len(runs) < _RUNS and (len(runs) < 3 or time.perf_counter() < until):
        began = time.perf_counter()
        session.run(feeds)
        runs.append(time.perf_counter() - began)
    return runs


def _thread_counts() -> tuple[int, ...]:
    """1, 2 and all."""
    cores = len(os.sched_getaffinity(0))
    return tuple(sorted({1, min(2, cores), cores}))
