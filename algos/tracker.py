"""Gives each object an id that it keeps from run to run, at any rate of runs, through crossings and gaps.

The machinery is in `edged.algorithm.tracking`: motion over the source's own time, costs that are
likelihoods, an exact assignment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from edged.algorithm import (
    Algorithm,
    AlgorithmError,
    AlgorithmParams,
    Detection,
    Frame,
    Outcome,
    ParamsInvalid,
    blame,
)
from edged.algorithm.embedder import Embedder
from edged.algorithm.labels import WantedLabels
from edged.algorithm.runtime import Provider
from edged.algorithm.tracking.appearance import Appearance, AppearancePolicy
from edged.algorithm.tracking.follower import Follower
from edged.algorithm.tracking.look import Look, Step
from edged.algorithm.tracking.track import ObjectTrack, Policy


class AppearanceParams(AlgorithmParams):
    model: str = Field(min_length=1, description="a re-identification model: crops to vectors")
    every: float = Field(1.0, gt=0, le=3600, description="seconds after which an object is looked at again")
    similar: float = Field(
        0.85, ge=-1, le=1, description="cosine at which two looks are as likely of one object as of two"
    )
    weight: float = Field(
        8.0, ge=0, le=20, description="the most that likeness counts against what motion says (see reach)"
    )
    max_crops: int = Field(20, ge=1, le=300, description="crops looked at in one run")
    provider: Provider = Field(Provider.AUTO, description="what runs the model")


class TrackerParams(AlgorithmParams):
    labels: WantedLabels | None = Field(None, description="only these are followed; default: all")
    across_labels: bool = Field(
        False, description="an object may be seen as another label the next time (a car as a truck)"
    )
    score_high: float = Field(0.5, ge=0, le=1, description="boxes from here on begin a track")
    score_low: float = Field(
        0.1, ge=0, le=1, description="boxes from here on may go on with one: let the detector give them too"
    )
    min_hits: int = Field(2, ge=1, le=1000, description="an id is given to what was seen so often")
    min_time: float = Field(0.2, ge=0, le=60, description="... over at least so many seconds")
    lost_after: float = Field(3.0, gt=0, le=3600, description="seconds that an object is kept unseen")
    speed: float = Field(
        1.0, gt=0, le=100, description="usual speed, in the object's own sizes a second (a walker: 1)"
    )
    reach: float = Field(
        2.7,
        ge=-5,
        le=20,
        description="how badly a box may fit an object: more finds more again, mixes up more",
    )
    max_tracks: int = Field(300, ge=1, le=1000, description="more objects than that are not followed")
    unconfirmed: Literal["keep", "drop"] = Field(
        "keep", description="boxes of followed labels that have no id: keep them in the result, or drop them"
    )
    smooth: bool = Field(False, description="give the boxes as the motion filter has them")
    appearance: AppearanceParams | None = Field(
        None,
        description="tell objects apart by their looks where motion cannot: "
        "{model: …onnx, every: 1.0, similar: 0.85, weight: 8.0, max_crops: 20, provider: auto}",
    )

    @model_validator(mode="after")
    def _ordered(self) -> TrackerParams:
        if self.score_low > self.score_high:
            raise ValueError("score_low must not be above score_high")
        return self


class Tracker(Algorithm):
    """Objects followed from run to run: each keeps its id, also when it is hidden for a moment."""

    Params = TrackerParams
    params: TrackerParams
    returns = "detections: track_id of what is confirmed"
    sends: ClassVar = {
        "object_start": "an object is confirmed",
        "object_end": "an object was not seen for `lost_after` seconds, or the source starts anew",
    }

    @property
    def reads_pixels(self) -> bool:
        return self.params.appearance is not None

    def open(self) -> None:
        params = self.params
        policy = Policy(
            params.score_high,
            params.score_low,
            params.min_hits,
            params.min_time,
            params.lost_after,
            params.speed,
            params.reach,
            params.max_tracks,
            params.across_labels,
        )
        self._follower = Follower(policy, self.context.track_ids.next)
        self._labels = None if params.labels is None else frozenset(params.labels)
        self._embedder = None if params.appearance is None else self._open_model(params.appearance)

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        if before.detections is None:
            raise AlgorithmError("nothing before the tracker detects: put it behind a detector (`then:`)")
        header = window[-1].header
        places = self._followed(before.detections)
        followed = [before.detections[place] for place in places]
        look = Look(
            header.pts_us,
            header.format.width / header.format.height,
            np.array([found.box for found in followed], dtype=np.float64).reshape(-1, 4),
            np.array([found.score for found in followed], dtype=np.float64),
            [found.label for found in followed],
        )
        step = self._follower.follow(look, self._appearance(window[-1], followed))
        self._tell(step)
        return replace(before, detections=self._marked(before.detections, places, step, look.aspect))

    def reset(self) -> None:
        self._tell(Step([], ended=self._follower.end()), "restarted")

    def _open_model(self, wanted: AppearanceParams) -> Embedder:
        self._looks = AppearancePolicy(wanted.every, wanted.similar, wanted.weight, wanted.max_crops)
        try:
            with blame("model"):
                return Embedder.open(self.context, wanted.model, provider=wanted.provider)
        except ParamsInvalid as error:
            path = f"appearance.{error.path}"
            raise ParamsInvalid(str(error), path=path, code=error.code) from error

    def _appearance(self, frame: Frame, followed: Sequence[Detection]) -> Appearance | None:
        embedder = self._embedder
        if embedder is None:
            return None

        def embed(places: Sequence[int]) -> NDArray[np.float32]:
            self.context.count("tracker.embeddings", len(places))
            return embedder.embed(frame, [followed[place].box for place in places])

        return Appearance(self._looks, embed)

    def _followed(self, detections: Sequence[Detection]) -> list[int]:
        """Which are of a label to follow, and have a box in the plane."""
        wanted = self._labels
        return [
            place
            for place, found in enumerate(detections)
            if (wanted is None or found.label in wanted) and -1e6 < sum(found.box) < 1e6
        ]

    def _marked(
        self, detections: Sequence[Detection], places: Sequence[int], step: Step, aspect: float
    ) -> tuple[Detection, ...]:
        """With the ids of those at ``places``."""
        smoothed = self._smoothed(aspect) if self.params.smooth else {}
        marked: dict[int, Detection | None] = {}
        for place, track in zip(places, step.tracks, strict=True):
            found = detections[place]
            if track is not None and track.track_id is not None:
                box = smoothed.get(track.track_id, found.box)
                marked[place] = found.followed(track.track_id, box)
            elif self.params.unconfirmed == "drop":
                marked[place] = None
        listed = (marked.get(place, found) for place, found in enumerate(detections))
        return tuple(found for found in listed if found is not None)

    def _smoothed(self, aspect: float) -> dict[int, tuple[float, float, float, float]]:
        boxes = self._follower.smoothed(aspect).tolist()
        return {
            track.track_id: tuple(box)
            for track, box in zip(self._follower.tracks, boxes, strict=True)
            if track.track_id is not None
        }

    def _tell(self, step: Step, reason: str = "lost") -> None:
        for track in step.ended:
            self.context.emit("object_end", {**_fields(track), "data": {**_life(track), "reason": reason}})
        for track in step.started:
            self.context.emit(
                "object_start", {**_fields(track), "data": {"first_seen": track.first_us / 1e6}}
            )


def _fields(track: ObjectTrack) -> dict[str, Any]:
    return {
        "label": track.label,
        "score": round(track.score, 4),
        "box": [round(edge, 5) for edge in track.box],
        "track_id": track.track_id,
    }


def _life(track: ObjectTrack) -> dict[str, Any]:
    """pts in seconds; the way in heights of the frame."""
    return {
        "duration": round(track.duration_s, 3),
        "first_seen": track.first_us / 1e6,
        "last_seen": track.last_us / 1e6,
        "travelled": round(track.travelled, 3),
    }
