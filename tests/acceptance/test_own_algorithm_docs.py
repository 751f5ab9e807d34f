"""docs/own-algorithm.md does what it says: its files are written, checked and run on real frames."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edged.algorithm import Frame
from edged.control.plan import make_plan
from edged.model.detection import Outcome
from edged.settings import load_settings
from edged.worker.chain import Chain, Emitted
from edged.worker.encoding import Latency, Origin, encode_result
from edged.worker.opening import Opener
from tests.pages import Block, blocks, differences
from tests.pictures import decoded_frames

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "own-algorithm.md"
FOOTAGE = "store-aisle-detection.mp4"
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

    def chain(self, job: str, params: Mapping[str, Any] | None = None) -> Chain:
        """As the worker opens it."""
        plan = make_plan(load_settings(self.folder / "gate.yaml"), self.folder)
        return Opener(plan.library).open(plan.jobs[job].spec, "aisle")

    def frames(self, step: int = 6, most: int = 10) -> list[Frame]:
        return [frame for frame, _ in decoded_frames(self.folder / FOOTAGE, step, most)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, assets: Path) -> Place:
    folder = tmp_path_factory.mktemp("own")
    for name, block in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(block.text)
    (folder / "models").symlink_to(assets)
    (folder / FOOTAGE).symlink_to(assets / FOOTAGE)
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
    payload = encode_result(Origin("gate-01", "job", "aisle", "boot"), 1, frame.header, Latency(0, 0, 0), outcome)
    result = json.loads(payload)
    came = {key: result[key] for key in ("detections", "data")}
    assert not list(differences(shown_after(name), came, frozenset()))


def test_all_that_is_code_on_the_page_is_tried() -> None:
    named = {block.text for block in FILES.values()}
    assert [block.line for block in BLOCKS if block.language in ("python", "yaml") and block.text not in named] == []
    assert set(FILES) == {
        "gate.yaml", "algos/crowd.py", "algos/crowd_fast.py", "algos/spacing.py", 
    }  # fmt: skip


def test_check_accepts_the_page_and_tells_the_line_of_what_is_wrong(place: Place) -> None:
    checked = place.edged("check", "gate.yaml")
    assert checked.returncode == 0, checked.stderr
    assert "4 jobs" in checked.stdout or "3 jobs" in checked.stdout
    text = (place.folder / "gate.yaml").read_text()
    (place.folder / "wrong.yaml").write_text(
        text.replace("model: deeplab_v3_257.onnx, limit: 0.05", "limit: 7")
    )
    wrong = place.edged("check", "wrong.yaml")
    assert wrong.returncode == 1
    assert re.search(r"wrong\.yaml:\d+:\d+: spec\.jobs\.crowd-fast\.params\.limit: ", wrong.stderr), wrong.stderr
    told = place.edged("algos", "crowd_fast", "-c", "gate.yaml")
    assert "share of the picture that is a crowd" in told.stdout


def test_both_ways_see_the_same_and_say_so(place: Place) -> None:
    frames = place.frames()
    short, said = run_over(place.chain("crowd"), frames)
    rich, also_said = run_over(place.chain("crowd-fast"), frames)
    shares = [[outcome.data["share"] for outcome in outcomes] for outcomes in (short, rich)]
    assert np.allclose(*shares, atol=0.02), shares
    assert max(shares[0]) > 0.05
    assert [kind for kind, _ in said][:1] == [kind for kind, _ in also_said][:1] == ["crowded"]
    seen = next(number for number, outcome in enumerate(short) if outcome.detections)
    assert_as_shown("algos/crowd.py", short[seen], frames[seen])


def test_state_does_not_reach_over_an_epoch(place: Place) -> None:
    chain = place.chain("crowd-fast")
    frames = place.frames(most=2)
    for _ in range(2):
        chain.run([frames[0]])
        assert [kind for kind, _ in chain.emissions.take()] == ["crowded"]
        chain.run([frames[1]])
        assert not chain.emissions.take()
        chain.restart()
    chain.close()


def test_a_link_of_a_chain_marks_what_was_found(place: Place) -> None:
    frames = place.frames()
    outcomes, _ = run_over(place.chain("spacing"), frames)
    assert max(outcome.data["near"] for outcome in outcomes) >= 2
    seen = next(number for number, outcome in enumerate(outcomes) if outcome.data["near"])
    assert_as_shown("algos/spacing.py", outcomes[seen], frames[seen])


@pytest.mark.parametrize("job", ["crowd", "crowd-fast"])
def test_what_it_draws_is_where_it_should_be(place: Place, job: str) -> None:
    chain = place.chain(job)
    frame = place.frames(most=1)[0]
    outcome = chain.run([frame])
    picture = frame.bgr()
    before = picture.copy()
    chain.draw(picture, outcome)
    chain.close()
    changed = (picture != before).any(axis=2)
    share = float(outcome.data["share"])
    columns = np.flatnonzero(changed.any(axis=0))
    assert abs(columns[-1] / picture.shape[1] - share) < 0.01
    assert not changed[picture.shape[0] // 20 :].any()
