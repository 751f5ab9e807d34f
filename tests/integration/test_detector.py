"""The detector on real footage, against a plain implementation that shares no code with it.

The plain one gets the whole frame as FFmpeg's swscale converts it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from algos.detector import Detector
from edged.algorithm import Algorithm
from edged.model.detection import Outcome
from edged.model.frame import ColorMatrix, ColorRange
from tests.footage import Encoding, encode_again
from tests.pictures import decoded_frames, opened
from tests.plain_yolox import LEAST, Agreement, PlainYolox

pytestmark = pytest.mark.assets

MODEL = "yolox_nano_416.onnx"
SHARE_WANTED = 0.95


def compare(video: Path, detector: Algorithm, plain: PlainYolox, step: int, most: int) -> Agreement:
    agreement = Agreement()
    for frame, picture in decoded_frames(video, step, most):
        bgr = picture.to_ndarray(format="bgr24")
        ours = detector.run([frame], Outcome()).detections or ()
        agreement.add(list(ours), plain.find(bgr))
    return agreement


@pytest.fixture(scope="module")
def detector(assets: Path) -> Algorithm:
    return opened(Detector, {"model": MODEL, "score": LEAST}, [assets])


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
    assert agreement.share >= SHARE_WANTED, agreement


@pytest.mark.parametrize(
    ("encoding", "range_", "matrix"),
    [
        (Encoding(full_range=True), ColorRange.FULL, ColorMatrix.BT601),
        (Encoding(bt709=True), ColorRange.LIMITED, ColorMatrix.BT709),
        (Encoding(size=(480, 270)), ColorRange.LIMITED, ColorMatrix.BT601),
    ],
    ids=["full-range", "bt709", "odd-halves"],
)
@pytest.mark.parametrize(
    ("video", "step", "most"), [("one-by-one-person-detection.mp4", 6, 80), ("bottle-detection.mp4", 12, 30)]
)
def test_every_kind_of_yuv_gives_the_same(
    assets: Path,
    tmp_path: Path,
    detector: Algorithm,
    plain: PlainYolox,
    video: str,
    step: int,
    most: int,
    encoding: Encoding,
    range_: ColorRange,
    matrix: ColorMatrix,
) -> None:
    again = encode_again(assets / video, tmp_path / "again.mp4", encoding, step=step, most=most)
    frame, _ = next(decoded_frames(again, 1, 1))
    layout = frame.header.format
    assert (layout.color_range, layout.color_matrix) == (range_, matrix)
    agreement = compare(again, detector, plain, 1, most)
    assert agreement.boxes >= 40
    assert agreement.share >= SHARE_WANTED, agreement


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
