"""Objects in the newest frame, found by an ONNX model: YOLOX, YOLOv8, YOLO11 and their like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from edged.algorithm import Algorithm, AlgorithmError, AlgorithmParams, Fit, Frame, Picture, blame
from edged.algorithm.heads import HEADS, Candidates, Head, ModelInput, recognise
from edged.algorithm.labels import label_ids, labels_for, metadata_labels, read_labels
from edged.algorithm.runtime import Provider
from edged.algorithm.suppression import suppress
from edged.model.detection import Detection, Outcome

_MOST_CANDIDATES = 30_000
"""Boxes that enter suppression: more come of noise only."""


class DetectorParams(AlgorithmParams):
    model: str = Field(min_length=1, description="an .onnx file in a model folder, or an absolute path")
    score: float = Field(0.4, ge=0, le=1, description="boxes below it are left out")
    labels: list[str] | None = Field(None, description="only these; default: all that the model knows")
    iou: float = Field(0.45, ge=0, le=1, description="boxes of a label that overlap more are one object")
    max_detections: int = Field(300, ge=1, le=10_000, description="the best ones of a frame")
    head: str = Field("auto", description=f"what the output means: auto, {', '.join(HEADS)}")
    names: list[str] | str | None = Field(
        None, description="what classes are called: a list, or a text file in a model folder, one per line"
    )
    resize: Literal["auto", "letterbox", "stretch"] = Field("auto", description="how frames fill the input")
    input_size: tuple[Annotated[int, Field(ge=32)], Annotated[int, Field(ge=32)]] | None = Field(
        None, description="width and height, for a model that leaves them open; default: 640, 640"
    )
    provider: Provider = Field(Provider.AUTO, description="what runs the model")

    @field_validator("head")
    @classmethod
    def _known_head(cls, head: str) -> str:
        if head != "auto" and head not in HEADS:
            raise ValueError(f"must be auto or one of {', '.join(HEADS)}")
        return head


class Detector(Algorithm):
    """Objects found by an ONNX model, as boxes with labels and scores."""

    Params = DetectorParams
    params: DetectorParams
    returns = "detections: box, score, label, label_id"

    def open(self) -> None:
        params = self.params
        with blame("names"):
            folders = self.context.sessions.folders
            given = None if params.names is None else read_labels(params.names, folders)
        with blame("model"):
            self._session = self.context.model(params.model, provider=params.provider)
            self._input = ModelInput.of(self._session, params.input_size)
            own = metadata_labels(self._session.metadata)
            self._head, classes = self._recognise(given or own)
        self._fit = self._head.fit if params.resize == "auto" else Fit(params.resize)
        with blame("names"):
            self._labels = labels_for(classes, given, own)
        with blame("labels"):
            wanted = params.labels
            self._wanted = None if wanted is None else np.array(sorted(label_ids(wanted, self._labels)))

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        head = self._head
        picture = window[-1].picture(
            self._input.width, self._input.height, fit=self._fit, anchor=head.anchor, color=head.color
        )
        output = self._session.run(self._input.feed(picture.pixels, head.scale))[0]
        found = self._found(np.asarray(output[0], dtype=np.float32), picture)
        return Outcome((*(before.detections or ()), *found), before.data)

    def _recognise(self, names: Sequence[str] | None) -> tuple[Head, int]:
        """Warm the model up; its head and number of classes."""
        width, height = self._input.width, self._input.height
        blank = np.zeros((height, width, 3), dtype=np.uint8)
        shapes = [np.shape(output) for output in self._session.run(self._input.feed(blank, 1.0))]
        if self.params.head == "auto":
            head = recognise(shapes, width, height, len(names) if names else None)
        else:
            head = HEADS[self.params.head]
        classes = head.classes(shapes[0], width, height)
        if classes is None:
            sizes = "x".join(str(size) for size in shapes[0])
            raise AlgorithmError(f"head {head.name} wants an output of {head.output}; the model's is {sizes}")
        return head, classes

    def _found(self, output: NDArray[np.float32], picture: Picture) -> list[Detection]:
        if not np.isfinite(output).all():
            raise AlgorithmError(f"{self.params.model} returned NaN or infinite numbers")
        width, height = self._input.width, self._input.height
        found = self._chosen(self._head.decode(output, width, height, self.params.score))
        boxes = picture.to_frame(found.boxes)
        inside = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        return [
            Detection((x_min, y_min, x_max, y_max), score, self._labels[label_id], label_id)
            for (x_min, y_min, x_max, y_max), score, label_id in zip(
                boxes[inside].tolist(),
                np.clip(found.scores[inside], 0, 1).tolist(),
                found.label_ids[inside].tolist(),
                strict=True,
            )
        ]

    def _chosen(self, found: Candidates) -> Candidates:
        """The labels asked for, without doubles, best first."""
        keep = np.arange(len(found.scores))
        if self._wanted is not None:
            keep = np.flatnonzero(np.isin(found.label_ids, self._wanted))
        if len(keep) > _MOST_CANDIDATES:
            keep = keep[np.argsort(-found.scores[keep], kind="stable")[:_MOST_CANDIDATES]]
        boxes, scores, ids = found.boxes[keep], found.scores[keep], found.label_ids[keep]
        best = suppress(boxes, scores, ids, iou=self.params.iou, most=self.params.max_detections)
        return Candidates(boxes[best], scores[best], ids[best])
