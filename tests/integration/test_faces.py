"""Faces: YuNet beside a plain implementation, UltraFace with a known answer, and where one looks for them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from algos.faces import Faces
from edged.algorithm import AlgorithmError, Detection, Frame, Outcome, ParamsInvalid
from edged.algorithm.batched import run_together
from edged.model.frame import FrameFormat
from tests.pictures import (
    constant_model,
    decoded_frames,
    gray_frame,
    noise_frame,
    opened,
    save_model,
    track_frame,
)

FRAME = FrameFormat(200, 100)
Plain = tuple[float, list[float], list[tuple[float, float]]]
"""Score, box and landmarks in fractions of the frame."""


def photo(path: Path) -> Frame:
    picture = av.VideoFrame.from_ndarray(cv2.imread(str(path)), format="bgr24")
    return track_frame(picture.reformat(format="yuv420p", dst_colorspace="ITU601"), 0)


def faces_of(frame: Frame, assets: Path, **params: Any) -> tuple[Detection, ...]:
    algorithm = opened(Faces, {"model": "yunet_n_dynamic.onnx", **params}, [assets])
    return algorithm.run([frame], Outcome()).detections or ()


def plain_yunet(model: Path, bgr: NDArray[np.uint8], side: tuple[int, int], least: float) -> list[Plain]:
    """One cell at a time, by the names of the outputs."""
    width, height = side
    ratio = min(width / bgr.shape[1], height / bgr.shape[0])
    inner = (round(bgr.shape[1] * ratio), round(bgr.shape[0] * ratio))
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[: inner[1], : inner[0]] = cv2.resize(bgr, inner)
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    feed = canvas.transpose(2, 0, 1)[None].astype(np.float32)
    outputs = dict(zip(names, session.run(names, {"input": feed}), strict=True))
    found: list[Plain] = []
    for stride in (8, 16, 32):
        for row in range(height // stride):
            for column in range(width // stride):
                cell = row * (width // stride) + column
                score = math.sqrt(outputs[f"cls_{stride}"][0, cell, 0] * outputs[f"obj_{stride}"][0, cell, 0])
                if score < least:
                    continue
                dx, dy, log_w, log_h = (float(value) for value in outputs[f"bbox_{stride}"][0, cell])
                x, y = (column + dx) * stride / inner[0], (row + dy) * stride / inner[1]
                w, h = math.exp(log_w) * stride / inner[0], math.exp(log_h) * stride / inner[1]
                marks = outputs[f"kps_{stride}"][0, cell].reshape(5, 2)
                points = [
                    ((column + float(a)) * stride / inner[0], (row + float(b)) * stride / inner[1])
                    for a, b in marks
                ]
                found.append((score, [x - w / 2, y - h / 2, x + w / 2, y + h / 2], points))
    found.sort(key=lambda each: -each[0])
    kept: list[Plain] = []
    for each in found:
        if all(overlap(each[1], other[1]) <= 0.3 for other in kept):
            kept.append(each)
    return kept


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    both = max(across, 0) * max(down, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / (sum(areas) - both)


def assert_alike(frame: Frame, found: Sequence[Detection], wanted: Sequence[Plain], least: float) -> int:
    """Each face of one list is in the other, unless its score is near the least one; how many there are."""
    assert all(each.label == "face" for each in found)
    for score, box, points in wanted:
        near = [each for each in found if overlap(each.box, box) >= 0.9]
        if score < least + 0.05 and not near:
            continue
        assert len(near) == 1, f"the face at {box}, score {score:.2f}"
        assert near[0].score == pytest.approx(score, abs=0.05)
        for (x, y, sure), (plain_x, plain_y) in zip(near[0].keypoints, points, strict=True):
            apart = math.hypot((x - plain_x) * frame.width, (y - plain_y) * frame.height)
            assert apart <= 2, "a landmark is more than two pixels off"
            assert sure == near[0].score
    for each in found:
        assert each.score < least + 0.05 or any(overlap(each.box, box) >= 0.9 for _, box, _ in wanted)
    return len(found)


@pytest.mark.assets
@pytest.mark.parametrize(
    ("model", "size", "faces"), [("yunet_n_320", (320, 320), 6), ("yunet_n_dynamic", (640, 480), 9)]
)
def test_yunet_finds_what_a_plain_implementation_finds(
    assets: Path, model: str, size: tuple[int, int], faces: int
) -> None:
    frame = photo(assets / "pedestrians.jpg")
    algorithm = opened(Faces, {"model": f"{model}.onnx"}, [assets])
    found = algorithm.run([frame], Outcome()).detections or ()
    wanted = plain_yunet(assets / f"{model}.onnx", frame.bgr(), size, 0.6)
    assert assert_alike(frame, found, wanted, 0.6) >= faces
    for each in found[:5]:
        right_eye, left_eye, nose, right_mouth, left_mouth = each.keypoints
        assert right_eye[0] < left_eye[0], "seen from the front, the right eye is on the left"
        assert right_mouth[0] < left_mouth[0]
        assert max(right_eye[1], left_eye[1]) < nose[1] < min(right_mouth[1], left_mouth[1])


@pytest.mark.assets
def test_yunet_agrees_in_a_video_too(assets: Path) -> None:
    algorithm = opened(Faces, {"model": "yunet_n_dynamic.onnx", "score": 0.5}, [assets])
    faces = 0
    for frame, _ in decoded_frames(assets / "store-aisle-detection.mp4", 10, 6):
        found = algorithm.run([frame], Outcome()).detections or ()
        wanted = plain_yunet(assets / "yunet_n_dynamic.onnx", frame.bgr(), (640, 352), 0.5)
        faces += assert_alike(frame, found, wanted, 0.5)
    assert faces >= 4


@pytest.mark.assets
@pytest.mark.parametrize("model", ["yunet_n_320", "yunet_n_dynamic"])
def test_faces_inside_people_lie_where_they_lie_in_the_frame(assets: Path, model: str) -> None:
    """One run for all where the batch is open, one for each where it is not; a face in two crops is one."""
    frame = photo(assets / "pedestrians.jpg")
    whole = (
        opened(Faces, {"model": "yunet_n_dynamic.onnx"}, [assets]).run([frame], Outcome()).detections or ()
    )
    people = tuple(around(face.box) for face in whole[:5])
    bag = Detection((0.1, 0.5, 0.9, 0.7), 0.9, "handbag")
    counters: Counter[str] = Counter()
    params = {"model": f"{model}.onnx", "of": ["person"]}
    algorithm = opened(Faces, params, [assets], counters=counters)
    outcome = algorithm.run([frame], Outcome((*people, people[0], bag)))
    found = (outcome.detections or ())[7:]
    assert counters["faces.crops"] == 6
    for face in whole[:5]:
        (same,) = [each for each in found if overlap(each.box, face.box) > 0.6]
        for mark, other in zip(same.keypoints, face.keypoints, strict=True):
            assert math.hypot((mark[0] - other[0]) * 640, (mark[1] - other[1]) * 480) < 3
    assert algorithm.run([frame], Outcome((bag,))).detections == (bag,)


def around(face: tuple[float, float, float, float]) -> Detection:
    """The person below a face."""
    width, height = face[2] - face[0], face[3] - face[1]
    box = (face[0] - width, face[1] - height, face[2] + width, min(face[3] + 5 * height, 1.0))
    return Detection(box, 0.9, "person")


@pytest.mark.assets
def test_a_region_is_looked_at_alone_and_closer(assets: Path) -> None:
    frame = photo(assets / "pedestrians.jpg")
    params = {"model": "yunet_n_320.onnx", "region": [0.2, 0.4, 0.5, 0.8]}
    found = opened(Faces, params, [assets]).run([frame], Outcome()).detections or ()
    whole = (
        opened(Faces, {"model": "yunet_n_dynamic.onnx"}, [assets]).run([frame], Outcome()).detections or ()
    )
    inside = [each for each in whole if each.box[0] > 0.2 and each.box[2] < 0.5 and each.score > 0.7]
    assert len(inside) == 3
    assert all(any(overlap(each.box, face.box) > 0.6 for each in found) for face in inside)
    assert all(each.box[0] >= 0.2 and each.box[2] <= 0.5 for each in found)


@pytest.mark.assets
def test_params_decide_which_faces_are_told(assets: Path) -> None:
    frame = photo(assets / "pedestrians.jpg")

    def found(**params: Any) -> tuple[Detection, ...]:
        return faces_of(frame, assets, **params)

    plain = found()
    assert [each.score for each in plain] == sorted((each.score for each in plain), reverse=True)
    assert found(max_detections=2) == plain[:2]
    assert found(score=0.88) == tuple(each for each in plain if each.score >= 0.88)
    assert found(min_size=0.02) == tuple(each for each in plain if each.box[2] - each.box[0] >= 0.02)
    assert 0 < len(found(min_size=0.02)) < len(plain)
    assert len(found(score=0.0, iou=1.0, max_detections=10_000)) == 5000, "more is noise"


def ultraface(path: Path, scores: NDArray[np.float32], boxes: NDArray[np.float32]) -> Path:
    """As RFB-320 is exported, with answers of its own: ``scores`` times the mean of the picture."""
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["answer", "mean"], ["scores"]),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["corners", "nothing"], ["boxes"]),
    ]
    graph = helper.make_graph(
        nodes,
        "ultraface",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 240, 320])],
        [
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, list(scores.shape)),
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, list(boxes.shape)),
        ],
        [
            numpy_helper.from_array(scores, "answer"),
            numpy_helper.from_array(boxes, "corners"),
            numpy_helper.from_array(np.float32(0), "zero"),
        ],
    )
    return save_model(path, graph)


def answer(cells: int = 4420) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two faces, one of them twice, among background."""
    scores, boxes = np.zeros((1, cells, 2), np.float32), np.zeros((1, cells, 4), np.float32)
    scores[..., 0] = 1
    for place, (score, box) in enumerate(
        [(0.8, (0.1, 0.2, 0.3, 0.6)), (0.9, (0.11, 0.2, 0.31, 0.6)), (0.7, (0.5, 0.5, 1.2, 0.9))]
    ):
        scores[0, 100 * place], boxes[0, 100 * place] = (1 - score, score), box
    return scores, boxes


