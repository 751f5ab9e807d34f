"""Fixtures that any test may ask for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real models and footage; skips, saying so, where there is none."""
    folder = Path(os.environ.get("EDGED_ASSETS", REPOSITORY.parent / "shared" / "assets"))
    if not (folder / "yolox_nano_416.onnx").is_file():
        pytest.skip(f"no real models and footage in {folder}: set EDGED_ASSETS")
    return folder
