"""Re-identification vectors in results: what they say, how often they are made, how they are read."""

from __future__ import annotations

import base64
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from algos.embedding import Embedding
from edged.algorithm import AlgorithmError, Detection, Outcome, ParamsInvalid
from edged.model.frame import FrameFormat
from tests.pictures import constant_model, decoded_frames, gray_frame, noise_frame, opened

FRAME = FrameFormat(200, 100)
REID = "person_reid_retail_0288.onnx"


def person(track_id: int | None = None, box: Any = (0.1, 0.1, 0.4, 0.9), label: str = "person") -> Detection:
    return Detection(box, 0.9, label, track_id=track_id)


def vector(detection: Detection, name: str = "embedding") -> NDArray[np.float16]:
    told = detection.attributes[name]
    numbers = np.frombuffer(base64.b64decode(told["float16"]), "<f2")
    assert len(numbers) == told["size"]
    return numbers


def test_a_vector_is_half_precision_in_base64(tmp_path: Path) -> None:
    constant_model(tmp_path / "m.onnx", np.array([[3.0, 4.0]]))
    outcome = opened(Embedding, {"model": "m.onnx", "of": ["person"]}, [tmp_path]).run(
        [noise_frame(FRAME)], Outcome((person(), person(label="dog")), {"a": 1})
    )
    one, other = outcome.detections or ()
    np.testing.assert_allclose(vector(one), [0.6, 0.8], atol=1e-3)
    assert other.attributes == {}
    assert outcome.data == {"a": 1}


@pytest.mark.parametrize("publish", ["always", "new"])
def test_vectors_are_made_as_often_as_asked_for(tmp_path: Path, publish: str) -> None:
    """Ten frames a second for three seconds, a look every second."""
    constant_model(tmp_path / "m.onnx", np.array([[3.0, 4.0]]))
    counters: Counter[str] = Counter()
    params = {"model": "m.onnx", "every": 1.0, "publish": publish, "name": "looks"}
    embedding = opened(Embedding, params, [tmp_path], counters=counters)
    told = 0
    for index in range(30):
        frame = gray_frame(np.zeros((100, 200), dtype=np.uint8), index)
        outcome = embedding.run([frame], Outcome((person(1), person(2))))
        told += sum("looks" in each.attributes for each in outcome.detections or ())
    assert counters["embedding.crops"] == 2 * 3
    assert counters["embedding.cached"] == 2 * 27
    assert told == (2 * 30 if publish == "always" else 2 * 3)


@pytest.mark.assets
def test_the_same_person_is_more_alike_than_another(assets: Path) -> None:
    embedding = opened(Embedding, {"model": REID, "of": ["person"]}, [assets])
    boxes = {70: (0.45, 0.21, 0.66, 1.0), 140: (0.5, 0.03, 0.68, 0.94)}
    same = [
        vector(
            (embedding.run([frame], Outcome((person(box=boxes[frame.header.index]),))).detections or ())[0]
        )
        for frame, _ in decoded_frames(assets / "one-by-one-person-detection.mp4", 70, 3)
        if frame.header.index in boxes
    ]
    aisle, _ = next(decoded_frames(assets / "store-aisle-detection.mp4", 1, 1))
    found = Outcome((person(box=(0.51, 0.24, 0.67, 0.88)), person(box=(0.72, 0.32, 0.87, 1.0))))
    others = [vector(each) for each in embedding.run([aisle], found).detections or ()]
    alike = [float(np.dot(same[0].astype(float), each)) for each in (same[1], *others)]
    assert alike[0] > 0.85
    assert max(alike[1:]) < 0.8


def test_what_is_no_embedding_is_told(tmp_path: Path) -> None:
    constant_model(tmp_path / "m.onnx", np.zeros((1, 1)))
    with pytest.raises(ParamsInvalid, match="no vector") as raised:
        opened(Embedding, {"model": "m.onnx"}, [tmp_path])
    assert raised.value.path == "model"
    constant_model(tmp_path / "two.onnx", np.array([[3.0, 4.0]]))
    with pytest.raises(AlgorithmError, match="put it behind a detector"):
        opened(Embedding, {"model": "two.onnx"}, [tmp_path]).run([noise_frame(FRAME)], Outcome())