def test_ultraface_gives_its_known_answer(tmp_path: Path) -> None:
    """White is (255 - 127) / 128 = 1 to it, black less than nothing."""
    ultraface(tmp_path / "m.onnx", *answer())
    algorithm = opened(Faces, {"model": "m.onnx"}, [tmp_path])
    before = Outcome((Detection((0, 0, 1, 1), 0.5, "person"),), {"a": 1}, {"zones": {"door": 1}})
    white, black = (gray_frame(np.full((100, 200), level, np.uint8)) for level in (235, 16))
    outcome = algorithm.run([white], before)
    person, *faces = outcome.detections or ()
    assert (person, outcome.data, outcome.counts) == (before.detections[0], before.data, before.counts)
    assert [each.box for each in faces] == [
        pytest.approx((0.11, 0.2, 0.31, 0.6)), pytest.approx((0.5, 0.5, 1.0, 0.9)),
    ]  # fmt: skip
    assert [each.score for each in faces] == pytest.approx([0.9, 0.7])
    assert all(each.keypoints == () for each in faces)
    assert algorithm.run([black], Outcome()).detections == ()


def test_numbers_that_are_none_are_told(tmp_path: Path) -> None:
    scores, boxes = answer()
    boxes[0, 7, 2] = np.inf
    ultraface(tmp_path / "m.onnx", scores, boxes)
    with pytest.raises(AlgorithmError, match=r"m\.onnx returned NaN"):
        opened(Faces, {"model": "m.onnx"}, [tmp_path]).run([noise_frame(FRAME)], Outcome())


