"""What happens over several frames: an ONNX model that looks at a window of them, and says a class.

How many frames and how far apart is the job's ``sampling``: ``{count: 16, step: 2}``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from edged.algorithm import Algorithm, AlgorithmError, Frame, Outcome, ParamsInvalid, blame
from edged.algorithm.clip_input import ClipInput
from edged.algorithm.labels import label_ids, labels_for, metadata_labels, read_labels, some_of
from edged.algorithm.picture_params import Normalize, RegionParams, Resize, picture_for

_ASSUMED_FRAMES = 8
"""To warm up a model that takes any number."""


class TemporalParams(RegionParams):
    layout: Literal["auto", "ntchw", "ncthw", "nthwc", "tchw", "stacked"] = Field(
        "auto", description="how its input lies: t frames, c channels; stacked: 1 x 3T x H x W"
    )
    resize: Resize = Field("crop", description="how frames fill the input; crop: the middle of them")
    normalize: Normalize = Field(
        Normalize.IMAGENET, description="what its numbers are: none 0-255, unit 0-1, signed -1-1, imagenet"
    )
    names: list[str] | str | None = Field(
        None, description="what classes are called: a list, or a text file in a model folder, one per line"
    )
    activation: Literal["auto", "softmax", "sigmoid", "none"] = Field(
        "auto", description="what makes scores of its output; auto: softmax, unless it lies in 0-1 already"
    )
    top: int = Field(5, ge=1, le=1000, description="classes in the result, the surest")
    event: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="the type of the event that `labels` make; default: none",
    )
    labels: Annotated[list[str], some_of("name the classes that make the event")] | None = Field(
        None, description="classes that make the event; with event"
    )
    score: float = Field(0.6, ge=0, le=1, description="from here on a class makes the event")
    score_off: float | None = Field(
        None, ge=0, le=1, description="below it the event is over; default: 0.8 times score"
    )
    after: float = Field(
        0.4,
        ge=0,
        le=3600,
        description="seconds that the score must stay so before the event begins or is over; 0: at once",
    )

    @model_validator(mode="after")
    def _ordered(self) -> TemporalParams:
        if self.score_off is not None and self.score_off > self.score:
            raise ValueError("score_off must not be above score: the event would end as it begins")
        return self


class Temporal(Algorithm):
    """What happens over a window of frames, by an ONNX model: classes, and events with hysteresis."""

    Params = TemporalParams
    params: TemporalParams
    returns = "data.classes: the surest, label, label_id, score"
    sends: ClassVar = {"<event>": "one of `labels` is seen, or no longer: data.state on or off"}

    _on: str | None = None
    """The label whose event goes on."""
    _since_us: int | None = None
    """pts from which on all runs speak against what is; None: the newest does not."""

    def open(self) -> None:
        params = self.params
        with blame("names"):
            folders = self.context.sessions.folders
            given = None if params.names is None else read_labels(params.names, folders)
        with blame("model"):
            self._session = self.context.model(params.model, provider=params.provider)
            self._input = ClipInput.of(self._session, params.layout, params.input_size)
        if self.context.frames is not None:
            self._check_count(self.context.frames)
        self._scaling = params.scaling(3, Normalize.IMAGENET)
        picture = self._input.picture
        blank = np.zeros((picture.height, picture.width, 3), dtype=np.uint8)
        with blame("model"):
            classes = len(self._answer([blank] * (self._input.frames or _ASSUMED_FRAMES)))
        with blame("names"):
            self._labels = labels_for(classes, given, metadata_labels(self._session.metadata))
        self._telling = self._event_labels()

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        params = self.params
        self._check_count(len(window))
        pictures = [
            picture_for(frame, self._input.picture, params.resize, params.color, region=params.region).pixels
            for frame in window
        ]
        scores = scores_of(self._answer(pictures), params.activation)
        self._tell(scores, window[-1].header.pts_us)
        best = np.argsort(-scores, kind="stable")[: params.top].tolist()
        classes = [
            {"label": self._labels[number], "label_id": number, "score": round(float(scores[number]), 4)}
            for number in best
        ]
        return Outcome(before.detections, {**before.data, "classes": classes}, before.counts)

    def reset(self) -> None:
        """The source's clock starts anew; an event that goes on ends with an off when it is over."""
        self._since_us = None

    def _check_count(self, given: int) -> None:
        wanted = self._input.frames
        if wanted not in (None, given):
            raise AlgorithmError(
                f"{self.params.model} takes {wanted} frames, the job gives {given}: set"
                f" `sampling: {{count: {wanted}}}`"
            )

    def _answer(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        feed = self._input.feed(pictures, self._scaling)
        output = np.asarray(self._session.run({self._input.picture.name: feed})[0])
        sizes = [size for size in output.shape if size > 1]
        if len(sizes) > 1 or output.dtype.kind not in "iuf" or not output.size:
            shape = "x".join(map(str, output.shape))
            raise AlgorithmError(f"{self.params.model}: 1 x classes is wanted, its first output is {shape}")
        if not np.isfinite(output).all():
            raise AlgorithmError(f"{self.params.model} returned NaN or infinite numbers")
        return output.reshape(-1).astype(np.float64)

    def _event_labels(self) -> frozenset[int]:
        params = self.params
        if params.event is None:
            if params.labels is not None:
                raise ParamsInvalid("labels make an event: give its type in `event`", path="labels")
            return frozenset()
        if params.labels is None:
            raise ParamsInvalid("say which classes make the event", path="labels")
        with blame("labels"):
            return label_ids(params.labels, self._labels)

    def _tell(self, scores: NDArray[np.float64], now_us: int) -> None:
        """Begin or end the event, when the scores have asked for it for `after` seconds."""
        event = self.params.event
        if event is None:
            return
        number = max(self._telling, key=lambda each: float(scores[each]))
        score = float(scores[number])
        if not self._turns(score):
            self._since_us = None
            return
        self._since_us = now_us if self._since_us is None else min(self._since_us, now_us)
        if now_us - self._since_us < round(self.params.after * 1e6):
            return
        self._since_us = None
        label = self._labels[number] if self._on is None else self._on
        state, self._on = ("on", label) if self._on is None else ("off", None)
        fields: dict[str, Any] = {"label": label, "score": round(score, 4), "data": {"state": state}}
        self.context.emit(event, fields)

    def _turns(self, score: float) -> bool:
        """Whether it speaks against what is: for an event where none goes on, or for its end."""
        params = self.params
        if self._on is None:
            return score >= params.score
        return score < (0.8 * params.score if params.score_off is None else params.score_off)


def scores_of(output: NDArray[np.float64], activation: str) -> NDArray[np.float64]:
    """Scores 0-1 of what a model returned. Numbers of 0-1 are taken for scores by ``auto``."""
    if activation == "auto":
        activation = "none" if output.min() >= 0 and output.max() <= 1 else "softmax"
    if activation == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-np.clip(output, -500, 500))))
    if activation == "softmax":
        powers = np.exp(output - output.max())
        return np.asarray(powers / powers.sum())
    return np.clip(output, 0, 1)
