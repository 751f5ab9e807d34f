"""Models over windows: that each layout gets its frames in order, and events with hysteresis."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

from algos.temporal import Temporal, scores_of
from edged.algorithm import AlgorithmError, ParamsInvalid
from edged.algorithm.clip_input import ClipInput, clip_layout
from edged.model.detection import Outcome
from tests.pictures import opened
from tests.small_models import FLOAT, color_frame, model_of

EMPTY = Outcome()
SHAPES: dict[str, tuple[int | str, ...]] = {
    "ntchw": (1, 4, 3, 16, 24),
    "ncthw": (1, 3, 4, 16, 24),
    "nthwc": (1, 4, 16, 24, 3),
    "tchw": (4, 3, 16, 24),
    "stacked": (1, 12, 16, 24),
}
TIME = {"ntchw": 1, "ncthw": 2, "nthwc": 1, "tchw": 0, "stacked": 1}


def brightness_model(path: Path, layout: str, shape: tuple[int | str, ...] | None = None) -> Path:
    """Says how bright each of four frames is, 0-1."""
    shape = shape or SHAPES[layout]
    axes = [axis for axis in range(len(shape)) if axis != TIME[layout]]
    nodes = [helper.make_node("ReduceMean", ["clip"], ["each"], axes=axes, keepdims=0)]
    constants = {"row": np.array([1, 4], dtype=np.int64)}
    if layout == "stacked":
        nodes.append(helper.make_node("Reshape", ["each", "three"], ["split"]))
        nodes.append(helper.make_node("ReduceMean", ["split"], ["frames"], axes=[1], keepdims=0))
        constants["three"] = np.array([4, 3], dtype=np.int64)
    else:
        nodes.append(helper.make_node("Identity", ["each"], ["frames"]))
    nodes.append(helper.make_node("Reshape", ["frames", "row"], ["scores"]))
    return model_of(path, nodes, {"clip": (FLOAT, shape)}, {"scores": (FLOAT, (1, 4))}, constants)


def window(*levels: int, now_us: int | None = None) -> list[Any]:
    """Frames of 10 a second, the newest at ``now_us``."""
    first_us = 0 if now_us is None else now_us - 100_000 * (len(levels) - 1)
    return [
        color_frame(np.full((32, 64, 3), level, dtype=np.uint8), index, first_us + 100_000 * index)
        for index, level in enumerate(levels)
    ]


def made(folder: Path, layout: str = "ntchw", **params: Any) -> Any:
    emit = params.pop("emit", lambda kind, fields: None)
    brightness_model(folder / "clip.onnx", layout)
    names = ["first", "second", "third", "fourth"]
    given = {"model": "clip.onnx", "normalize": "unit", "names": names, **params}
    return opened(Temporal, given, [folder], emit=emit)


@pytest.mark.parametrize("layout", list(SHAPES))
def test_frames_go_in_oldest_first_in_each_layout(tmp_path: Path, layout: str) -> None:
    algorithm = made(tmp_path, layout)
    before = Outcome((), {"a": 1}, {"zones": {}})
    outcome = algorithm.run(window(51, 204, 102, 153), before)
    assert [(each["label"], each["score"]) for each in outcome.data["classes"]] == [
        ("second", pytest.approx(0.8, abs=0.01)),
        ("fourth", pytest.approx(0.6, abs=0.01)),
        ("third", pytest.approx(0.4, abs=0.01)),
        ("first", pytest.approx(0.2, abs=0.01)),
    ]
    assert (outcome.data["a"], outcome.detections, outcome.counts) == (1, (), {"zones": {}})


def test_a_window_of_another_length_says_the_sampling(tmp_path: Path) -> None:
    with pytest.raises(
        AlgorithmError, match=r"takes 4 frames, the job gives 1: set `sampling: \{count: 4\}`"
    ):
        made(tmp_path).run(window(0), EMPTY)


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((1, 16, 3, 224, 224), "ntchw"),
        ((None, 3, 16, 112, 112), "ncthw"),
        ((1, None, 3, None, None), "ntchw"),
        ((1, 8, 172, 172, 3), "nthwc"),
        ((8, 3, 224, 224), "tchw"),
        ((1, 24, 224, 224), "stacked"),
        ((1, 3, 3, 224, 224), None),
        ((None, 3, 224, 224), None),
        ((1, 3, 224, 224), None),
        ((1, 16, 7, 224, 224), None),
        ((1, 10, 224, 224), None),
    ],
)
def test_layouts_are_told_where_they_can_be(shape: Any, layout: str | None) -> None:
    assert clip_layout(shape) == layout


def test_a_layout_that_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    brightness_model(tmp_path / "open.onnx", "tchw", ("t", 3, 16, 24))
    with pytest.raises(ParamsInvalid, match="which dimension is the time cannot be told; say `layout:`"):
        opened(Temporal, {"model": "open.onnx"}, [tmp_path])
    with pytest.raises(ParamsInvalid, match="that is no ncthw"):
        opened(Temporal, {"model": "open.onnx", "layout": "ncthw"}, [tmp_path])
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    model_of(tmp_path / "flat.onnx", nodes, {"x": (FLOAT, (1, 9))}, {"y": (FLOAT, (1, 9))})
    with pytest.raises(AlgorithmError, match="takes no clip alone"):
        opened(Temporal, {"model": "flat.onnx"}, [tmp_path])


def test_any_number_of_frames_where_the_model_leaves_it_open(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ReduceMean", ["clip"], ["mean"], axes=[0, 1, 2, 3], keepdims=0),
        helper.make_node("Add", ["mean", "steps"], ["out"]),
    ]
    steps = {"steps": np.array([[0.0, 0.1]], dtype=np.float32)}
    shapes = {"clip": (FLOAT, ("t", 3, 16, 24))}, {"out": (FLOAT, (1, 2))}
    model_of(tmp_path / "any.onnx", nodes, *shapes, steps)
    algorithm = opened(Temporal, {"model": "any.onnx", "layout": "tchw", "normalize": "unit"}, [tmp_path])
    for levels in ((51,), (0, 102), (51,) * 7):
        best = algorithm.run(window(*levels), EMPTY).data["classes"][0]
        assert (best["label"], best["score"]) == ("class_1", pytest.approx(0.3, abs=0.01))


def test_the_middle_of_wide_frames(tmp_path: Path) -> None:
    """By default the middle that has the input's proportions; the frame's sides are not seen."""
    picture = np.zeros((32, 128, 3), dtype=np.uint8)
    picture[:, 44:84] = 255
    frames = [color_frame(picture)] * 4
    assert made(tmp_path).run(frames, EMPTY).data["classes"][0]["score"] > 0.8
    assert made(tmp_path, resize="stretch").run(frames, EMPTY).data["classes"][0]["score"] < 0.4


class Watch:
    """Shows levels of the class ``third``, a window after another; keeps when events came, as (s, state)."""

    def __init__(self, folder: Path, **params: Any) -> None:
        self.told: list[tuple[float, str]] = []
        self.labels: set[str] = set()
        self.now_s = 0.0
        params = {"event": "fall", "labels": ["third", "fourth"], "score": 0.6, **params}
        self.algorithm = made(folder, emit=self._emit, **params)

    def show(self, levels: Sequence[int], every_s: float) -> list[tuple[float, str]]:
        for level in levels:
            self.algorithm.run(window(0, 255, level, 0, now_us=round(self.now_s * 1e6)), EMPTY)
            self.now_s = round(self.now_s + every_s, 6)
        return self.told

    def _emit(self, kind: str, fields: dict[str, Any]) -> None:
        assert kind == "fall"
        self.labels.add(fields["label"])
        self.told.append((self.now_s, fields["data"]["state"]))


LEVELS = (200, 10, 200, 200, 200, 130, 130, 130, 10, 200, 10, 10, 10)
"""Above `score`, 130 between it and `score_off`, 10 below both."""


@pytest.mark.parametrize(
    ("after", "wanted"),
    [
        (0, [(0.0, "on"), (0.5, "off"), (1.0, "on"), (4.0, "off"), (4.5, "on"), (5.0, "off")]),
        (0.5, [(1.5, "on"), (5.5, "off")]),
        (1, [(2.0, "on"), (6.0, "off")]),
        (1.5, []),
    ],
)
def test_an_event_begins_and_ends_after_seconds(tmp_path: Path, after: float, wanted: Any) -> None:
    watch = Watch(tmp_path, after=after)
    assert watch.show(LEVELS, 0.5) == wanted
    assert watch.labels <= {"third"}


def test_an_event_takes_as_long_however_often_it_is_looked_at(tmp_path: Path) -> None:
    for every_s in (0.1, 0.25, 0.5, 1.0):
        steps = round(3 / every_s)
        watch = Watch(tmp_path, after=2)
        assert watch.show([200] * steps + [10] * steps, every_s) == [(2.0, "on"), (5.0, "off")]


def test_by_default_one_run_alone_makes_no_event(tmp_path: Path) -> None:
    for every_s in (0.2, 0.5, 1.0, 10.0):
        assert Watch(tmp_path).show([10, 200, 10], every_s) == []
    assert Watch(tmp_path).show([200, 200], 0.5) == [(0.5, "on")]


def test_a_source_that_starts_anew_is_waited_for_anew(tmp_path: Path) -> None:
    watch = Watch(tmp_path, after=1)
    watch.now_s = 100.0
    watch.show([200, 200], 0.5)
    watch.algorithm.reset()
    watch.now_s = 0.0
    assert watch.show([200, 200, 200], 0.5) == [(1.0, "on")]


def test_params_that_do_not_go_together(tmp_path: Path) -> None:
    for params, message in (
        ({"event": "fall"}, "say which classes"),
        ({"event": "fall", "labels": []}, "name the classes"),
        ({"labels": ["third"]}, "give its type"),
        ({"event": "fall", "labels": ["thrid"]}, "did you mean 'third'"),
        ({"event": "a fall", "labels": ["third"]}, "match pattern"),
        ({"score": 0.5, "score_off": 0.6}, "score_off must not be above score"),
        ({"names": ["a"]}, "1 names are given, the model has 4 classes"),
    ):
        with pytest.raises(ParamsInvalid, match=message):
            made(tmp_path, **params)


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=9))
def test_scores_are_between_0_and_1_in_the_same_order(numbers: list[float]) -> None:
    output = np.array(numbers)
    for activation in ("auto", "softmax", "sigmoid"):
        scores = scores_of(output, activation)
        assert ((scores >= 0) & (scores <= 1)).all()
        assert scores[output.argmax()] == scores.max()
    assert scores_of(output, "softmax").sum() == pytest.approx(1)


def test_scores_that_are_scores_stay() -> None:
    assert scores_of(np.array([0.9, 0.8]), "auto").tolist() == [0.9, 0.8]
    assert scores_of(np.array([3.0, 3.0]), "auto").tolist() == [0.5, 0.5]


def test_a_clip_input_reads_its_sizes() -> None:
    class Declared:
        path = Path("x.onnx")

        def __init__(self, shape: Any) -> None:
            from edged.algorithm import Tensor

            self.inputs = (Tensor("clip", shape, np.dtype("float32")),)

    made = ClipInput.of(Declared((1, 3, 16, None, None)), open_size=(320, 240))  # type: ignore[arg-type]
    assert (made.layout, made.frames, made.picture.width, made.picture.height) == ("ncthw", 16, 320, 240)
    with pytest.raises(ParamsInvalid, match="takes 224x112 only"):
        ClipInput.of(Declared((1, 3, 16, 112, 224)), open_size=(320, 240))  # type: ignore[arg-type]


def test_the_jobs_sampling_is_checked_when_it_is_opened(tmp_path: Path) -> None:
    brightness_model(tmp_path / "m.onnx", "ntchw")
    with pytest.raises(AlgorithmError, match=r"takes 4 frames, the job gives 3: set `sampling"):
        opened(Temporal, {"model": "m.onnx"}, [tmp_path], frames=3)
