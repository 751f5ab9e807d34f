"""From a job's spec to a chain: what its links may open."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edged.model.frame import FrameFormat
from edged.model.messages import JobSpec, Library, LinkSpec
from edged.model.sampling import Sampling
from edged.worker.opening import Opener, OpenFailed
from tests.pictures import constant_model, noise_frame

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
def opener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opener:
    monkeypatch.setattr(sys, "path", list(sys.path))  # its folder does not stay importable
    for folder in ("algos", "models", "elsewhere"):
        (tmp_path / folder).mkdir()
    (tmp_path / "algos" / "asks.py").write_text(ASKS)
    (tmp_path / "elsewhere" / "m.onnx").write_text("no model")
    return Opener(Library((str(tmp_path / "algos"),), (str(tmp_path / "models"),)))


def refusal(opener: Opener, *chain: LinkSpec) -> OpenFailed:
    with pytest.raises(OpenFailed) as caught:
        opener.open(JobSpec("j", ("cam",), chain, Sampling()), "cam")
    return caught.value


PARSER = """
def boxes(outputs, width, height, score):
    return [[0, 0, width, height]], [float(outputs[0].max())], [1]

def late(outputs, width, height, score):
    return [[0, 0, width, height]]
"""


def test_a_detector_takes_a_function_of_an_allowed_folder_as_its_head(opener: Opener, tmp_path: Path) -> None:
    (tmp_path / "algos" / "parser.py").write_text(PARSER)
    answer = np.full((1, 3, 2, 2), 0.75, dtype=np.float32)
    constant_model(tmp_path / "models" / "odd.onnx", answer)
    params = {"model": "odd.onnx", "head": "parser:boxes", "names": ["cat", "dog"]}
    chain = opener.open(JobSpec("j", ("cam",), (LinkSpec("detector", params),), Sampling()), "cam")
    (found,) = chain.run([noise_frame(FrameFormat(64, 64))]).detections or ()
    assert (found.label, found.score, found.box) == ("dog", 0.75, (0, 0, 1, 1))


@pytest.mark.parametrize(
    ("head", "code", "message"),
    [
        ("parser:boxs", "algorithm_not_found", "did you mean 'parser:boxes'"),
        ("absent:boxes", "algorithm_not_found", "there is no absent.py"),
        ("/tmp/parser:boxes", "not_allowed", "file:function"),
        ("parser:late", "algorithm_failed", "head parser:late returned 1 parts"),
    ],
)
def test_a_head_that_cannot_be_is_told_when_the_job_is_proved(
    opener: Opener, tmp_path: Path, head: str, code: str, message: str
) -> None:
    (tmp_path / "algos" / "parser.py").write_text(PARSER)
    constant_model(tmp_path / "models" / "odd.onnx", np.zeros((1, 3, 2, 2), dtype=np.float32))
    failed = refusal(opener, LinkSpec("detector", {"model": "odd.onnx", "head": head}))
    assert failed.path == "params.head"
    assert failed.code == code
    assert message in str(failed)


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
