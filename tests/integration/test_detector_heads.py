"""Each head, from the frame to its boxes, against a plain implementation that shares no code with edged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from algos.detector import Detector
from edged.algorithm import Frame, Sessions
from edged.algorithm.coco import COCO_LABELS
from edged.algorithm.heads import HEADS, describe
from edged.model.detection import Detection, Outcome
from edged.model.frame import FrameFormat
from tests.exports import export
from tests.pictures import decoded_frames, header_of, opened, read_only
from tests.plain_heads import fastestdet, nanodet, rtdetr, ssd, yolo
from tests.plain_heads.shared import Outputs, Raw, cells, channels_first
from tests.plain_yolox import LEAST, Agreement, Plain, PlainYolox, overlap

WIDTH, HEIGHT = 96, 64
FRAME = FrameFormat(200, 100)
CLASSES = 5
SCORE = 0.5
Random = np.random.Generator


def rows_of(random: Random, number: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.float64]:
    """Boxes by centre and size, in pixels."""
    centers = random.uniform((0, 0), (width, height), (number, 2))
    return np.hstack((centers, random.uniform(4, 40, (number, 2))))


def corners_of(random: Random, number: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.float64]:
    rows = rows_of(random, number, width, height)
    return np.hstack((rows[:, :2] - rows[:, 2:] / 2, rows[:, :2] + rows[:, 2:] / 2))


def fractions_of(random: Random, number: int) -> NDArray[np.float64]:
    return corners_of(random, number) / (WIDTH, HEIGHT, WIDTH, HEIGHT)


def likely(random: Random, *shape: int) -> NDArray[np.float64]:
    """Most of them low, some high: as a model's scores are."""
    return random.uniform(0, 1, shape) ** 4


def count(*strides: int) -> int:
    return sum(1 for _ in cells(WIDTH, HEIGHT, strides))


def yolov5_outputs(random: Random) -> dict[str, NDArray[Any]]:
    number = 3 * count(8, 16, 32)
    table = np.hstack(
        (rows_of(random, number), random.uniform(0, 1, (number, 1)), likely(random, number, CLASSES))
    )
    return {"output0": table[np.newaxis]}


def yolov8_outputs(random: Random) -> dict[str, NDArray[Any]]:
    number = count(8, 16, 32)
    return {"output0": np.hstack((rows_of(random, number), likely(random, number, CLASSES))).T[np.newaxis]}


def end2end_outputs(random: Random) -> dict[str, NDArray[Any]]:
    parts = corners_of(random, 50), random.uniform(0, 1, (50, 1)), random.integers(0, 80, (50, 1))
    return {"output0": np.hstack(parts)[np.newaxis]}


def yolov7_outputs(random: Random) -> dict[str, NDArray[Any]]:
    scores, classes = random.uniform(0, 1, (50, 1)), random.integers(0, 80, (50, 1))
    return {"output0": np.hstack((np.zeros((50, 1)), corners_of(random, 50), classes, scores))}


def fastestdet_outputs(random: Random) -> dict[str, NDArray[Any]]:
    rows, columns = HEIGHT // 16, WIDTH // 16
    parts = random.uniform(0, 1, (1, rows, columns)), random.normal(0, 1, (4, rows, columns))
    return {"758": np.concatenate((*parts, likely(random, CLASSES, rows, columns)))[np.newaxis]}


def nanodet_outputs(random: Random, *strides: int) -> dict[str, NDArray[Any]]:
    number = count(*strides)
    table = np.hstack((likely(random, number, CLASSES), random.normal(0, 3, (number, 32))))
    return {"output0": table[np.newaxis]}


def rtdetr_outputs(random: Random) -> dict[str, NDArray[Any]]:
    return {
        "labels": random.integers(0, 80, (1, 300)),
        "boxes": fractions_of(random, 300)[np.newaxis],
        "scores": likely(random, 1, 300),
    }


def ultralytics_outputs(random: Random) -> dict[str, NDArray[Any]]:
    boxes = rows_of(random, 300) / (WIDTH, HEIGHT, WIDTH, HEIGHT)
    return {"output0": np.hstack((boxes, likely(random, 300, CLASSES)))[np.newaxis]}


def tensorflow_outputs(random: Random) -> dict[str, NDArray[Any]]:
    return {
        "num_detections": np.array([40.0]),
        "detection_scores": np.sort(random.uniform(0, 1, (1, 50)))[:, ::-1],
        "detection_boxes": fractions_of(random, 50)[np.newaxis, :, [1, 0, 3, 2]],
        "detection_classes": random.integers(1, 91, (1, 50)).astype(float),
    }


def zoo_outputs(random: Random) -> dict[str, NDArray[Any]]:
    return {
        "bboxes": fractions_of(random, 50)[np.newaxis],
        "labels": random.integers(1, 81, (1, 50)),
        "scores": random.uniform(0, 1, (1, 50)),
    }


