from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edged.model.messages import Library
from edged.offline.looking.look import look_at
from edged.offline.looking.recognition import KINDS, LINKS, RAW, recognise
from edged.worker.opening import Opener
from tests.pictures import constant_model


def takers(
    folder: Path, shape: tuple[int, ...], size: tuple[object, ...], metadata: dict[str, str]
) -> list[str]:
    """The algorithms that take a model which returns an array of this shape, in order."""
    numbers = np.random.default_rng(0).random(shape)
    constant_model(folder / "m.onnx", numbers, input_shape=size, metadata=metadata)  # type: ignore[arg-type]
    opener = Opener(Library((str(LINKS),), (str(folder),)))
    found = []
    for verdict in recognise(look_at(opener.sessions.get("m.onnx")), opener, {"model": "m.onnx"}):
        if verdict.chain is not None:
            verdict.chain.close()
            found.append(verdict.card.algorithm)
    return found


@pytest.mark.parametrize(
    ("shape", "size", "metadata", "first"),
    [
        ((1, 84, 8400), (1, 3, 640, 640), {}, "detector"),
        ((1, 84, 8400), ("batch", 3, "height", "width"), {}, "detector"),
        ((1, 25200, 85), (1, 3, 640, 640), {}, "detector"),
        ((1, 300, 6), (1, 3, 640, 640), {}, "detector"),
        ((1, 56, 8400), (1, 3, 640, 640), {"kpt_shape": "[17, 3]", "task": "pose"}, "keypoints"),
        ((1, 17, 64, 48), (1, 3, 256, 192), {}, "keypoints"),
        ((1, 1, 17, 3), (1, 192, 192, 3), {}, "keypoints"),
        ((1, 21, 520, 520), (1, 3, 520, 520), {}, "segmentation"),
        ((1, 19, 128, 256), (1, 3, 512, 1024), {}, "segmentation"),
        ((1, 1000), (1, 3, 224, 224), {}, "classifier"),
        ((1, 7), (1, 1, 48, 48), {}, "classifier"),
        ((1, 512), (1, 3, 256, 128), {}, "embedding"),
        ((1, 128), (1, 3, 64, 64), {"names": str([f"c{n}" for n in range(128)])}, "classifier"),
        ((1, 1, 3, 1, 5), (1, 3, 32, 32), {}, RAW),
    ],
)
def test_a_family_of_models_is_taken_by_the_algorithm_that_is_made_for_it(
    tmp_path: Path, shape: tuple[int, ...], size: tuple[object, ...], metadata: dict[str, str], first: str
) -> None:
    assert takers(tmp_path, shape, size, metadata)[0] == first


def test_every_row_of_the_table_is_an_algorithm_that_there_is() -> None:
    catalogue = Opener(Library()).catalogue
    for kind in KINDS:
        assert catalogue.find(kind.algorithm)
