"""What the daemon tells about itself."""

from __future__ import annotations

from pathlib import Path

from edged.app.reports import _models
from edged.model.fetching import ModelFile
from edged.model.messages import Library
from edged.planning.plan import Plan


def test_a_folder_that_cannot_be_read_takes_no_models_of_others_away(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").touch()
    (tmp_path / "b.txt").touch()
    too_long = f"/{'x' * 300}"  # stat(2) fails with what Path.glob does not expect
    library = Library(models=(too_long, str(tmp_path), str(tmp_path / "none")))
    assert _models(Plan(library=library)) == ("a.onnx",)


def test_models_that_a_spec_brings_are_told_when_they_are_there(tmp_path: Path) -> None:
    place = tmp_path / "people.onnx"
    plan = Plan(models={place.name: ModelFile(place.name, "http://h", "http://h", "0" * 64, str(place))})
    assert _models(plan) == ()
    place.touch()
    assert _models(plan) == ("people.onnx",)
