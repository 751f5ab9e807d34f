"""`edged try`: recognise a model, run it on a picture or a video, draw, and tell what it found and cost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from edged.algorithm.drawing import Canvas, draw_scene
from edged.algorithm.frame import Frame
from edged.algorithm.onnx_file import NotOnnx, read_onnx
from edged.algorithm.runtime import OnBuild, default_threads
from edged.algorithm.values import jsonable
from edged.errors import EdgedError
from edged.model.detection import Outcome
from edged.model.messages import Library
from edged.model.trying import Cost, TryReport, TryRequest
from edged.offline.films.film import Film, write_picture
from edged.offline.looking.look import Look, look_at
from edged.offline.looking.recognition import LINKS, Recognised, recognise
from edged.offline.looking.stopwatch import Stopwatch, WatchedSessions
from edged.offline.looking.tally import Tally
from edged.offline.reading.footage import open_video, read_picture
from edged.worker.chain import Chain
from edged.worker.fault import describe_fault
from edged.worker.opening import Opener

OnProgress = Callable[[int, int], None]
"""``on_progress(done, total)``, runs; a total of 0 is not known. Called before each run."""

_REPEATS = 20
_REPEATS_S = 3.0
"""Of a picture: so often, for so long at most."""
_LONGEST_DATA = 2_000
_LONGEST_LIST = 8
_KEPT = 3


def try_model(request: TryRequest, on_build: OnBuild, on_progress: OnProgress) -> TryReport:
    """All of it. What is wrong with the model, the footage or the params is told in the report."""
    try:
        check_file(Path(request.model))
        return _Trial(request, on_build, on_progress).run()
    except EdgedError as error:
        return TryReport(error=str(error), code=error.code)
    except OSError as error:
        return TryReport(error=f"{error.filename or request.output}: {error.strerror}", code="not_found")


def check_file(path: Path) -> None:
    """Raise `NotOnnx` for a file that is no whole model, or whose weights are not there."""
    missing = read_onnx(path).missing
    if missing:
        names = ", ".join(file.name for file in missing[:5])
        raise NotOnnx(f"{path.name} cannot be loaded: its weights are in {names}; copy that beside it")


@dataclass(slots=True)
class _Trial:
    """One model on one picture or video."""

    request: TryRequest
    on_build: OnBuild
    on_progress: OnProgress
    watch: Stopwatch = field(default_factory=Stopwatch)
    tally: Tally = field(default_factory=Tally)
    outcome: Outcome = field(default_factory=Outcome)
    """The last."""
    size: tuple[int, int] = (0, 0)

    def run(self) -> TryReport:
        model = Path(self.request.model)
        self.on_progress(0, 0)
        opener = Opener(
            Library((*self.request.folders, str(LINKS)), (str(model.parent),), self.request.cache),
            on_build=self.on_build,
        )
        before = psutil.Process().memory_info().rss
        sessions = WatchedSessions.of(opener.sessions, self.watch)
        opener.sessions = sessions
        session = sessions.get(str(model), provider=self.request.params.get("provider", "auto"))
        look = look_at(session)
        refused: list[Recognised] = []
        chosen = None
        params = {"model": model.name, **self.request.params}
        for verdict in recognise(look, opener, params, self.request.algorithm):
            if verdict.chain is not None:
                chosen = verdict
                break
            refused.append(verdict)
        memory = psutil.Process().memory_info().rss - before
        report = self._told(look, refused, chosen)
        if chosen is None or chosen.chain is None:
            return report
        try:
            self._run_all(chosen.chain)
        finally:
            chosen.chain.close()
        return self._result(report, look, memory / 2**20)

    def _told(self, look: Look, refused: Sequence[Recognised], chosen: Recognised | None) -> TryReport:
        """What is known before the first run."""
        error = ""
        if chosen is None:
            why = look.error or "; ".join(f"{one.card.algorithm}: {one.card.detail}" for one in refused[-1:])
            error = f"no algorithm takes {Path(self.request.model).name}: {why}"
            if self.request.algorithm and refused:
                error = refused[0].card.detail
        cards = [one.card for one in (*refused, *([chosen] if chosen else ()))]
        return TryReport(
            error=error,
            code="algorithm_failed" if error else "",
            algorithm=chosen.card.algorithm if chosen else "",
            inputs=look.input_cards(),
            outputs=look.output_cards(),
            fits=tuple(cards),
            heads=known_heads(),
        )

    def _run_all(self, chain: Chain) -> None:
        output = Path(self.request.output)
        if not self.request.is_picture:
            self._run_video(chain, output)
            return
        frame = read_picture(Path(self.request.footage))
        write_picture(self._drawn(chain, frame), output)
        until = time.monotonic() + _REPEATS_S
        for number in range(1, _REPEATS + 1):
            if time.monotonic() > until:
                break
            self.on_progress(number, _REPEATS + 1)
            self._timed(chain, frame)

    def _run_video(self, chain: Chain, output: Path) -> None:
        interval_us = self.request.interval_us
        with ExitStack() as opened:
            video = opened.enter_context(open_video(Path(self.request.footage)))
            rate = 1e6 / interval_us if interval_us else video.fps or 25.0
            total = round(video.seconds * min(rate, video.fps or rate))
            film = opened.enter_context(Film(output, rate))
            for number, frame in enumerate(video.frames(interval_us)):
                self.on_progress(number, total)
                film.add(self._drawn(chain, frame), frame.header.pts_us)
        if not self.tally.frames:
            raise EdgedError(f"there is no picture in {Path(self.request.footage).name} that can be decoded")

    def _drawn(self, chain: Chain, frame: Frame) -> NDArray[np.uint8]:
        """Run, count, draw."""
        self.size = (frame.width, frame.height)
        self.outcome = self._timed(chain, frame)
        self.tally.add(self.outcome.detections or ())
        picture = frame.bgr()
        draw_scene(Canvas.of_picture(picture), None, self.outcome)
        chain.draw(picture, self.outcome)
        return picture

    def _timed(self, chain: Chain, frame: Frame) -> Outcome:
        self.watch.begin()
        try:
            outcome = chain.run((frame,))
        except Exception as error:
            raise EdgedError(describe_fault(error), code="algorithm_failed") from error
        self.watch.end()
        chain.emissions.take()
        return outcome

    def _result(self, report: TryReport, look: Look, memory_mb: float) -> TryReport:
        pre, model, post = self.watch.medians_ms()
        threads = default_threads()
        cost = Cost(len(self.watch.laps), pre, model, post, look.session.label, threads, memory_mb)
        return replace(
            report,
            frames=self.tally.frames,
            width=self.size[0],
            height=self.size[1],
            found=self.tally.cards(),
            data=shortened(self.outcome.data),
            cost=cost,
            written=True,
        )


def known_heads() -> tuple[str, ...]:
    """What the detector's heads are called, and what they are known by."""
    from edged.algorithm.heads import HEADS

    return tuple(f"{head.name}: {head.output}" for head in HEADS.values())


def shortened(data: Any) -> str:
    """As JSON, with long lists cut."""
    text = json.dumps(_brief(jsonable(data)), ensure_ascii=False) if data else ""
    return text if len(text) <= _LONGEST_DATA else f"{text[:_LONGEST_DATA]}…"


def _brief(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _brief(item) for key, item in value.items()}
    if isinstance(value, list):
        more = [f"… {len(value)} in all"] if len(value) > _LONGEST_LIST else []
        return [_brief(item) for item in value[: _KEPT if more else None]] + more
    return value
