"""Objects in the newest frame, found by an ONNX model: YOLO, SSD, RT-DETR, NanoDet and their like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, field_validator, model_validator

from edged.algorithm import (
    AlgorithmError,
    AlgorithmParams,
    Anchor,
    Batched,
    Color,
    Fit,
    Frame,
    ImageInput,
    ParamsInvalid,
    Picture,
    Prepared,
    Scaling,
    blame,
)
from edged.algorithm.heads import (
    HEADS,
    PRESETS,
    UNTOLD,
    Candidates,
    Feeding,
    Fitting,
    Head,
    PriorMap,
    Signature,
    own_head,
    recognise,
    with_priors,
)
from edged.algorithm.labels import (
    WantedLabels,
    label_ids,
    labels_for,
    metadata_labels,
    open_labels,
    read_labels,
)
from edged.algorithm.picture_params import Scale, listed
from edged.algorithm.region import Region
from edged.algorithm.runtime import Provider
from edged.algorithm.selection import DEFAULT_SCORE, Selection, Shape, Suppression, Thresholds
from edged.model.detection import Detection, Outcome

Side = Annotated[int, Field(ge=32)]
PerChannel = Annotated[list[float], Field(max_length=3), BeforeValidator(listed)]


class DetectorParams(AlgorithmParams):
    model: str = Field(min_length=1, description="an .onnx file in a model folder, or an absolute path")
    score: float | dict[str, float] = Field(
        DEFAULT_SCORE,
        description="boxes below it are left out; or by label, as {person: 0.5, default: 0.4}",
    )
    labels: WantedLabels | None = Field(None, description="only these; default: all that the model knows")
    iou: float = Field(0.45, ge=0, le=1, description="boxes that overlap more are one object")
    nms: Suppression = Field(
        Suppression.AUTO,
        description="one object has one box: of each class, of all together, or leave all; "
        "auto: class, or none where the model does it",
    )
    max_detections: int = Field(300, ge=1, le=10_000, description="the best ones of a frame")
    min_size: float | tuple[float, float] = Field(
        0.0, description="smaller boxes are left out: fraction of the frame's width and height, one or both"
    )
    max_size: float | tuple[float, float] = Field(
        1.0, description="larger boxes are left out: fraction of the frame's width and height, one or both"
    )
    min_aspect: float = Field(0.0, ge=0, description="narrower boxes are left out: width / height")
    max_aspect: float | None = Field(None, gt=0, description="wider boxes are left out: width / height")
    region: list[float] | list[tuple[float, float]] | None = Field(
        None,
        description="look only there, at its full resolution: a box [x_min, y_min, x_max, y_max] or a "
        "polygon of points [x, y], in fractions",
    )
    head: str = Field(
        "auto",
        description="what the outputs mean: auto, a function of your own as file:function, "
        f"or {', '.join(HEADS)}",
    )
    names: list[str] | str | None = Field(
        None, description="what classes are called: a list, or a text file in a model folder, one per line"
    )
    first_class: int | None = Field(
        None, ge=0, description="the number of the first class; default: the head's, 1 after a background"
    )
    resize: Literal["auto", "letterbox", "stretch"] = Field("auto", description="how frames fill the input")
    anchor: Literal["auto", "top_left", "center"] = Field(
        "auto", description="where a letterboxed frame lies"
    )
    input_size: tuple[Side, Side] | None = Field(
        None, description="width and height, for a model that leaves them open; default: 640, 640"
    )
    color: Literal["auto", "bgr", "rgb"] = Field("auto", description="the order of the model's channels")
    scale: Scale | None = Field(
        None, description="each value 0-255 is multiplied by it, also as 1/255; default: the head's"
    )
    mean: PerChannel | None = Field(None, description="then subtracted, by channel; default: the head's")
    std: PerChannel | None = Field(None, description="then divided by, by channel; default: the head's")
    priors: list[PriorMap] | None = Field(
        None,
        description=f"of head ssd-offsets: {', '.join(PRESETS)}, or each map's cells, step, "
        "smallest, largest and ratios",
    )
    provider: Provider = Field(Provider.AUTO, description="what runs the model")

    @field_validator("score", mode="plain")
    @classmethod
    def _scores(cls, score: object) -> float | dict[str, float]:
        if isinstance(score, dict):
            return {str(label): _share(each) for label, each in score.items()}
        return _share(score)

    @field_validator("min_size", "max_size", mode="plain")
    @classmethod
    def _sizes(cls, size: object) -> tuple[float, float]:
        both = size if isinstance(size, list | tuple) and len(size) == 2 else (size, size)
        return _share(both[0]), _share(both[1])

    @field_validator("region", mode="plain")
    @classmethod
    def _region(cls, region: Any) -> Any:
        try:
            Region.of(region)
        except AlgorithmError as error:
            raise ValueError(str(error)) from error
        return region

    @field_validator("head")
    @classmethod
    def _known_head(cls, head: str) -> str:
        if head != "auto" and head not in HEADS and ":" not in head:
            raise ValueError(f"must be auto, file:function or one of {', '.join(HEADS)}")
        return head

    @model_validator(mode="after")
    def _leaves_something(self) -> DetectorParams:
        """What is never found would go unnoticed."""
        if any(low > high for low, high in zip(_both(self.min_size), _both(self.max_size), strict=True)):
            raise ValueError("max_size is less than min_size: nothing would be left")
        if self.max_aspect is not None and self.max_aspect < self.min_aspect:
            raise ValueError("max_aspect is less than min_aspect: nothing would be left")
        return self

    @field_validator("priors", mode="before")
    @classmethod
    def _known_priors(cls, priors: object) -> object:
        if not isinstance(priors, str):
            return priors
        if priors not in PRESETS:
            raise ValueError(f"must be one of {', '.join(PRESETS)}, or a list of maps")
        return PRESETS[priors]

    @field_validator("std")
    @classmethod
    def _divides(cls, std: list[float] | None) -> list[float] | None:
        if std is not None and 0 in std:
            raise ValueError("must not be 0")
        return std


class Detector(Batched):
    """Objects found by an ONNX model, as boxes with labels and scores."""

    Params = DetectorParams
    params: DetectorParams
    returns = "detections: box, score, label, label_id"
    sends: ClassVar = {}

    def open(self) -> None:
        params = self.params
        with blame("names"):
            folders = self.context.sessions.folders
            given = None if params.names is None else read_labels(params.names, folders)
        with blame("model"):
            self.session = self.context.model(params.model, provider=params.provider)
            image = ImageInput.of(self.session, params.input_size)
            self._feeding = Feeding(self.session, image)
            signature = self._feeding.signature()
        own = metadata_labels(signature.metadata)
        found = self._recognise(signature, given or own)
        self._head = self._adjusted(found.head, image)
        with blame("head"):
            self._head.decode(signature.outputs, DEFAULT_SCORE)
        with blame("names"):
            if found.classes == UNTOLD:
                self._labels = open_labels(given, own, self._head.labels)
            else:
                self._labels = labels_for(found.classes, given, own)
        self._selection = self._select()

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        if self._selection.thresholds.least > 1:
            return replace(before, detections=before.detections or ())
        prepared = self.prepare(window)
        return self.conclude(prepared, self._feeding.answer(prepared.feed), window, before)

    def prepare(self, window: Sequence[Frame]) -> Prepared:
        head, image = self._head, self._feeding.image
        picture = window[-1].picture(
            image.width,
            image.height,
            fit=head.fit,
            anchor=head.anchor,
            pad=head.pad,
            color=head.color,
            region=self._selection.region.box,
        )
        return Prepared(image.feed([picture.pixels], head.scaling), picture)

    def conclude(
        self,
        prepared: Prepared,
        outputs: Sequence[NDArray[Any]],
        window: Sequence[Frame],
        before: Outcome,
    ) -> Outcome:
        candidates = self._head.decode(self._feeding.read(outputs), self._selection.thresholds.least)
        found = self._found(self._numbered(candidates), prepared.picture, window[-1])
        return replace(before, detections=(*(before.detections or ()), *found))

    def _recognise(self, model: Signature, names: Sequence[str] | None) -> Fitting:
        """The head asked for, or the one that fits best."""
        wanted = self.params.head
        if wanted == "auto" and self.params.priors is None:
            with blame("model"):
                return recognise(model, len(names) if names else None)
        if ":" in wanted:
            with blame("head"):
                return Fitting(own_head(wanted, self.context.function(wanted)), UNTOLD)
        head = self._with_priors() if self.params.priors is not None else HEADS[wanted]
        classes = head.classes(model)
        if classes is None:
            raise ParamsInvalid(
                f"head {head.name} wants an output of {head.output}; the model's are {model.outputs}",
                path="priors" if wanted == "auto" else "head",
            )
        return Fitting(head, classes)

    def _with_priors(self) -> Head:
        params = self.params
        if params.head not in ("auto", "ssd-offsets"):
            raise ParamsInvalid(f"head {params.head} has no priors; ssd-offsets has", path="priors")
        return with_priors(tuple(params.priors or ()))

    def _adjusted(self, head: Head, image: ImageInput) -> Head:
        """The head with what the params and the model's input say otherwise."""
        params, own = self.params, head.scaling
        color = head.color if params.color == "auto" else Color(params.color)
        return replace(
            head,
            color=Color.GRAY if image.channels == 1 else color,
            fit=head.fit if params.resize == "auto" else Fit(params.resize),
            anchor=head.anchor if params.anchor == "auto" else Anchor(params.anchor),
            scaling=Scaling(
                own.scale if params.scale is None else params.scale,
                own.mean if params.mean is None else tuple(params.mean),
                own.std if params.std is None else tuple(params.std),
            ),
            first_class=head.first_class if params.first_class is None else params.first_class,
        )

    def _select(self) -> Selection:
        params = self.params
        with blame("region"):
            region = Region.of(params.region)
        with blame("labels"):
            wanted = None if params.labels is None else label_ids(params.labels, self._labels)
        with blame("score"):
            thresholds = Thresholds.of(params.score, wanted, self._labels)
        shape = Shape(
            _both(params.min_size), _both(params.max_size),
            params.min_aspect, float("inf") if params.max_aspect is None else params.max_aspect,
        )  # fmt: skip
        return Selection(thresholds, shape, region, params.nms, params.iou, params.max_detections)

    def _numbered(self, found: Candidates) -> Candidates:
        """With numbers of labels, the background left out. Raises `AlgorithmError` for one without a name."""
        numbers = found.label_ids - self._head.first_class
        if len(numbers) and numbers.max() >= len(self._labels):
            raise AlgorithmError(
                f"{self.params.model} found class {numbers.max()}, and there are names for "
                f"{len(self._labels)} classes: give `names` for all, and see whether `head` is right "
                f"({self._head.name})"
            )
        return Candidates(found.boxes, found.scores, numbers)[numbers >= 0]

    def _found(self, candidates: Candidates, picture: Picture, frame: Frame) -> list[Detection]:
        selection = self._selection
        found = selection.reaching(candidates)
        boxes = picture.to_frame(found.boxes)
        fits = selection.fitting(boxes, frame.width, frame.height)
        found, boxes = found[fits], boxes[fits]
        best = selection.best(found, finished=self._head.finished)
        found, boxes = found[best], boxes[best]
        return [
            Detection((x_min, y_min, x_max, y_max), score, self._labels[label_id], label_id)
            for (x_min, y_min, x_max, y_max), score, label_id in zip(
                boxes.tolist(), np.clip(found.scores, 0, 1).tolist(), found.label_ids.tolist(), strict=True
            )
        ]


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError("must be a number from 0 to 1")
    return float(value)


def _both(size: float | tuple[float, float]) -> tuple[float, float]:
    return size if isinstance(size, tuple) else (size, size)
