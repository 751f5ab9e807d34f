"""From a job's spec to a chain: what its links may open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edged.model.messages import JobSpec, Library, LinkSpec
from edged.model.sampling import Sampling
from edged.worker.opening import Opener, OpenFailed

ASKS = """
from edged import BaseAlgo

class Asks(BaseAlgo):
    def init(self, model, way="model"):
        ask = self.model if way == "model" else self._context.sessions.get
        ask(model)
    def run(self, frames):
        return {}
"""


@pytest.fixture
def opener(tmp_path: Path) -> Opener:
    for folder in ("algos", "models", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "algos" / "asks.py").write_text(ASKS)
    (tmp_path / "elsewhere" / "m.onnx").write_text("no model")
    return Opener(Library((str(tmp_path / "algos"),), (str(tmp_path / "models"),)))


def refusal(opener: Opener, *chain: LinkSpec) -> OpenFailed:
    with pytest.raises(OpenFailed) as caught:
        opener.open(JobSpec("j", ("cam",), chain, Sampling()), "cam")
    return caught.value


@pytest.mark.parametrize("way", ["model", "sessions"])
def test_params_from_the_network_open_no_model_elsewhere(opener: Opener, tmp_path: Path, way: str) -> None:
    model = str(tmp_path / "elsewhere" / "m.onnx")
    params: dict[str, Any] = {"model": model, "way": way}
    failed = refusal(opener, LinkSpec("asks", params, files=()))
    assert (failed.code, failed.path) == ("not_allowed", "params.model")
    for files in (None, (model,)):  # it is opened, and no model
        assert refusal(opener, LinkSpec("asks", params, files=files)).code == "algorithm_failed"


def test_what_one_link_may_another_may_not(opener: Opener, tmp_path: Path) -> None:
    model = str(tmp_path / "elsewhere" / "m.onnx")
    failed = refusal(opener, LinkSpec("motion", files=(model,)), LinkSpec("asks", {"model": model}, files=()))
    assert (failed.code, failed.path) == ("not_allowed", "then.0.params.model")


def test_the_detector_asks_in_the_same_way(opener: Opener, tmp_path: Path) -> None:
    failed = refusal(
        opener, LinkSpec("detector", {"model": str(tmp_path / "elsewhere" / "m.onnx")}, files=())
    )
    assert (failed.code, failed.path) == ("not_allowed", "params.model")
    names = LinkSpec(
        "detector", {"model": "x.onnx", "names": str(tmp_path / "elsewhere" / "n.txt")}, files=()
    )
    failed = refusal(opener, names)
    assert (failed.code, failed.path) == ("not_allowed", "params.names")


@pytest.mark.parametrize(
    "name",
    [
        "os:system",
        "os.path:x",
        "../asks",
        "algos.detector",
        "/tmp/x",
        "asks.py",
        "_asks",
        "asks:_X",
        "a b:C",
        "",
    ],
)
def test_nothing_is_imported_from_outside_the_allowed_folders(opener: Opener, name: str) -> None:
    assert refusal(opener, LinkSpec(name)).code in ("not_allowed", "algorithm_not_found")
