"""The classifier: digits on a whole frame and on crops, how often it looks, and models that do not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from algos.classifier import Classifier, recognise_activation
from edged.algorithm import AlgorithmError, Detection, Frame, Outcome, ParamsInvalid
from edged.model.frame import FrameFormat
from tests.classifiers import brightness_model, mean_model, whole_numbers_model
from tests.pictures import constant_model, gray_frame, noise_frame, opened

READABLE = (0, 2, 3, 5, 6, 7, 8, 9)
"""Digits of OpenCV's font that mnist.onnx reads as people do; its 1 and 4 have strokes that nobody writes."""
FRAME = FrameFormat(200, 100)


def draw_digit(luma: NDArray[np.uint8], digit: int, left: int = 0, top: int = 0) -> None:
    """White on black, 56 pixels wide and high."""
    (width, height), _ = cv2.getTextSize(str(digit), cv2.FONT_HERSHEY_SIMPLEX, 1.4, 4)
    place = (left + (56 - width) // 2, top + (56 + height) // 2)
    cv2.putText(luma, str(digit), place, cv2.FONT_HERSHEY_SIMPLEX, 1.4, 235, 4, cv2.LINE_AA)


def digits_frame(index: int = 0, digits: Sequence[int] = READABLE) -> Frame:
    luma = np.full((200, 600), 16, dtype=np.uint8)
    for place, digit in enumerate(digits):
        draw_digit(luma, digit, 60 * place, 40)
    return gray_frame(luma, index)


def digit_box(place: int, track_id: int | None = None, label: str = "digit") -> Detection:
    box = (60 * place / 600, 40 / 200, (60 * place + 56) / 600, 96 / 200)
    return Detection(box, 0.9, label, track_id=track_id)


def read(outcome: Outcome, name: str = "mnist") -> list[str | None]:
    found = (each.attributes.get(name) for each in outcome.detections or ())
    return [None if each is None else each["label"] for each in found]


@pytest.mark.assets
def test_it_reads_a_digit_that_fills_the_frame(assets: Path) -> None:
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    classifier = opened(Classifier, {"model": "mnist.onnx", "names": names, "top": 3}, [assets])
    for digit in READABLE:
        luma = np.full((56, 56), 16, dtype=np.uint8)
        draw_digit(luma, digit)
        outcome = classifier.run([gray_frame(luma)], Outcome(data={"motion": 0.5}))
        assert outcome.detections is None
        assert outcome.data["motion"] == 0.5
        best = outcome.data["classes"]
        assert best[0]["label"] == names[digit]
        assert best[0]["score"] > 0.9
        assert [each["score"] for each in best] == sorted((each["score"] for each in best), reverse=True)
        assert len(best) == 3


@pytest.mark.assets
def test_it_reads_digits_where_something_found_them(assets: Path) -> None:
    params = {"model": "mnist.onnx", "of": ["digit"]}
    classifier = opened(Classifier, params, [assets])
    found = [digit_box(place) for place in range(len(READABLE))]
    before = Outcome((*found, digit_box(0, label="other")), {"a": 1}, {"zones": {"door": 1}})
    outcome = classifier.run([digits_frame()], before)
    assert read(outcome) == [*(f"class_{digit}" for digit in READABLE), None]
    assert (outcome.data, outcome.counts) == (before.data, before.counts)
    assert [each.box for each in outcome.detections or ()] == [each.box for each in before.detections or ()]
    assert read(classifier.run([digits_frame()], Outcome(()))) == []


@pytest.mark.assets
def test_it_looks_at_tracks_when_they_are_new_or_their_result_is_old(assets: Path) -> None:
    """Ten frames a second for five: two tracks from the start, one from the third second on."""
    counters: Counter[str] = Counter()
    params = {"model": "mnist.onnx", "of": ["digit"], "every": 2.0, "name": "number"}
    classifier = opened(Classifier, params, [assets], counters=counters)
    for index in range(50):
        found = [digit_box(1, track_id=1), digit_box(2, track_id=2), digit_box(3, 9, label="other")]
        if index >= 30:
            found.append(digit_box(4, track_id=3))
        outcome = classifier.run([digits_frame(index)], Outcome(tuple(found)))
        wanted = ["class_2", "class_3", None, "class_6"]
        assert read(outcome, "number") == wanted[: len(found)]
    looked = 2 * 3 + 1
    assert counters == {
        "classifier.crops": looked,
        "classifier.runs": looked,  # its batch is 1
        "classifier.cached": 2 * 50 + 20 - looked,
    }


@pytest.mark.assets
def test_a_new_epoch_forgets_what_was_known(assets: Path) -> None:
    counters: Counter[str] = Counter()
    classifier = opened(Classifier, {"model": "mnist.onnx", "every": None}, [assets], counters=counters)
    before = Outcome((digit_box(1, track_id=1),))
    for _ in range(3):
        classifier.run([digits_frame()], before)
    classifier.reset()
    classifier.run([digits_frame()], before)
    assert counters["classifier.crops"] == 2


def test_an_open_batch_takes_all_crops_at_once_and_says_the_same(tmp_path: Path) -> None:
    mean_model(tmp_path / "open.onnx", "batch")
    mean_model(tmp_path / "single.onnx", 1)
    mean_model(tmp_path / "four.onnx", 4)
    rng = np.random.default_rng(5)
    corners = rng.uniform(0, 0.6, (7, 2))
    found = tuple(Detection((x, y, x + 0.3, y + 0.4), 0.9, "car") for x, y in corners.tolist())
    frame = noise_frame(FrameFormat(640, 480))
    told, runs = [], []
    for name in ("open", "single", "four"):
        counters: Counter[str] = Counter()
        params = {"model": f"{name}.onnx", "name": "light", "top": 3, "activation": "softmax"}
        classifier = opened(Classifier, params, [tmp_path], counters=counters)
        outcome = classifier.run([frame], Outcome(found))
        told.append([each.attributes["light"] for each in outcome.detections or ()])
        runs.append(counters["classifier.runs"])
        assert counters["classifier.crops"] == 7
    assert told[0] == told[1] == told[2]
    assert len({each["top"][0]["score"] for each in told[0]}) > 1, "crops are told apart"
    assert runs == [1, 7, 2]


def test_of_many_boxes_as_many_are_looked_at_as_allowed(tmp_path: Path) -> None:
    mean_model(tmp_path / "m.onnx", "batch")
    counters: Counter[str] = Counter()
    params = {"model": "m.onnx", "max_crops": 100, "every": None}
    classifier = opened(Classifier, params, [tmp_path], counters=counters)
    crowd = tuple(Detection((0.1, 0.1, 0.4, 0.6), 0.9, "person", track_id=n) for n in range(300))
    known = []
    for index in range(4):
        outcome = classifier.run([noise_frame(FRAME)], Outcome(crowd))
        known.append(sum(label is not None for label in read(outcome, "m")))
        assert index or counters["classifier.waiting"] == 200
    assert known == [100, 200, 300, 300]
    assert counters == {
        "classifier.crops": 300, "classifier.runs": 12, "classifier.cached": 600, "classifier.waiting": 300,
    }  # fmt: skip


def test_small_boxes_are_left_out(tmp_path: Path) -> None:
    mean_model(tmp_path / "m.onnx", "batch")
    boxes = [(0.1, 0.1, 0.4, 0.6), (0.1, 0.1, 0.2, 0.9), (0.5, 0.5, 0.5, 0.5)]
    found = tuple(Detection(box, 0.9, "person") for box in boxes)
    classifier = opened(Classifier, {"model": "m.onnx", "min_pixels": 30}, [tmp_path])
    outcome = classifier.run([noise_frame(FRAME)], Outcome(found))
    assert [label is not None for label in read(outcome, "m")] == [True, False, False]


def test_what_is_known_of_a_track_stays_when_it_gets_small(tmp_path: Path) -> None:
    mean_model(tmp_path / "m.onnx", "batch")
    counters: Counter[str] = Counter()
    params = {"model": "m.onnx", "min_pixels": 30, "every": 0}
    classifier = opened(Classifier, params, [tmp_path], counters=counters)
    large, small = (Detection((0.1, 0.1, edge, 0.9), 0.9, "person", track_id=7) for edge in (0.4, 0.2))
    told = [read(classifier.run([noise_frame(FRAME)], Outcome((each,))), "m") for each in (large, small)]
    assert told[0] == told[1] != [None]
    assert counters["classifier.crops"] == 1


def test_the_mean_of_a_tracks_last_results_is_told(tmp_path: Path) -> None:
    """A crop that is bright once in three frames is dark."""
    brightness_model(tmp_path / "m.onnx")
    labels = {}
    for smooth in (1, 3):
        params = {"model": "m.onnx", "every": 0, "smooth": smooth, "names": ["dark", "bright"]}
        classifier = opened(Classifier, params, [tmp_path])
        frames = [gray_frame(np.full((64, 64), value, np.uint8), n) for n, value in enumerate((16, 16, 235))]
        box = Detection((0.0, 0.0, 1.0, 1.0), 0.9, "lamp", track_id=1)
        labels[smooth] = [read(classifier.run([frame], Outcome((box,))), "m")[0] for frame in frames]
    assert labels == {1: ["dark", "dark", "bright"], 3: ["dark", "dark", "dark"]}


def test_a_class_below_the_least_score_is_not_told(tmp_path: Path) -> None:
    constant_model(tmp_path / "m.onnx", np.array([[0.55, 0.45]]), input_shape=(1, 3, 32, 32))
    box = Detection((0.0, 0.0, 1.0, 1.0), 0.9, "lamp")
    told = opened(Classifier, {"model": "m.onnx", "score": 0.6}, [tmp_path]).run(
        [noise_frame(FRAME)], Outcome((box,))
    )
    assert told.detections == (box,)
    whole = opened(Classifier, {"model": "m.onnx", "score": 0.5, "top": 2, "on": "frame"}, [tmp_path]).run(
        [noise_frame(FRAME)], Outcome((box,))
    )
    assert whole.data == {"classes": [{"label": "class_0", "score": 0.55}]}


@pytest.mark.parametrize(
    ("numbers", "activation"),
    [
        ([[0.2, 0.8], [1.0, 0.0]], "none"),
        ([[0.9, 0.8], [0.1, 0.0]], "none"),
        ([[3.0, -8.0], [1.0, 0.0]], "softmax"),
        ([[0.3], [0.6]], "none"),
        ([[0.3], [-0.6]], "sigmoid"),
    ],
)
def test_scores_are_told_from_logits(numbers: Any, activation: str) -> None:
    assert recognise_activation(np.array(numbers, dtype=np.float32)) == activation


@pytest.mark.parametrize(
    ("params", "path", "message"),
    [
        ({"names": ["a", "b"]}, "names", r"2 names are given, the model has 3 classes"),
        ({"names": "short.txt"}, "names", r"1 names are given"),
        ({"mean": [1.0, 2.0]}, "mean", r"2 numbers; the picture has 3 channels"),
        ({"of": []}, "of", r"leave it out for all"),
        ({"std": [0.0]}, "std.0", r"greater than 0"),
        ({"output": "other"}, "output", r"no output 'other': logits"),
        ({"input_size": [64, 64]}, "input_size", r"32x32 only"),
        ({"model": "none.onnx"}, "model", r"there is no 'none.onnx'"),
        ({"model": "flat.onnx"}, "model", r"takes no picture"),
        (
            {"model": "boxes.onnx"},
            "model",
            "84x85 numbers for a picture, and a classifier one for each class",
        ),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, params: dict[str, Any], path: str, message: str) -> None:
    mean_model(tmp_path / "m.onnx", "batch")
    (tmp_path / "short.txt").write_text("only\n")
    constant_model(tmp_path / "flat.onnx", np.zeros((1, 3)), input_shape=(1, 10))
    constant_model(tmp_path / "boxes.onnx", np.zeros((1, 84, 85)))
    with pytest.raises(ParamsInvalid, match=message) as raised:
        opened(Classifier, {"model": "m.onnx", **params}, [tmp_path])
    assert raised.value.path == path


def test_a_quantised_models_bytes_are_scores_and_other_whole_numbers_are_none(tmp_path: Path) -> None:
    whole_numbers_model(tmp_path / "bytes.onnx", TensorProto.UINT8)
    whole_numbers_model(tmp_path / "index.onnx", TensorProto.INT64)
    classifier = opened(Classifier, {"model": "bytes.onnx"}, [tmp_path])
    told = classifier.run([noise_frame(FRAME)], Outcome()).data
    assert told == {"classes": [{"label": "cat", "score": 1.0}]}
    with pytest.raises(ParamsInvalid, match="int64 tells no scores"):
        opened(Classifier, {"model": "index.onnx"}, [tmp_path])


def test_scale_and_mean_may_be_written_as_people_write_them(tmp_path: Path) -> None:
    mean_model(tmp_path / "m.onnx", "batch")
    told = [
        opened(Classifier, {"model": "m.onnx", **params}, [tmp_path])
        .run([noise_frame(FRAME)], Outcome())
        .data
        for params in ({"scale": 1 / 127.5, "mean": [1.0]}, {"scale": "2/255", "mean": 1})
    ]
    assert told[0] == told[1]


def test_numbers_that_are_none_are_told(tmp_path: Path) -> None:
    constant_model(tmp_path / "m.onnx", np.array([[np.nan, 1.0]]))
    with pytest.raises(AlgorithmError, match=r"m\.onnx returned NaN"):
        opened(Classifier, {"model": "m.onnx"}, [tmp_path])


def test_crops_without_a_detector_are_told(tmp_path: Path) -> None:
    mean_model(tmp_path / "m.onnx", "batch")
    classifier = opened(Classifier, {"model": "m.onnx", "of": ["person"]}, [tmp_path])
    with pytest.raises(AlgorithmError, match="put it behind a detector"):
        classifier.run([noise_frame(FRAME)], Outcome())
