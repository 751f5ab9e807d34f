"""The catalogue says of real files what they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edged.modelstore.catalogue import catalogue, known_as, of_file
from edged.modelstore.hashing import sha256_of


@pytest.mark.parametrize("name", catalogue())
def test_every_entry_can_be_relied_on(name: str) -> None:
    model = catalogue()[name]
    assert re.fullmatch(r"[0-9a-f]{64}", model.sha256)
    assert re.fullmatch(
        r"https://raw\.githubusercontent\.com/[\w.-]+/[\w.-]+/[0-9a-f]{40}/\S+\.onnx", model.url
    )
    assert re.fullmatch(r"[\w.-]+\.onnx", model.file)
    assert model.licence
    assert known_as(model.sha256) is model
    assert of_file(model.file) is model


@pytest.mark.assets
def test_real_files_are_known(assets: Path) -> None:
    for path in assets.glob("*.onnx"):
        model = known_as(sha256_of(path))
        assert model is not None
        assert (model.file, model.size_bytes) == (path.name, path.stat().st_size)
