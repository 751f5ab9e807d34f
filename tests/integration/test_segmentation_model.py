"""The real DeepLab on real pictures, against a plain implementation that shares no code with edged's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from algos.segmentation import Segmentation
from edged.algorithm import Frame
from edged.algorithm.class_map import mask_of
from edged.model.detection import Outcome
from tests.pictures import decoded_frames, opened, track_frame

pytestmark = pytest.mark.assets

MODEL = "deeplab_v3_257.onnx"
BOTTLE = 5


def plain_classes(model: Any, picture: av.VideoFrame) -> NDArray[np.intp]:
    """As TensorFlow's example does it: the whole picture as RGB, scaled, argmax."""
    scaled = cv2.resize(picture.to_ndarray(format="rgb24"), (257, 257)).astype(np.float32) / 127.5 - 1
    (scores,) = model.run(None, {model.get_inputs()[0].name: scaled[np.newaxis]})
    return np.asarray(scores[0].argmax(axis=2))


def pictures(assets: Path) -> Iterator[tuple[Frame, av.VideoFrame]]:
    for name, step in (
        ("one-by-one-person-detection", 90),
        ("store-aisle-detection", 12),
        ("bottle-detection", 70),
    ):
        yield from decoded_frames(assets / f"{name}.mp4", step, 5)
    picture = cv2.resize(
        cv2.imread(str(assets / "pedestrians.jpg")), (960, 540), interpolation=cv2.INTER_AREA
    )
    frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
    yield track_frame(frame, 0), frame


def classes_told(segments: list[dict[str, Any]]) -> NDArray[np.intp]:
    told = np.zeros((257, 257), dtype=np.intp)
    for segment in segments:
        told[mask_of(segment["rle"]) > 0] = segment["label_id"]
    return told


def test_the_same_classes_and_areas_as_a_plain_implementation(assets: Path) -> None:
    model = onnxruntime.InferenceSession(str(assets / MODEL), providers=["CPUExecutionProvider"])
    algorithm = opened(Segmentation, {"model": MODEL, "mask": "rle", "min_area": 0}, [assets])
    seen: set[str] = set()
    for frame, picture in pictures(assets):
        plain = plain_classes(model, picture)
        segments = algorithm.run([frame], Outcome()).data["segments"]
        assert (classes_told(segments) == plain).mean() >= 0.98
        areas = {segment["label_id"]: segment["area"] for segment in segments}
        for number in range(1, 21):
            assert areas.get(number, 0) == pytest.approx((plain == number).mean(), abs=0.01)
        seen |= {segment["label"] for segment in segments if segment["area"] > 0.01}
    assert {"person", "bottle"} <= seen


def test_polygons_lie_where_the_class_is(assets: Path) -> None:
    folder = [assets]
    masks = opened(Segmentation, {"model": MODEL, "mask": "rle", "labels": ["bottle"]}, folder)
    outlines = opened(Segmentation, {"model": MODEL, "labels": ["bottle"]}, folder)
    for frame, _ in decoded_frames(assets / "bottle-detection.mp4", 200, 4):
        (mask,) = masks.run([frame], Outcome()).data["segments"]
        (outline,) = outlines.run([frame], Outcome()).data["segments"]
        wanted, drawn = mask_of(mask["rle"]), np.zeros((257, 257), dtype=np.uint8)
        for polygon in outline["polygons"]:
            cv2.fillPoly(drawn, [np.rint(np.array(polygon) * 257 - 0.5).astype(np.int32)], 1)
        assert (drawn & wanted).sum() / (drawn | wanted).sum() > 0.9
        assert outline["area"] == mask["area"]


def test_a_letterbox_is_no_part_of_it(assets: Path) -> None:
    model = onnxruntime.InferenceSession(str(assets / MODEL), providers=["CPUExecutionProvider"])
    params = {"model": MODEL, "resize": "letterbox", "mask": "none", "min_area": 0}
    algorithm = opened(Segmentation, params, [assets])
    for frame, picture in decoded_frames(assets / "bottle-detection.mp4", 300, 3):
        inner = round(257 * frame.height / frame.width)
        top = (257 - inner) // 2
        scaled = np.full((257, 257, 3), 114, dtype=np.uint8)
        scaled[top : top + inner] = cv2.resize(picture.to_ndarray(format="rgb24"), (257, inner))
        values = scaled[np.newaxis].astype(np.float32) / 127.5 - 1
        (scores,) = model.run(None, {model.get_inputs()[0].name: values})
        plain = scores[0, top : top + inner].argmax(axis=2)
        segments = algorithm.run([frame], Outcome()).data["segments"]
        areas = {segment["label_id"]: segment["area"] for segment in segments}
        for number in range(1, 21):
            assert areas.get(number, 0) == pytest.approx((plain == number).mean(), abs=0.01)
        assert areas[BOTTLE] > 0.05
