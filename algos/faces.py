"""Faces and their landmarks, found by YuNet or UltraFace: on the whole frame, or inside other detections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from edged.algorithm import (
    WHOLE,
    AlgorithmError,
    AlgorithmParams,
    Batched,
    Box,
    Detection,
    Frame,
    Outcome,
    Prepared,
    blame,
)
from edged.algorithm.crops import widened
from edged.algorithm.faces import FaceModel, FoundFaces
from edged.algorithm.labels import some_of
from edged.algorithm.runtime import Provider
from edged.algorithm.suppression import suppress

_LONGEST = 640
"""Pixels of a whole frame's longer side, for a model that leaves its size open."""
_CROP = (320, 320)
"""The size of a crop for such a model."""
_MARGIN = 0.1
"""Of a detection's width and height that is looked at on each side of it."""
_MOST_CANDIDATES = 5_000
"""Boxes that enter suppression: more come of noise only."""

Side = Annotated[int, Field(ge=32, le=4096)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class FacesParams(AlgorithmParams):
    model: str = Field(min_length=1, description="an .onnx file in a model folder, or an absolute path")
    score: float = Field(0.6, ge=0, le=1, description="faces below it are left out")
    iou: float = Field(0.3, ge=0, le=1, description="faces that overlap more are one")
    max_detections: int = Field(100, ge=1, le=10_000, description="the best faces of a frame")
    min_size: float = Field(
        0.0, ge=0, le=1, description="smaller faces are left out: fraction of the frame's width and height"
    )
    region: tuple[Fraction, Fraction, Fraction, Fraction] = Field(
        WHOLE, description="x_min, y_min, x_max, y_max of the part of the frame that is looked at"
    )
    of: Annotated[list[str], some_of("leave it out for the whole frame")] | None = Field(
        None, description="look inside detections of these labels, as [person]; default: at the whole frame"
    )
    max_crops: int = Field(16, ge=1, le=300, description="detections looked into, the largest first")
    input_size: tuple[Side, Side] | None = Field(
        None,
        description="width and height, for a model that leaves them open; default: the frame's shape, the "
        "longer side 640; 320, 320 inside detections",
    )
    provider: Provider = Field(Provider.AUTO, description="what runs the model")

    @field_validator("region")
    @classmethod
    def _has_size(cls, region: Box) -> Box:
        if region[0] >= region[2] or region[1] >= region[3]:
            raise ValueError("must be x_min, y_min, x_max, y_max with x_min < x_max and y_min < y_max")
        return region


class Faces(Batched):
    """Faces as boxes labelled ``face``, with five landmarks where the model knows them."""

    Params = FacesParams
    params: FacesParams
    returns = (
        "detections: box, score, label face; keypoints: right eye, left eye (the person's own), nose, "
        "right and left corner of the mouth"
    )
    sends: ClassVar = {}

    def open(self) -> None:
        with blame("model"):
            self.session = self.context.model(self.params.model, provider=self.params.provider)
            self._model = FaceModel.open(self.session, self.params.input_size)

    def prepare(self, window: Sequence[Frame]) -> Prepared:
        frame = window[-1]
        picture = self._model.picture(frame, self.params.region, self._size(frame))
        return Prepared(self._model.feed([picture]), picture)

    def conclude(
        self, prepared: Prepared, outputs: Sequence[NDArray[Any]], window: Sequence[Frame], before: Outcome
    ) -> Outcome:
        if self.params.of is not None:
            return self.run(window, before)
        found = self._model.found(outputs, prepared.picture, self.params.score)
        return self._with(before, [found])

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        if self.params.of is None:
            return super().run(window, before)
        frame = window[-1]
        regions = self._regions(before, self.params.of)
        self.context.count("faces.crops", len(regions))
        return self._with(before, self._model.find(frame, regions, self._size(frame), self.params.score))

    def _regions(self, before: Outcome, labels: Sequence[str]) -> list[Box]:
        """The detections that are looked into."""
        if before.detections is None:
            raise AlgorithmError("nothing before the faces detects: put it behind a detector, or drop `of`")
        boxes = [widened(each.box, _MARGIN) for each in before.detections if each.label in labels]
        boxes.sort(key=lambda box: -(box[2] - box[0]) * (box[3] - box[1]))
        return boxes[: self.params.max_crops]

    def _size(self, frame: Frame) -> tuple[int, int]:
        """Of the input, where the model leaves it open."""
        if self.params.input_size is not None or self.params.of is not None:
            return self.params.input_size or _CROP
        x_min, y_min, x_max, y_max = self.params.region
        return self._model.size_for((x_max - x_min) * frame.width, (y_max - y_min) * frame.height, _LONGEST)

    def _with(self, before: Outcome, parts: Sequence[FoundFaces]) -> Outcome:
        return replace(before, detections=(*(before.detections or ()), *self._chosen(parts)))

    def _chosen(self, parts: Sequence[FoundFaces]) -> list[Detection]:
        """The best faces of all parts, without doubles."""
        if not parts:
            return []
        boxes, scores, points = (
            np.concatenate([getattr(part, name) for part in parts]) for name in ("boxes", "scores", "points")
        )
        sides = (boxes[:, 2:] - boxes[:, :2]).min(axis=1)
        shown = np.flatnonzero(sides > 0)
        best = shown[np.argsort(-scores[shown], kind="stable")[:_MOST_CANDIDATES]]
        kept = best[
            suppress(
                boxes[best].astype(np.float32),
                scores[best].astype(np.float32),
                np.zeros(len(best), dtype=np.intp),
                iou=self.params.iou,
                most=self.params.max_detections,
            )
        ]
        large = kept[sides[kept] >= self.params.min_size]
        return [
            Detection(tuple(box), score, "face", 0, keypoints=tuple((x, y, score) for x, y in marks))
            for box, score, marks in zip(
                boxes[large].tolist(), scores[large].tolist(), points[large].tolist(), strict=True
            )
        ]
