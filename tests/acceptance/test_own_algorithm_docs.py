"""docs/own-algorithm.md does what it says: its files are written, checked and run on real frames."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algos.detector import Detector
from edged.algorithm import Frame
from edged.algorithm.coco import COCO_LABELS
from edged.model.detection import Outcome
from edged.planning.plan import make_plan
from edged.settings import load_settings
from edged.worker.chain import Chain, Emitted
from edged.worker.encoding import Latency, Origin, encode_result
from edged.worker.opening import Opener
from tests.pages import blocks, differences
from tests.pictures import decoded_frames, opened

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "own-algorithm.md"
SHELF, AISLE = "bottle-detection.mp4", "store-aisle-detection.mp4"
BLOCKS = blocks(PAGE)
FILES = {
    name[1]: block
    for block in BLOCKS
    if block.language in ("python", "yaml") and (name := re.match(r"# (\S+\.(?:py|yaml))\n", block.text))
}

pytestmark = pytest.mark.assets


@dataclass(frozen=True)
class Place:
    """The folder that the page speaks of."""

    folder: Path

    def edged(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "edged", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def chain(self, job: str) -> Chain:
        """As the worker opens it."""
        plan = make_plan(load_settings(self.folder / "gate.yaml"), self.folder)
        spec = plan.jobs[job].spec
        return Opener(plan.library).open(spec, spec.sources[0])

    def frames(self, video: str, step: int, most: int) -> list[Frame]:
        return [frame for frame, _ in decoded_frames(self.folder / video, step, most)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, assets: Path) -> Place:
    folder = tmp_path_factory.mktemp("own")
    for name, block in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(block.text)
    (folder / "models").mkdir()
    for model in ("deeplab_v3_257", "yolox_nano_416", "fastestdet_352"):
        shutil.copy(assets / f"{model}.onnx", folder / "models")
    (folder / "models" / "coco.txt").write_text("\n".join(COCO_LABELS))
    for video in (SHELF, AISLE):
        (folder / video).symlink_to(assets / video)
    return Place(folder)


def run_over(chain: Chain, frames: list[Frame]) -> tuple[list[Outcome], list[Emitted]]:
    outcomes: list[Outcome] = []
    events: list[Emitted] = []
    for frame in frames:
        outcomes.append(chain.run([frame]))
        events += chain.emissions.take()
    chain.close()
    return outcomes, events


def shown_after(name: str) -> Any:
    """What the page shows of the results of a file."""
    (block,) = [other for other in BLOCKS if other.follows is FILES[name] and other.language == "json"]
    return json.loads(block.text)


def assert_as_shown(name: str, outcome: Outcome, frame: Frame) -> None:
    payload = encode_result(
        Origin("gate-01", "job", "aisle", "boot"), 1, frame.header, Latency(0, 0, 0), outcome
    )
    result = json.loads(payload)
    came = {key: result[key] for key in ("detections", "data")}
    assert not list(differences(shown_after(name), came, frozenset()))


def test_all_that_is_code_on_the_page_is_tried() -> None:
    code = [block for block in BLOCKS if block.language in ("python", "yaml")]
    assert code == list(FILES.values())
    assert set(FILES) == {
        "gate.yaml", "algos/shelf.py", "algos/shelf_fast.py", "algos/spacing.py", "algos/fastest.py",
    }  # fmt: skip


def test_check_accepts_the_page_and_tells_the_line_of_what_is_wrong(place: Place) -> None:
    checked = place.edged("check", "gate.yaml")
    assert (checked.returncode, checked.stdout) == (0, "OK: 2 sources, 4 jobs\n"), checked.stderr
    text = (place.folder / "gate.yaml").read_text()
    (place.folder / "wrong.yaml").write_text(text.replace(".onnx, low: 0.08", ".onnx, low: 7"))
    wrong = place.edged("check", "wrong.yaml")
    assert wrong.returncode == 1
    assert re.match(r"wrong\.yaml:11:\d+: spec\.jobs\.shelf-fast\.params\.low: ", wrong.stderr), wrong.stderr
    told = place.edged("algos", "shelf_fast", "-c", "gate.yaml")
    assert "share of the picture below which it is running low" in told.stdout


def test_events_of_the_page_are_declared_and_a_name_that_is_none_of_them_is_refused(place: Place) -> None:
    for name in ("shelf", "shelf_fast"):
        told = place.edged("algos", name, "-c", "gate.yaml").stdout
        assert re.search(r"shelf_low +it ", told)
        assert re.search(r"shelf_filled +it was filled", told)
    text = (place.folder / "gate.yaml").read_text()
    low = "algorithm: shelf, "
    (place.folder / "vain.yaml").write_text(text.replace(low, f"{low}record: {{on: [shelf_lo]}}, "))
    vain = place.edged("check", "vain.yaml")
    assert vain.returncode == 1
    said = r"vain\.yaml:10:\d+: spec\.jobs\.shelf\.record\.on\.0: .*did you mean \"shelf_low\"\?"
    assert re.match(said, vain.stderr), vain.stderr


def test_both_ways_see_the_same_and_say_so(place: Place) -> None:
    frames = place.frames(SHELF, 30, 40)
    short, said = run_over(place.chain("shelf"), frames)
    rich, also_said = run_over(place.chain("shelf-fast"), frames)
    filled, also_filled = ([outcome.data["filled"] for outcome in outcomes] for outcomes in (short, rich))
    assert np.allclose(filled, also_filled, atol=0.02)
    assert filled[0] > 0.1 > min(filled)
    for events in (said, also_said):
        kinds = [kind for kind, _ in events]
        assert kinds[:2] == ["shelf_low", "shelf_filled"]
    assert len(said) >= len(also_said), "what does not last is not told"
    assert_as_shown("algos/shelf.py", short[0], frames[0])


def test_state_does_not_reach_over_an_epoch(place: Place) -> None:
    chain = place.chain("shelf-fast")
    frames = place.frames(SHELF, 30, 40)
    times = [told_after(chain, frames, epoch) for epoch in (1, 2)]
    chain.close()
    assert times[0] == times[1]


def told_after(chain: Chain, frames: list[Frame], epoch: int) -> int:
    """In which frame of the epoch it first says something."""
    for number, frame in enumerate(frames):
        chain.run([Frame(replace(frame.header, epoch=epoch), frame.pixels)])
        if chain.emissions.take():
            return number
    raise AssertionError("it said nothing")


def test_a_link_of_a_chain_marks_what_was_found(place: Place) -> None:
    frames = place.frames(AISLE, 6, 10)
    outcomes, _ = run_over(place.chain("spacing"), frames)
    assert max(outcome.data["near"] for outcome in outcomes) >= 2
    seen = next(number for number, outcome in enumerate(outcomes) if outcome.data["near"])
    assert_as_shown("algos/spacing.py", outcomes[seen], frames[seen])


def test_an_own_head_finds_what_the_built_in_one_does(place: Place) -> None:
    frames = place.frames(AISLE, 6, 10)
    own, _ = run_over(place.chain("people"), frames)
    params = {"model": "fastestdet_352.onnx"}
    built_in = opened(Detector, params, [place.folder / "models"])
    found = 0
    for frame, outcome in zip(frames, own, strict=True):
        wanted = built_in.run([frame], Outcome()).detections or ()
        assert [one.label for one in outcome.detections or ()] == [one.label for one in wanted]
        for one, other in zip(outcome.detections or (), wanted, strict=True):
            assert np.allclose(one.box, other.box, atol=0.005)
            assert abs(one.score - other.score) < 0.005
            found += 1
    assert found >= 10


@pytest.mark.parametrize("job", ["shelf", "shelf-fast"])
def test_what_it_draws_is_where_it_should_be(place: Place, job: str) -> None:
    chain = place.chain(job)
    frame = place.frames(SHELF, 1, 1)[0]
    outcome = chain.run([frame])
    picture = frame.bgr()
    before = picture.copy()
    chain.draw(picture, outcome)
    chain.close()
    changed = (picture != before).any(axis=2)
    columns = np.flatnonzero(changed.any(axis=0))
    assert abs(columns[-1] / picture.shape[1] - float(outcome.data["filled"])) < 0.01
    assert not changed[picture.shape[0] // 20 :].any()