def ssd_outputs(random: Random) -> dict[str, NDArray[Any]]:
    weights = np.exp(random.normal(0, 2, (1, 400, 1 + CLASSES)))
    scores = weights / weights.sum(axis=2, keepdims=True)
    return {"scores": scores, "boxes": fractions_of(random, 400)[np.newaxis]}


def offset_outputs(random: Random) -> dict[str, NDArray[Any]]:
    logits = random.normal(0, 1, (1, 3000, 1 + CLASSES))
    logits[0, :, 0] += 3
    return {"scores": logits, "boxes": random.normal(0, 1, (1, 3000, 4))}


@dataclass(frozen=True)
class Family:
    """A head beside its plain counterpart."""

    make: Callable[[Random], dict[str, NDArray[Any]]]
    tensor: Callable[[NDArray[np.uint8], int, int], NDArray[np.float32]]
    found: Callable[[Outputs, int, int, float], list[Raw]]
    size: tuple[int, int] = (WIDTH, HEIGHT)
    letterboxed: bool = False
    finished: bool = False
    scaled: str = ""
    channels_last: bool = False

    def shape(self) -> tuple[int, ...]:
        width, height = self.size
        return (1, height, width, 3) if self.channels_last else (1, 3, height, width)


FAMILIES = {
    "yolov5": Family(yolov5_outputs, yolo.tensor, yolo.found_by_yolov5, letterboxed=True),
    "yolov8": Family(yolov8_outputs, yolo.tensor, yolo.found_by_yolov8, letterboxed=True),
    "end2end": Family(end2end_outputs, yolo.tensor, yolo.found_end2end, letterboxed=True, finished=True),
    "yolov7-end2end": Family(
        yolov7_outputs, yolo.tensor, yolo.found_by_yolov7_end2end, letterboxed=True, finished=True
    ),
    "fastestdet": Family(fastestdet_outputs, fastestdet.tensor, fastestdet.found),
    "nanodet": Family(
        lambda random: nanodet_outputs(random, 8, 16, 32), nanodet.tensor, nanodet.found, letterboxed=True
    ),
    "nanodet-plus": Family(
        lambda random: nanodet_outputs(random, 8, 16, 32, 64), nanodet.tensor_of_plus, nanodet.found_by_plus
    ),
    "rtdetr": Family(rtdetr_outputs, rtdetr.tensor, rtdetr.found, finished=True, scaled="boxes"),
    "rtdetr-ultralytics": Family(
        ultralytics_outputs, rtdetr.tensor, rtdetr.found_by_ultralytics, finished=True
    ),
    "ssd-tensorflow": Family(
        tensorflow_outputs,
        ssd.tensor_of_tensorflow,
        ssd.found_by_tensorflow,
        finished=True,
        channels_last=True,
    ),
    "ssd-finished": Family(zoo_outputs, ssd.tensor_of_zoo, ssd.found_by_zoo, finished=True),
    "ssd": Family(ssd_outputs, ssd.tensor, ssd.found),
    "ssd-offsets": Family(offset_outputs, ssd.tensor, ssd.found_with_offsets, size=(300, 300)),
}


def colorful() -> tuple[Frame, NDArray[np.uint8]]:
    """A frame with smooth colours, and the same as BGR."""
    across, down = np.meshgrid(np.linspace(0, 1, FRAME.width), np.linspace(0, 1, FRAME.height))
    planes = 40 + 170 * across, 60 + 120 * down, 210 - 160 * across * down
    bgr = np.stack(planes, axis=2).astype(np.uint8)
    return Frame(header_of(FRAME), read_only(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420))), bgr


def made_by(family: Family, seed: int) -> dict[str, NDArray[Any]]:
    return {
        key: array if array.dtype.kind == "i" else np.ascontiguousarray(array, dtype=np.float32)
        for key, array in family.make(np.random.default_rng(seed)).items()
    }


def in_frame(raw: Raw, family: Family) -> Plain:
    """From pixels of the input to fractions of the frame, cut off at its edges."""
    width, height = family.size
    inner = (float(width), float(height))
    left = top = 0.0
    if family.letterboxed:
        ratio = min(width / FRAME.width, height / FRAME.height)
        inner = (round(FRAME.width * ratio), round(FRAME.height * ratio))
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    box = [
        min(max((edge - shift) / size, 0.0), 1.0)
        for edge, shift, size in zip(raw.box, (left, top) * 2, inner * 2, strict=True)
    ]
    return Plain(str(raw.label_id), raw.score, tuple(box))  # type: ignore[arg-type]


