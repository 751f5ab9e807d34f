"""Segmentation by a model that tells red, green and blue apart, so what is where is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from algos.segmentation import Segmentation
from edged.algorithm import AlgorithmError, ParamsInvalid
from edged.algorithm.class_map import mask_of
from edged.model.detection import Outcome
from tests.pictures import opened
from tests.small_models import FLOAT, color_classes_model, color_frame, fixed_model, model_of

EMPTY = Outcome()
NAMES = ["dark", "red", "green", "blue"]


def scene() -> NDArray[np.uint8]:
    """128 x 64: the left half red, a green square of 16 pixels in the right one, else dark."""
    picture = np.zeros((64, 128, 3), dtype=np.uint8)
    picture[:, :64] = (0, 0, 255)
    picture[24:40, 88:104] = (0, 255, 0)
    return picture


def made(folder: Path, *, channels_last: bool = False, **params: Any) -> Any:
    color_classes_model(folder / "colors.onnx", channels_last=channels_last)
    given = {"model": "colors.onnx", "names": NAMES, "normalize": "unit", "labels": NAMES[1:], **params}
    return opened(Segmentation, given, [folder])


def segments(algorithm: Any, picture: NDArray[np.uint8]) -> list[dict[str, Any]]:
    found = algorithm.run([color_frame(picture)], EMPTY).data["segments"]
    json.dumps(found)
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("resize", ["stretch", "letterbox"])
def test_areas_and_polygons(tmp_path: Path, channels_last: bool, resize: str) -> None:
    red, green = segments(made(tmp_path, channels_last=channels_last, resize=resize), scene())
    assert (red["label"], red["label_id"], green["label"]) == ("red", 1, "green")
    assert red["area"] == pytest.approx(0.5, abs=0.02)
    assert green["area"] == pytest.approx(16 * 16 / (64 * 128), abs=0.008)
    (square,) = green["polygons"]
    low, high = np.min(square, axis=0), np.max(square, axis=0)
    assert low == pytest.approx((88 / 128, 24 / 64), abs=0.03)
    assert high == pytest.approx((104 / 128, 40 / 64), abs=0.03)


def test_a_letterbox_is_no_part_of_the_frame(tmp_path: Path) -> None:
    algorithm = made(tmp_path, resize="letterbox", mask="rle")
    (red,) = segments(algorithm, np.full((64, 128, 3), (0, 0, 255), dtype=np.uint8))
    assert (red["area"], red["rle"]) == (1.0, {"size": [32, 64], "counts": [0, 32 * 64]})


def test_masks_as_rle_or_not_at_all(tmp_path: Path) -> None:
    red, _ = segments(made(tmp_path, mask="rle"), scene())
    mask = mask_of(red["rle"])
    assert mask.shape == (64, 64)
    assert mask[:, :31].all()
    assert not mask[:, 33:].any()
    red, _ = segments(made(tmp_path, mask="none"), scene())
    assert set(red) == {"label", "label_id", "area"}


def test_classes_and_small_ones_are_left_out(tmp_path: Path) -> None:
    assert [each["label"] for each in segments(made(tmp_path, labels=["green"]), scene())] == ["green"]
    assert [each["label"] for each in segments(made(tmp_path, min_area=0.1), scene())] == ["red"]
    assert [each["label"] for each in segments(made(tmp_path, labels=None), scene())] == [
        "red", "dark", "green",
    ]  # fmt: skip
    assert segments(made(tmp_path), np.zeros((64, 128, 3), dtype=np.uint8)) == []


def test_a_fine_map_is_thinned_out(tmp_path: Path) -> None:
    red, _ = segments(made(tmp_path, cells=16, mask="rle", min_area=0), scene())
    assert red["rle"]["size"] == [16, 16]
    assert red["area"] == pytest.approx(0.5, abs=0.07)


def test_maps_of_class_numbers(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["bright"], axes=[1], keepdims=0),
        helper.make_node("Mul", ["bright", "two"], ["doubled"]),
        helper.make_node("Round", ["doubled"], ["rounded"]),
        helper.make_node("Cast", ["rounded"], ["classes"], to=TensorProto.INT64),
    ]
    shapes = {"images": (FLOAT, (1, 3, 32, 32))}, {"classes": (TensorProto.INT64, (1, 32, 32))}
    model_of(tmp_path / "map.onnx", nodes, *shapes, {"two": np.float32(2)})
    params = {"model": "map.onnx", "names": ["background", "half", "full"], "normalize": "unit"}
    (full,) = segments(opened(Segmentation, params, [tmp_path]), np.full((64, 64, 3), 255, dtype=np.uint8))
    assert (full["label"], full["area"]) == ("full", 1.0)


@pytest.mark.parametrize("shape", [(1, 1, 32, 32), (1, 32, 32), (1, 32, 32, 1)])
@pytest.mark.parametrize(("value", "area"), [(0.7, 1.0), (3.0, 1.0), (0.2, 0.0), (-3.0, 0.0)])
def test_one_class_by_probability_or_logit(
    tmp_path: Path, shape: tuple[int, ...], value: float, area: float
) -> None:
    scores = np.full(shape, value, dtype=np.float32)
    scores.ravel()[0] = -0.5 if abs(value) > 1 else 0.5
    fixed_model(tmp_path / "one.onnx", {"mask": scores}, (1, 3, 32, 32))
    algorithm = opened(Segmentation, {"model": "one.onnx", "names": ["skin"]}, [tmp_path])
    found = segments(algorithm, scene())
    assert [(each["label"], each["area"]) for each in found] == (
        [("skin", pytest.approx(1, abs=0.01))] if area else []
    )


def test_default_names_are_those_of_the_data_set(tmp_path: Path) -> None:
    scores = np.zeros((1, 21, 33, 33), dtype=np.float32)
    scores[0, 15] = 1
    fixed_model(tmp_path / "voc.onnx", {"out": scores}, (1, 3, 257, 257))
    algorithm = opened(Segmentation, {"model": "voc.onnx"}, [tmp_path])
    assert [each["label"] for each in segments(algorithm, scene())] == ["person"]


def test_what_it_draws_is_translucent_and_where_the_class_is(tmp_path: Path) -> None:
    for mask in ("polygons", "rle"):
        algorithm = made(tmp_path, labels=["green"], mask=mask)
        outcome = algorithm.run([color_frame(scene())], EMPTY)
        picture = np.full((128, 256, 3), 100, dtype=np.uint8)
        algorithm.draw(picture, outcome)
        inside, outside = picture[60:68, 186:200], picture[:40]
        assert (outside == 100).all()
        assert (inside != 100).any(axis=2).all()
        assert len(np.unique(inside.reshape(-1, 3), axis=0)) == 1
        assert abs(int(inside[0, 0].max()) - 100) < 120
    made(tmp_path).draw(picture, EMPTY)


def test_models_that_cannot_be_say_what_would_be_right(tmp_path: Path) -> None:
    fixed_model(tmp_path / "classifier.onnx", {"out": np.zeros((1, 1000))}, (1, 3, 64, 64))
    with pytest.raises(ParamsInvalid, match=r"first output is 1x1000.*no 1 x classes x H x W"):
        opened(Segmentation, {"model": "classifier.onnx"}, [tmp_path])
    with pytest.raises(ParamsInvalid, match="3 names are given, the model has 4 classes"):
        made(tmp_path, names=NAMES[:3])
    with pytest.raises(ParamsInvalid, match="did you mean 'green'"):
        made(tmp_path, labels=["gren"])
    with pytest.raises(ParamsInvalid, match="labels: an empty list is none at all: leave it out for all"):
        made(tmp_path, labels=[])
    fixed_model(tmp_path / "nan.onnx", {"out": np.full((1, 4, 64, 64), np.nan)}, (1, 3, 64, 64))
    algorithm = opened(Segmentation, {"model": "nan.onnx"}, [tmp_path])
    with pytest.raises(AlgorithmError, match="NaN or infinite"):
        segments(algorithm, scene())


def yolo_seg(folder: Path, transposed: bool = False, **params: Any) -> Any:
    """Two classes, two prototypes of 40 x 40 for an input of 160: left of the middle, above the middle."""
    prototypes = np.full((1, 2, 40, 40), -1.0)
    prototypes[0, 0, :, :20] = prototypes[0, 1, :20] = 1
    answer = np.zeros((525, 8))
    answer[3] = (80, 80, 80, 80, 0.9, 0.1, 1, 0)
    answer[4] = (82, 80, 80, 80, 0.8, 0.1, 1, 0)
    answer[9] = (80, 80, 160, 80, 0.2, 0.7, 0, 2)
    answer[11] = (80, 80, 30, 30, 0.3, 0.2, 1, 1)
    found = answer[np.newaxis] if transposed else answer.T[np.newaxis]
    fixed_model(folder / "seg.onnx", {"output0": found, "output1": prototypes}, (1, 3, 160, 160))
    given = {"model": "seg.onnx", "names": ["cat", "dog"], "mask": "rle", **params}
    return opened(Segmentation, given, [folder])


@pytest.mark.parametrize("transposed", [False, True])
def test_objects_have_boxes_and_masks_of_their_own(tmp_path: Path, transposed: bool) -> None:
    """The frame is twice as wide as high: it lies in the middle half of the input."""
    earlier = Outcome((), {"a": 1}, {"zones": {}})
    outcome = yolo_seg(tmp_path, transposed).run([color_frame(scene())], earlier)
    cat, dog = outcome.detections
    assert (cat.label, cat.score, dog.label, dog.label_id) == ("cat", pytest.approx(0.9), "dog", 1)
    assert (cat.box, dog.box) == ((0.25, 0.0, 0.75, 1.0), (0.0, 0.0, 1.0, 1.0))
    large, small = outcome.data["segments"]
    assert (large["label"], large["area"], large["box"]) == ("dog", 0.5, [0.0, 0.0, 1.0, 1.0])
    assert (small["label"], small["area"], small["score"]) == ("cat", 0.25, 0.9)
    assert mask_of(large["rle"])[:10].all()
    assert not mask_of(large["rle"])[10:].any()
    assert mask_of(small["rle"])[:, 10:20].all()
    assert mask_of(small["rle"]).sum() == 200
    assert (outcome.data["a"], outcome.counts) == (1, {"zones": {}})


def test_objects_asked_for(tmp_path: Path) -> None:
    def labels(**params: Any) -> list[str]:
        found = yolo_seg(tmp_path, **params).run([color_frame(scene())], EMPTY).detections
        return [each.label for each in found]

    assert labels(labels=["dog"]) == ["dog"]
    assert labels(iou=1) == ["cat", "cat", "dog"]
    assert labels(min_area=0.3) == ["dog"]
    assert labels(score=0.75) == ["cat"]
    assert labels(max_detections=1) == ["cat"]
    assert labels(score=0.95) == []


def test_outlines_of_objects_are_drawn(tmp_path: Path) -> None:
    algorithm = yolo_seg(tmp_path, mask="polygons", labels=["cat"])
    picture = np.full((100, 200, 3), 100, dtype=np.uint8)
    algorithm.draw(picture, algorithm.run([color_frame(scene())], EMPTY))
    changed = (picture != 100).any(axis=2)
    assert changed[10:90, 56:94].all()
    assert not changed[:, :45].any()
    assert not changed[:, 110:].any()
