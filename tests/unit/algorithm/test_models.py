"""Which file a model's name means."""

from __future__ import annotations

from pathlib import Path

import pytest

from edged.algorithm.models import find_model
from edged.errors import AlgorithmError


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "mine", tmp_path / "shared"]
    for folder in made:
        folder.mkdir()
    return made


def test_the_first_folder_that_has_it_counts(folders: list[Path]) -> None:
    for folder in folders:
        (folder / "a.onnx").touch()
    (folders[1] / "b.onnx").touch()
    assert find_model("a.onnx", folders) == folders[0] / "a.onnx"
    assert find_model("b.onnx", folders) == folders[1] / "b.onnx"


def test_a_link_may_lead_from_one_folder_to_another_and_no_further(folders: list[Path]) -> None:
    (folders[1] / "b.onnx").touch()
    (folders[0] / "link.onnx").symlink_to(folders[1] / "b.onnx")
    assert find_model("link.onnx", folders) == folders[1] / "b.onnx"
    with pytest.raises(AlgorithmError, match="leads out of the model folders") as caught:
        find_model("link.onnx", folders[:1])
    assert caught.value.code == "not_allowed"


def test_a_linked_folder_leads_no_further_either(folders: list[Path]) -> None:
    (folders[1] / "b.onnx").touch()
    (folders[0] / "deep").symlink_to(folders[1])
    with pytest.raises(AlgorithmError, match="leads out"):
        find_model("deep/b.onnx", folders[:1])


def test_a_folder_that_is_a_link_itself_is_one(folders: list[Path], tmp_path: Path) -> None:
    (folders[0] / "a.onnx").touch()
    (tmp_path / "models").symlink_to(folders[0])
    assert find_model("a.onnx", [tmp_path / "models"]) == folders[0] / "a.onnx"


@pytest.mark.parametrize("name", ["../shared/b.onnx", "x/../../shared/b.onnx"])
def test_a_relative_path_leads_nowhere_else(folders: list[Path], name: str) -> None:
    (folders[1] / "b.onnx").touch()
    with pytest.raises(AlgorithmError, match="leads out") as caught:
        find_model(name, folders[:1])
    assert caught.value.code == "not_allowed"


def test_params_from_the_network_name_no_other_absolute_path_than_the_file_does(folders: list[Path]) -> None:
    inside, outside, link = folders[0] / "a.onnx", folders[1] / "b.onnx", folders[0] / "link.onnx"
    inside.touch()
    outside.touch()
    link.symlink_to(outside)
    up = f"{folders[0]}/../{folders[1].name}/b.onnx"
    for name in (str(outside), str(link), up, "/etc/passwd", str(folders[1] / "none.onnx")):
        with pytest.raises(AlgorithmError, match="lies outside the model folders") as caught:
            find_model(name, folders[:1], files=())
        assert caught.value.code == "not_allowed"
    assert find_model(str(inside), folders[:1], files=()) == inside
    assert find_model("a.onnx", folders[:1], files=()) == inside
    assert find_model(str(outside), folders[:1], files=(str(outside),)) == outside
    with pytest.raises(AlgorithmError):
        find_model(up, folders[:1], files=(str(outside),))


def test_an_absolute_path_may_be_anywhere(folders: list[Path]) -> None:
    (folders[1] / "b.onnx").touch()
    assert find_model(str(folders[1] / "b.onnx"), folders[:1]) == folders[1] / "b.onnx"


def test_a_name_that_is_brought_means_that_file(folders: list[Path], tmp_path: Path) -> None:
    brought = tmp_path / "store" / "a.onnx"
    names = {"a.onnx": str(brought)}
    with pytest.raises(AlgorithmError, match="not on this device yet") as caught:
        find_model("a.onnx", folders, files=(), brought=names)
    assert caught.value.code == "model_not_found"
    brought.parent.mkdir()
    brought.write_bytes(b"")
    assert find_model("a.onnx", folders, files=(), brought=names) == brought
    (folders[1] / "b.onnx").touch()
    assert find_model("b.onnx", folders, brought=names) == folders[1] / "b.onnx"