@pytest.mark.parametrize(
    ("params", "path", "message"),
    [
        ({"model": "none.onnx"}, "model", "there is no 'none.onnx'"),
        ({"model": "other.onnx"}, "model", r"no face detector has outputs of 84x8400 .*Known are yunet"),
        ({"model": "flat.onnx"}, "model", "takes no picture"),
        ({"model": "gray.onnx"}, "model", "a face detector one colour picture"),
        ({"model": "m.onnx", "of": []}, "of", "leave it out for the whole frame"),
        ({"model": "m.onnx", "input_size": [640, 480]}, "input_size", "320x240 only"),
        ({"model": "m.onnx", "region": [0.5, 0, 0.4, 1]}, "region", "x_min < x_max"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, params: dict[str, Any], path: str, message: str) -> None:
    ultraface(tmp_path / "m.onnx", *answer())
    constant_model(tmp_path / "other.onnx", np.zeros((1, 84, 8400)))
    constant_model(tmp_path / "flat.onnx", np.zeros((1, 3)), input_shape=(1, 10))
    constant_model(tmp_path / "gray.onnx", np.zeros((1, 3)), input_shape=(1, 1, 28, 28))
    with pytest.raises(ParamsInvalid, match=message) as raised:
        opened(Faces, params, [tmp_path])
    assert raised.value.path == path


@pytest.mark.assets
def test_a_size_that_yunet_does_not_take_is_told(assets: Path) -> None:
    with pytest.raises(AlgorithmError, match="multiples of 32"):
        opened(Faces, {"model": "yunet_n_dynamic.onnx", "input_size": [330, 320]}, [assets])


def test_inside_detections_needs_a_detector(tmp_path: Path) -> None:
    ultraface(tmp_path / "m.onnx", *answer())
    with pytest.raises(AlgorithmError, match="put it behind a detector"):
        opened(Faces, {"model": "m.onnx", "of": ["person"]}, [tmp_path]).run([noise_frame(FRAME)], Outcome())


@pytest.mark.assets
def test_cameras_that_share_a_run_get_what_each_would_get_alone(assets: Path) -> None:
    frames = [frame for frame, _ in decoded_frames(assets / "store-aisle-detection.mp4", 20, 3)]
    algorithm = opened(Faces, {"model": "yunet_n_dynamic.onnx", "score": 0.5}, [assets])
    assert isinstance(algorithm, Faces)
    alone = [algorithm.run([frame], Outcome()).detections or () for frame in frames]
    prepared = [algorithm.prepare([frame]) for frame in frames]
    answers = run_together(algorithm.session, [each.feed for each in prepared])
    for frame, each, answer, wanted in zip(frames, prepared, answers, alone, strict=True):
        found = algorithm.conclude(each, answer, [frame], Outcome()).detections or ()
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert one.box == pytest.approx(other.box, abs=1e-4)
    assert sum(len(found) for found in alone) >= 3
