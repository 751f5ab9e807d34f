from __future__ import annotations

from pathlib import Path

import pytest

from edged.algorithm import AlgorithmError
from edged.algorithm.coco import COCO_90_LABELS, COCO_LABELS
from edged.algorithm.labels import (
    MOST_CLASSES,
    label_ids,
    labels_for,
    metadata_labels,
    open_labels,
    read_labels,
)


@pytest.mark.parametrize(
    "text",
    [
        "{0: 'cat', 1: 'dog'}",
        '{"1": "dog", "0": "cat"}',
        "['cat', 'dog']",
        "cat,dog",
        "cat\ndog\n",
        " cat , dog ",
    ],
)
def test_the_models_own_labels_are_read(text: str) -> None:
    assert metadata_labels({"names": text}) == ("cat", "dog")


@pytest.mark.parametrize("metadata", [{}, {"names": ""}, {"names": "42"}])
def test_no_labels_in_the_model(metadata: dict[str, str]) -> None:
    assert metadata_labels(metadata) is None


def test_labels_given_come_first_then_the_models_then_coco() -> None:
    assert labels_for(2, ["a", "b"], ["c", "d"]) == ("a", "b")
    assert labels_for(2, None, ["c", "d"]) == ("c", "d")
    assert labels_for(80, None, ["c", "d"]) == COCO_LABELS
    assert labels_for(2, None, None) == ("class_0", "class_1")
    assert (len(COCO_LABELS), COCO_LABELS[39]) == (80, "bottle")


def test_as_many_labels_as_classes_are_wanted() -> None:
    with pytest.raises(AlgorithmError, match="1 names are given, the model has 2 classes"):
        labels_for(2, ["a"], None)


def test_labels_from_a_file_beside_the_models(tmp_path: Path) -> None:
    (tmp_path / "pets.txt").write_text("cat\n\ndog\n")
    assert read_labels("pets.txt", [tmp_path]) == ("cat", "dog")
    assert read_labels(["x"], []) == ("x",)
    with pytest.raises(AlgorithmError, match=r"did you mean 'pets\.txt'") as raised:
        read_labels("pest.txt", [tmp_path])
    assert raised.value.code == "model_not_found"


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret.txt", "sub/x.txt"])
def test_no_other_file_is_ever_read_as_labels(tmp_path: Path, name: str) -> None:
    with pytest.raises(AlgorithmError) as raised:
        read_labels(name, [tmp_path])
    assert raised.value.code == "not_allowed"


def test_only_known_labels_can_be_asked_for() -> None:
    assert label_ids(["person", "dog"], COCO_LABELS) == {0, 16}
    with pytest.raises(AlgorithmError, match="knows no 'persn': did you mean 'person'"):
        label_ids(["persn"], COCO_LABELS)


@pytest.mark.parametrize("name", ["edged.yaml", "model.onnx", "names", ".env", "names.txt.bak"])
def test_names_come_from_no_other_kind_of_file(tmp_path: Path, name: str) -> None:
    """The folder of the settings is a model folder by default."""
    (tmp_path / name).write_text("password")
    with pytest.raises(AlgorithmError, match=r"ends with \.txt") as raised:
        read_labels(name, [tmp_path])
    assert raised.value.code == "not_allowed"


def test_labels_of_a_model_that_does_not_tell_their_number() -> None:
    assert open_labels(["a", "b"], ["x"], COCO_LABELS) == ("a", "b")
    assert open_labels(None, ["x"], COCO_LABELS)[:3] == ("x", "class_1", "class_2")
    known = open_labels(None, None, COCO_LABELS)
    assert (known[0], known[79], known[80], len(known)) == ("person", "toothbrush", "class_80", MOST_CLASSES)


def test_cocos_90_numbers_have_gaps() -> None:
    assert len(COCO_90_LABELS) == 90
    named = {1: "person", 13: "stop sign", 18: "dog", 44: "bottle", 62: "chair", 77: "cell phone"}
    assert {number: COCO_90_LABELS[number - 1] for number in named} == named
    assert COCO_90_LABELS[-1] == "toothbrush"
    assert set(COCO_LABELS) < set(COCO_90_LABELS)
