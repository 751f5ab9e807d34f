"""What the daemon tells about itself."""

from __future__ import annotations

from pathlib import Path

from edged.app.reports import _models


def test_a_folder_that_cannot_be_read_takes_no_models_of_others_away(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").touch()
    (tmp_path / "b.txt").touch()
    too_long = f"/{'x' * 300}"  # stat(2) fails with what Path.glob does not expect
    assert _models((too_long, str(tmp_path), str(tmp_path / "none"))) == ("a.onnx",)