def plain_answer(family: Family, outputs: Outputs) -> list[Plain]:
    raws = sorted(family.found(outputs, *family.size, SCORE), key=lambda raw: -raw.score)
    if not family.finished:
        kept: list[Raw] = []
        for raw in raws:
            rivals = [other for other in kept if other.label_id == raw.label_id]
            if all(overlap(raw.box, other.box) <= 0.45 for other in rivals):
                kept.append(raw)
        raws = kept
    plain = [in_frame(raw, family) for raw in raws]
    return [each for each in plain if each.box[0] < each.box[2] and each.box[1] < each.box[3]]


def detections(detector: Any, frame: Frame) -> tuple[Detection, ...]:
    found = detector.run([frame], Outcome()).detections
    assert found is not None
    return found


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", FAMILIES)
def test_a_head_reads_what_its_plain_implementation_reads(tmp_path: Path, name: str, seed: int) -> None:
    family = FAMILIES[name]
    outputs = made_by(family, seed)
    export(tmp_path / "m.onnx", outputs, input_shape=family.shape(), scaled=family.scaled)
    detector = opened(Detector, {"model": "m.onnx", "score": SCORE, "max_detections": 10_000}, [tmp_path])
    wanted = plain_answer(family, outputs)
    found = detections(detector, colorful()[0])
    assert len(wanted) >= 3
    assert len(found) == len(wanted)
    for ours, plain in zip(found, wanted, strict=True):
        assert ours.label_id == int(plain.label)
        assert ours.score == pytest.approx(plain.score, abs=1e-4)
        assert ours.box == pytest.approx(plain.box, abs=1e-4)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_head_is_recognised_and_wants_the_picture_that_its_authors_give(tmp_path: Path, name: str) -> None:
    family, head = FAMILIES[name], HEADS[name]
    export(tmp_path / "m.onnx", made_by(family, seed=3), input_shape=family.shape(), scaled=family.scaled)
    session = Sessions([tmp_path]).get("m.onnx")
    description = describe(session)
    assert description.fitting[0].head.name == name
    assert description.reason == ""
    frame, bgr = colorful()
    picture = frame.picture(*family.size, fit=head.fit, anchor=head.anchor, pad=head.pad, color=head.color)
    ours = description.image.feed([picture.pixels], head.scaling)
    plain = family.tensor(bgr, *family.size)
    assert ours.shape == plain.shape
    off = np.abs(ours - plain).mean() / plain.std()
    assert off < 0.03
    swapped = plain[..., ::-1] if family.channels_last else plain[:, ::-1]
    assert np.abs(ours - swapped).mean() / plain.std() > 5 * off


def scaled_planes(frame: Frame, side: int) -> NDArray[np.float32]:
    """A frame of limited BT.601 whose planes are scaled first, by the formula of the standard."""
    luma, blue, red = (
        cv2.resize(plane, (side, side)).astype(np.float32) for plane in (frame.y, frame.u, frame.v)
    )
    luma, blue, red = (luma - 16) * 255 / 219, (blue - 128) * 255 / 224, (red - 128) * 255 / 224
    green = luma - (0.299 * 1.402 * red + 0.114 * 1.772 * blue) / 0.587
    bgr = np.stack((luma + 1.772 * blue, green, luma + 1.402 * red), axis=2)
    return np.clip(np.rint(bgr), 0, 255)


@pytest.mark.assets
@pytest.mark.parametrize(
    ("video", "step", "most", "least"),
    [
        ("one-by-one-person-detection.mp4", 20, 40, 100),
        ("store-aisle-detection.mp4", 5, 13, 50),
        ("bottle-detection.mp4", 40, 20, 60),
    ],
)
def test_fastestdet_finds_what_the_plain_implementation_finds(
    assets: Path, video: str, step: int, most: int, least: int
) -> None:
    """It is so small that the way of scaling counts: two plain ones agree on 82 % of the boxes, where one
    scales with INTER_AREA and the other with INTER_LINEAR. So the plain one scales as edged does.
    """
    model = "fastestdet_352.onnx"
    detector = opened(Detector, {"model": model, "score": LEAST}, [assets])
    session = onnxruntime.InferenceSession(str(assets / model), providers=["CPUExecutionProvider"])
    agreement = Agreement()
    for frame, _ in decoded_frames(assets / video, step, most):
        tensor = channels_first(scaled_planes(frame, 352)) / 255
        (output,) = session.run(None, {session.get_inputs()[0].name: tensor.astype(np.float32)})
        plain = [
            Plain(
                COCO_LABELS[raw.label_id],
                raw.score,
                tuple(min(max(edge / 352, 0.0), 1.0) for edge in raw.box),  # type: ignore[arg-type]
            )
            for raw in fastestdet.found({"758": output}, 352, 352, LEAST)
        ]
        agreement.add(detections(detector, frame), PlainYolox.suppress(plain))
    assert agreement.boxes >= least
    assert agreement.share >= 0.95, agreement
