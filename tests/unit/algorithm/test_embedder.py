"""Vectors of crops: who is alike, and what comes of models and boxes that are not as they should be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edged.algorithm import AlgorithmError, Context, Sessions
from edged.algorithm.embedder import Embedder
from edged.model.frame import FrameFormat
from tests.pictures import constant_model, decoded_frames, noise_frame

FRAME = FrameFormat(200, 100)


def context(folder: Path) -> Context:
    return Context("job", "gate", Sessions([folder]), lambda kind, fields: None)


def embedder(folder: Path, output: Any, **model: Any) -> Embedder:
    constant_model(folder / "m.onnx", np.array(output), **model)
    return Embedder.open(context(folder), "m.onnx")


def test_vectors_have_unit_length(tmp_path: Path) -> None:
    vectors = embedder(tmp_path, [[3.0, 4.0]]).embed(noise_frame(FRAME), [(0, 0, 0.5, 1), (0.5, 0, 1, 1)])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0.6, 0.8]], rtol=1e-6)


def test_no_boxes_give_no_vectors(tmp_path: Path) -> None:
    assert embedder(tmp_path, [[3.0, 4.0]]).embed(noise_frame(FRAME), []).shape == (0, 2)


def test_boxes_outside_or_without_size_are_looked_at_all_the_same(tmp_path: Path) -> None:
    odd = [(-1.0, -1.0, 0.2, 2.0), (0.5, 0.5, 0.5, 0.5), (0.9, 0.9, 0.1, 0.1), (1.5, 1.5, 2.0, 2.0)]
    assert embedder(tmp_path, [[3.0, 4.0]]).embed(noise_frame(FRAME), odd).shape == (4, 2)


def test_numbers_that_are_none_are_told(tmp_path: Path) -> None:
    with pytest.raises(AlgorithmError, match=r"m\.onnx returned NaN"):
        embedder(tmp_path, [[np.nan, 1.0]]).embed(noise_frame(FRAME), [(0, 0, 1, 1)])


@pytest.mark.parametrize("output", [np.zeros((1, 64, 20, 20)), np.zeros((1, 1))])
def test_a_model_without_vectors_is_refused(tmp_path: Path, output: Any) -> None:
    with pytest.raises(AlgorithmError, match="no vector"):
        embedder(tmp_path, output)


@pytest.mark.assets
def test_a_person_looks_like_itself_and_not_like_another(assets: Path) -> None:
    """The same person .9 and more, others .6 to .8: this model's vectors have much in common."""
    person = Embedder.open(context(assets), "person_reid_retail_0288.onnx")
    entrance = decoded_frames(assets / "one-by-one-person-detection.mp4", 70, 4)
    found = {70: (0.45, 0.21, 0.66, 1.0), 140: (0.5, 0.03, 0.68, 0.94)}
    one, again = (
        person.embed(frame, [found[frame.header.index]])[0]
        for frame, _ in entrance
        if frame.header.index in found
    )
    aisle, _ = next(decoded_frames(assets / "store-aisle-detection.mp4", 1, 1))
    left, right = person.embed(aisle, [(0.51, 0.24, 0.67, 0.88), (0.72, 0.32, 0.87, 1.0)])
    others = [one @ left, one @ right, again @ left, again @ right, left @ right]
    assert max(others) < 0.8
    assert one @ again > 0.85
