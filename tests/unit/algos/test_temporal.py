"""Models over windows: that each layout gets its frames in order, and events with hysteresis."""

from __future__ import annotations

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


def window(*levels: int) -> list[Any]:
    return [
        color_frame(np.full((32, 64, 3), level, dtype=np.uint8), index) for index, level in enumerate(levels)
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


def test_an_event_begins_and_ends_after_runs_in_a_row(tmp_path: Path) -> None:
    seen: list[tuple[str, str, str]] = []

    def emit(kind: str, fields: dict[str, Any]) -> None:
        seen.append((kind, fields["label"], fields["data"]["state"]))

    algorithm = made(tmp_path, event="fall", labels=["third", "fourth"], threshold=0.6, runs=2, emit=emit)
    counts = []
    for third in (200, 10, 200, 200, 200, 130, 130, 130, 10, 200, 10, 10, 10):
        algorithm.run(window(0, 255, third, 0), EMPTY)
        counts.append(len(seen))
    assert seen == [("fall", "third", "on"), ("fall", "third", "off")]
    assert counts == [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2]
    algorithm.run(window(0, 0, 200, 0), EMPTY)
    algorithm.reset()
    algorithm.run(window(0, 0, 200, 0), EMPTY)
    assert len(seen) == 2


def test_params_that_do_not_go_together(tmp_path: Path) -> None:
    for params, message in (
        ({"event": "fall"}, "say which classes"),
        ({"labels": ["third"]}, "give its type"),
        ({"event": "fall", "labels": ["thrid"]}, "did you mean 'third'"),
        ({"event": "a fall", "labels": ["third"]}, "match pattern"),
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
