"""The detector on real footage, against a plain implementation that shares no code with it.

The plain one converts the whole frame with FFmpeg's swscale, resizes with OpenCV, decodes YOLOX and
suppresses in Python loops, as its authors' demo does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from algos.detector import Detector
from edged.algorithm import Algorithm
from edged.algorithm.coco import COCO_LABELS
from edged.model.detection import Detection, Outcome
from edged.model.frame import ColorMatrix, ColorRange
from tests.pictures import decoded_frames, opened

pytestmark = pytest.mark.assets

MODEL = "yolox_nano_416.onnx"
SCORE = 0.4
IOU_WANTED, SCORE_WANTED, SHARE_WANTED = 0.9, 0.05, 0.95
LOWER = 0.3
"""Counterparts of a box just above 0.4 may lie below it."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Plain:
    label: str
    score: float
    box: Box


class PlainYolox:
    """YOLOX's own demo, written out."""

    def __init__(self, path: Path) -> None:
        self.session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def find(self, picture: NDArray[np.uint8], least: float) -> list[Plain]:
        height, width = picture.shape[:2]
        ratio = min(416 / height, 416 / width)
        canvas = np.full((416, 416, 3), 114, dtype=np.uint8)
        inner = cv2.resize(picture, (round(width * ratio), round(height * ratio)))
        canvas[: inner.shape[0], : inner.shape[1]] = inner
        tensor = canvas.astype(np.float32).transpose(2, 0, 1)[np.newaxis]
        (rows,) = self.session.run(None, {"images": tensor})[0]
        found, row = [], 0
        for stride in (8, 16, 32):
            for y in range(416 // stride):
                for x in range(416 // stride):
                    scores = rows[row, 4] * rows[row, 5:]
                    label = int(scores.argmax())
                    if scores[label] >= least:
                        cx, cy = (rows[row, 0] + x) * stride, (rows[row, 1] + y) * stride
                        w, h = np.exp(rows[row, 2]) * stride, np.exp(rows[row, 3]) * stride
                        corners = (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
                        sizes = (width * ratio, height * ratio) * 2
                        box = [min(max(float(c / s), 0.0), 1.0) for c, s in zip(corners, sizes, strict=True)]
                        found.append(Plain(COCO_LABELS[label], float(scores[label]), tuple(box)))  # type: ignore[arg-type]
                    row += 1
        return self.suppress(found)

    @staticmethod
    def suppress(found: list[Plain]) -> list[Plain]:
        kept: list[Plain] = []
        for one in sorted(found, key=lambda each: -each.score):
            if all(other.label != one.label or overlap(one.box, other.box) <= 0.45 for other in kept):
                kept.append(one)
        return kept


def overlap(one: Any, other: Any) -> float:
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - width * height
    return width * height / union if union else 0.0


def agrees(one: Any, others: list[Any]) -> bool:
    return any(
        other.label == one.label
        and overlap(one.box, other.box) >= IOU_WANTED
        and abs(other.score - one.score) <= SCORE_WANTED
        for other in others
    )


@dataclass
class Agreement:
    """How many boxes above 0.4, of either side, have their counterpart on the other."""

    boxes: int = 0
    agreed: int = 0

    def add(self, ours: list[Detection], plain: list[Plain]) -> None:
        for one, others in ((ours, plain), (plain, ours)):
            above = [found for found in one if found.score >= SCORE]
            self.boxes += len(above)
            self.agreed += sum(agrees(found, list(others)) for found in above)


def compare(video: Path, detector: Algorithm, plain: PlainYolox, step: int, most: int) -> Agreement:
    agreement = Agreement()
    for frame, picture in decoded_frames(video, step, most):
        bgr = picture.to_ndarray(format="bgr24")
        ours = detector.run([frame], Outcome()).detections or ()
        agreement.add(list(ours), plain.find(bgr, LOWER))
    return agreement


@pytest.fixture(scope="module")
def detector(assets: Path) -> Algorithm:
    return opened(Detector, {"model": MODEL, "score": LOWER}, [assets])


@pytest.fixture(scope="module")
def plain(assets: Path) -> PlainYolox:
    return PlainYolox(assets / MODEL)


@pytest.mark.parametrize(
    ("video", "step", "most", "least"),
    [
        ("one-by-one-person-detection.mp4", 20, 40, 30),
        ("bottle-detection.mp4", 40, 20, 60),
        ("store-aisle-detection.mp4", 5, 13, 20),
    ],
)
def test_it_finds_what_the_plain_implementation_finds(
    assets: Path, detector: Algorithm, plain: PlainYolox, video: str, step: int, most: int, least: int
) -> None:
    agreement = compare(assets / video, detector, plain, step, most)
    assert agreement.boxes >= least
    assert agreement.agreed >= SHARE_WANTED * agreement.boxes, agreement


def encode(source: Path, target: Path, kind: str, frames: int, size: tuple[int, int] | None) -> Path:
    """Encode again in another range, matrix or size, correctly converted and marked."""
    full, matrix = kind == "full", "ITU709" if kind == "bt709" else "ITU601"
    with av.open(str(source)) as container, av.open(str(target), "w") as out:
        came = container.streams.video[0]
        stream: Any = out.add_stream("libx264", rate=10, options={"crf": "12", "preset": "veryfast"})
        stream.width, stream.height = size or (came.width, came.height)
        stream.pix_fmt = "yuvj420p" if full else "yuv420p"
        stream.codec_context.colorspace = 1 if matrix == "ITU709" else 5
        stream.codec_context.color_range = 2 if full else 1
        for picture in every(container, 12, frames):
            made = picture.reformat(
                stream.width, stream.height, stream.pix_fmt, "ITU601", matrix,
                src_color_range="MPEG", dst_color_range="JPEG" if full else "MPEG",
            )  # fmt: skip
            made.pts = None
            out.mux(stream.encode(made))
        out.mux(stream.encode(None))
    return target


def every(container: Any, step: int, most: int) -> Iterator[av.VideoFrame]:
    for index, picture in enumerate(container.decode(video=0)):
        if index >= step * most:
            return
        if index % step == 0:
            yield picture


@pytest.mark.parametrize(
    ("kind", "size", "range_", "matrix"),
    [
        ("full", None, ColorRange.FULL, ColorMatrix.BT601),
        ("bt709", None, ColorRange.LIMITED, ColorMatrix.BT709),
        ("odd", (480, 270), ColorRange.LIMITED, ColorMatrix.BT601),
    ],
)
@pytest.mark.parametrize("video", ["one-by-one-person-detection.mp4", "bottle-detection.mp4"])
def test_every_kind_of_yuv_gives_the_same(
    assets: Path,
    tmp_path: Path,
    detector: Algorithm,
    plain: PlainYolox,
    video: str,
    kind: str,
    size: tuple[int, int] | None,
    range_: ColorRange,
    matrix: ColorMatrix,
) -> None:
    again = encode(assets / video, tmp_path / "again.mp4", kind, 30, size)
    frame, _ = next(decoded_frames(again, 1, 1))
    layout = frame.header.format
    assert (layout.color_range, layout.color_matrix) == (range_, matrix)
    agreement = compare(again, detector, plain, 1, 30)
    assert agreement.boxes >= 15
    assert agreement.agreed >= SHARE_WANTED * agreement.boxes, agreement


def test_only_the_labels_asked_for(assets: Path) -> None:
    only = opened(Detector, {"model": MODEL, "labels": ["bottle"]}, [assets])
    seen = {
        found.label
        for frame, _ in decoded_frames(assets / "bottle-detection.mp4", 100, 8)
        for found in only.run([frame], Outcome()).detections or ()
    }
    assert seen == {"bottle"}


def test_many_cameras_share_one_session(assets: Path) -> None:
    from edged.algorithm import Sessions

    sessions = Sessions([assets])
    made = [opened(Detector, {"model": MODEL}, source=f"cam{n}", sessions=sessions) for n in range(8)]
    assert sessions.loaded == 1
    assert len(made) == 8
