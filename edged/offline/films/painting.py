"""What was found, drawn on the frames that come until the next run."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.drawing import Canvas, Sketchbook, cover_masks, draw_scene
from edged.algorithm.frame import Frame
from edged.algorithm.trails import Trail, Trails
from edged.model.detection import Outcome
from edged.model.frame import FrameFormat
from edged.model.messages import JobSpec
from edged.model.scene import Scene
from edged.offline.engine.concluding import Concluded
from edged.worker.chain import Chain
from edged.worker.fault import describe_fault

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The newest run of one job."""

    outcome: Outcome
    trails: tuple[Trail, ...]


@dataclass(frozen=True, slots=True)
class Painting:
    """All that is drawn on one frame: of each job its newest outcome, or nothing yet."""

    scene: Scene | None
    outcome: Outcome
    """Of all jobs together: text and boxes find their places among each other."""
    trails: tuple[Trail, ...]
    own: tuple[tuple[JobSpec, Chain, Outcome], ...]
    """What chains draw themselves."""
    failed: set[str] = field(default_factory=set, compare=False)
    """Jobs whose own drawing failed before: that is said once."""

    @property
    def is_empty(self) -> bool:
        """Nothing would be drawn."""
        scene, outcome = self.scene, self.outcome
        shows_scene = scene is not None and bool(scene.zones or scene.lines)
        found = bool(outcome.detections or outcome.data or outcome.counts)
        return not (shows_scene or found or self.trails or self.own)

    def draw(self, planes: Sequence[NDArray[np.uint8]], layout: FrameFormat, book: Sketchbook) -> None:
        """All but what chains draw themselves, on Y, U and V as ``layout`` says."""
        with _whatever_is_found():
            book.draw(planes, layout, self.scene, self.outcome, self.trails)

    def on(self, frame: Frame) -> NDArray[np.uint8]:
        """The frame with all of it, BGR ``(height, width, 3)``. In any thread."""
        picture = frame.bgr()
        if self.is_empty:
            return picture
        canvas = Canvas.of_picture(picture)
        with _whatever_is_found():
            draw_scene(canvas, self.scene, self.outcome, self.trails)
        for job, chain, outcome in self.own:
            try:
                chain.draw(picture, outcome)
            except Exception as error:  # noqa: BLE001 - somebody else's draw()
                self._complain(job, error)
        if self.own:
            cover_masks(canvas, self.scene)
        return picture

    def _complain(self, job: JobSpec, error: Exception) -> None:
        level = logging.DEBUG if job.name in self.failed else logging.WARNING
        self.failed.add(job.name)
        _log.log(level, "draw() of job %s failed: %s", job.name, describe_fault(error, job.hidden))


@contextmanager
def _whatever_is_found() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - somebody else's boxes; what was drawn stays
        _log.debug("cannot be drawn: %s", error)


class Painter:
    """Remembers what was seen; belongs to the thread that concludes."""

    def __init__(
        self, jobs: Sequence[JobSpec], scene: Scene | None, chains: Sequence[Sequence[Chain]]
    ) -> None:
        """``chains``: of each job, those that may draw."""
        self._jobs = tuple(jobs)
        self._scene = scene
        self._chains = tuple(tuple(chain for chain in each if chain.draws) for each in chains)
        self._trails = tuple(Trails() for _ in jobs)
        self._seen: dict[int, _Seen] = {}
        self._failed: set[str] = set()
        self.painting = Painting(scene, Outcome(), (), ())
        """Of the frames that come now."""

    def saw(self, runs: Sequence[Concluded]) -> None:
        """What was found on the newest frame."""
        if not runs:
            return
        for run in runs:
            trails, header = self._trails[run.partial.job], run.partial.header
            found = run.outcome.detections or ()
            trails.saw(header, found)
            self._seen[run.partial.job] = _Seen(run.outcome, trails.now(header, found))
        self.painting = self._paint()

    def _paint(self) -> Painting:
        seen = [self._seen[place] for place in sorted(self._seen)]
        own = tuple(
            (self._jobs[place], chain, self._seen[place].outcome)
            for place in sorted(self._seen)
            for chain in self._chains[place]
        )
        trails = tuple(trail for one in seen for trail in one.trails)
        return Painting(self._scene, _together([one.outcome for one in seen]), trails, own, self._failed)


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    """What several jobs found as if one had."""
    if len(outcomes) == 1:
        return outcomes[0]
    detections = tuple(found for outcome in outcomes for found in outcome.detections or ())
    data = {key: value for outcome in outcomes for key, value in outcome.data.items()}
    counts = {key: value for outcome in outcomes for key, value in outcome.counts.items()}
    return Outcome(detections, data, counts)
