"""What a frame shows, or what each object looks like: the classes of an ONNX model.

Behind a detector and a tracker it is what DeepStream calls a secondary classifier: each track is looked
at when it is new, again after a while or when it came nearer, and what was found stays with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from edged.algorithm import WHOLE, Algorithm, AlgorithmError, Detection, Frame, Outcome, blame
from edged.algorithm.crop_model import CropModel
from edged.algorithm.labels import labels_for, metadata_labels, read_labels
from edged.algorithm.secondary import Secondary, SecondaryParams

Row = NDArray[np.float32]


class ClassifierParams(SecondaryParams):
    names: list[str] | str | None = Field(
        None, description="what classes are called: a list, or a text file in a model folder, one per line"
    )
    on: Literal["auto", "frame", "crops"] = Field(
        "auto", description="auto: crops where something before it detects or `of` is given, else the frame"
    )
    top: int = Field(1, ge=1, le=1000, description="the best classes that are told")
    score: float = Field(0.0, ge=0, le=1, description="classes below it are left out")
    activation: Literal["auto", "softmax", "sigmoid", "none"] = Field(
        "auto", description="what makes scores of the output; auto: none where it gives scores already"
    )
    smooth: int = Field(1, ge=1, le=10, description="a track's last results whose mean is told")


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What is known of a track."""

    scores: tuple[Row, ...]
    """The last ones, newest last."""
    told: dict[str, Any] | None
    """The attribute; None: no class reaches the least score."""


class Classifier(Algorithm):
    """Classes of the whole frame, or of each detection as an attribute, by an ONNX model."""

    Params = ClassifierParams
    params: ClassifierParams
    returns = (
        "crops: attributes.NAME of each detection: label, score (top: the best ones); "
        "frame: data.classes (or data.NAME): a list of label, score"
    )
    sends: ClassVar = {}

    def open(self) -> None:
        params = self.params
        with blame("names"):
            given = None if params.names is None else read_labels(params.names, self.context.sessions.folders)
        self._model = CropModel.open(self.context, params, margin=params.margin)
        with blame("model"):
            numbers = self._model.probe()
            if not numbers.shape[1]:
                raise AlgorithmError(f"{params.model} gives no numbers for a picture: it is no classifier")
            answer = self._model.answer
            if sum(side > 1 for side in answer) > 1:
                raise AlgorithmError(
                    f"{params.model} gives {'x'.join(map(str, answer))} numbers for a picture, and a "
                    "classifier one for each class: choose another `output`, or see by `edged try` what it is"
                )
        self._activation = params.activation
        if params.activation == "auto":
            self._activation = recognise_activation(numbers)
        classes = self._scores(numbers).shape[1]
        with blame("names"):
            self._labels = _labels(classes, given, metadata_labels(self._model.session.metadata))
        self._name = params.name or PurePath(params.model).stem
        self._secondary = Secondary("classifier", params, self.context, self._model, self._learn)

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        frame = window[-1]
        if self._looks_at_frame(before):
            scores = self._scores(self._model.run(frame, [WHOLE]))[0]
            self.context.count("classifier.runs")
            return replace(before, data={**before.data, self.params.name or "classes": self._best(scores)})
        detections = before.detections or ()
        known = self._secondary.run(frame, detections, self._look)
        told = [
            each if verdict is None or verdict.value.told is None
            else replace(each, attributes={**each.attributes, self._name: verdict.value.told})
            for each, verdict in zip(detections, known, strict=True)
        ]  # fmt: skip
        return replace(before, detections=tuple(told))

    def reset(self) -> None:
        self._secondary.reset()

    def _looks_at_frame(self, before: Outcome) -> bool:
        on = self.params.on
        crops = on == "crops" or (
            on == "auto" and (self.params.of is not None or before.detections is not None)
        )
        if crops and before.detections is None:
            raise AlgorithmError(
                "nothing before the classifier detects: put it behind a detector (`then:`) or set `on: frame`"
            )
        return not crops

    def _look(self, frame: Frame, detections: Sequence[Detection]) -> Sequence[Row]:
        return list(self._scores(self._model.run(frame, [each.box for each in detections])))

    def _learn(self, known: _Verdict | None, scores: Row) -> _Verdict:
        last = (*(known.scores if known else ()), scores)[-self.params.smooth :]
        best = self._best(scores if len(last) == 1 else np.mean(last, axis=0))
        told = {**best[0], **({"top": best} if self.params.top > 1 else {})} if best else None
        return _Verdict(last, told)

    def _best(self, scores: Row) -> list[dict[str, Any]]:
        """At most ``top`` classes that reach the least score, best first."""
        best = np.argsort(-scores, kind="stable")[: self.params.top].tolist()
        return [
            {"label": self._labels[place], "score": round(float(scores[place]), 4)}
            for place in best
            if scores[place] >= self.params.score
        ]

    def _scores(self, numbers: Row) -> Row:
        """Scores 0-1, ``(n, classes)``. A single number is the second of two classes'."""
        if self._activation == "softmax" and numbers.shape[1] > 1:
            powers = np.exp(numbers - numbers.max(axis=1, keepdims=True))
            return np.asarray(powers / powers.sum(axis=1, keepdims=True))
        if self._activation != "none":
            numbers = np.asarray(1 / (1 + np.exp(-np.clip(numbers, -60, 60))), dtype=np.float32)
        scores = np.clip(numbers, 0, 1)
        return scores if scores.shape[1] > 1 else np.concatenate((1 - scores, scores), axis=1)


def recognise_activation(numbers: Row) -> Literal["softmax", "sigmoid", "none"]:
    """What makes scores of ``numbers``, a model's output for some pictures ``(n, classes)``.

    Between 0 and 1 all of them: they are scores already. Else logits, of one class among others, or (a
    single number) of yes or no.
    """
    if ((numbers >= -1e-4) & (numbers <= 1 + 1e-4)).all():
        return "none"
    return "softmax" if numbers.shape[1] > 1 else "sigmoid"


def _labels(classes: int, given: Sequence[str] | None, own: Sequence[str] | None) -> tuple[str, ...]:
    """As for detectors, but that 80 classes are nobody's in particular."""
    if given is None and (own is None or len(own) != classes):
        own = [f"class_{number}" for number in range(classes)]
    return labels_for(classes, given, own)
