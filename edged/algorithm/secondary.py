"""What algorithms that look at the crops of detections have in common: which, when, and what stays known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import Field

from edged.algorithm.cadence import Cadence, CadenceRule
from edged.algorithm.context import Context
from edged.algorithm.crop_model import CropModel, CropModelParams
from edged.algorithm.frame import Frame
from edged.algorithm.labels import WantedLabels
from edged.model.detection import Detection

R = TypeVar("R")
T = TypeVar("T")


class SecondaryParams(CropModelParams):
    """Which crops, and how often."""

    of: WantedLabels | None = Field(None, description="labels of the detections looked at; default: all")
    name: str | None = Field(None, min_length=1, description="what the result is called")
    min_pixels: int = Field(
        16, ge=1, description="boxes whose shorter side has fewer in the frame are not looked at"
    )
    margin: float = Field(
        0.0, ge=0, le=2, description="surroundings seen on each side, as a share of the box"
    )
    every: float | None = Field(
        2.0, ge=0, description="seconds until a track is looked at again; 0: each run, null: never"
    )
    grow: float | None = Field(
        2.0, gt=1, description="times its area, from which on a track is looked at again; null: never"
    )
    max_crops: int = Field(32, ge=1, le=1000, description="in one run; the others wait for the next")

    def rule(self) -> CadenceRule:
        """When a track is looked at again."""
        every_us = None if self.every is None else round(self.every * 1e6)
        return CadenceRule(every_us, self.grow, self.max_crops)


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    """What is known of one detection."""

    value: T
    fresh: bool
    """Learnt from this frame."""


class Secondary(Generic[R, T]):
    """Looks at the crops that are due and keeps what it learns with their tracks.

    ``look(frame, detections)`` gives what the model says of each; ``learn(known, said)`` makes of it, and of
    what was known of the same track (None: nothing), what is known now.
    """

    def __init__(
        self,
        counter: str,
        params: SecondaryParams,
        context: Context,
        model: CropModel,
        learn: Callable[[T | None, R], T],
    ) -> None:
        """``counter``: what ``.crops``, ``.runs``, ``.cached`` and ``.waiting`` are counted below."""
        self._counter = counter
        self._of = None if params.of is None else frozenset(params.of)
        self._min_pixels = params.min_pixels
        self._context = context
        self._model = model
        self._learn = learn
        self._cadence: Cadence[T] = Cadence(params.rule())

    def run(
        self,
        frame: Frame,
        detections: Sequence[Detection],
        look: Callable[[Frame, Sequence[Detection]], Sequence[R]],
    ) -> list[Known[T] | None]:
        """What is known of each of ``detections`` after looking at those that are due."""
        now_us = frame.header.pts_us
        wanted = [
            place for place, each in enumerate(detections) if self._of is None or each.label in self._of
        ]
        self._cadence.see((detections[place] for place in wanted), now_us)
        large = [place for place in wanted if self._is_large(frame, detections[place])]
        turns, waiting = self._cadence.choose([detections[place] for place in large], now_us)
        chosen = [large[turn] for turn in turns]
        known: list[Known[T] | None] = [None] * len(detections)
        for place in wanted:
            value = self._cadence.known(detections[place])
            known[place] = None if value is None else Known(value, fresh=False)
        said = look(frame, [detections[place] for place in chosen]) if chosen else ()
        for place, each in zip(chosen, said, strict=True):
            value = self._learn(self._cadence.known(detections[place]), each)
            self._cadence.learn(detections[place], value, now_us)
            known[place] = Known(value, fresh=True)
        self._count(known, len(chosen), waiting)
        return known

    def reset(self) -> None:
        """Forget all tracks."""
        self._cadence.reset()

    def _count(self, known: Sequence[Known[T] | None], crops: int, waiting: int) -> None:
        cached = sum(1 for each in known if each is not None and not each.fresh)
        runs = self._model.runs_for(crops)
        for name, number in {"crops": crops, "runs": runs, "cached": cached, "waiting": waiting}.items():
            if number:
                self._context.count(f"{self._counter}.{name}", number)

    def _is_large(self, frame: Frame, detection: Detection) -> bool:
        x_min, y_min, x_max, y_max = detection.box
        return min((x_max - x_min) * frame.width, (y_max - y_min) * frame.height) >= self._min_pixels
