"""Every command in docs/offline.md is run, in its order, and does what the page says."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import av
import pytest

from edged.offline.sinks.rows import COLUMNS
from tests.footage import cut
from tests.pages import blocks, named_in

pytestmark = pytest.mark.assets
ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "offline.md"
CONFIG = """\
device: gate-01
models: [.]
spec:
  sources:
    aisle: {url: aisle.mp4, zones: {left: [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}}
  jobs:
    people:
      algorithm: detector
      params: {model: yolox_nano_416.onnx, labels: [person]}
      sampling: {interval: 0.2}
      then: [{algorithm: tracker}, {algorithm: zones}]
    moving: {algorithm: motion}
"""


@pytest.fixture
def place(assets: Path, tmp_path: Path) -> Path:
    """The folder that the page speaks of."""
    shutil.copy(assets / "yolox_nano_416.onnx", tmp_path)
    shutil.copy(assets / "store-aisle-detection.mp4", tmp_path / "aisle.mp4")
    cut(assets / "bottle-detection.mp4", tmp_path / "gate.mp4", 0, 8)
    (tmp_path / "gate.yaml").write_text(CONFIG)
    (tmp_path / "bin").mkdir()
    for name, words in {"edged": f"{sys.executable} -m edged", "python": sys.executable}.items():
        program = tmp_path / "bin" / name
        program.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        program.chmod(0o755)
    return tmp_path


def test_commands_of_the_page_do_what_it_says(place: Path) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("ray")
    path = f"{place / 'bin'}:{os.environ['PATH']}"
    for block in (block for block in blocks(PAGE) if block.language == "sh"):
        for command in block.text.splitlines():
            done = subprocess.run(
                ["bash", "-c", command], cwd=place, capture_output=True, text=True, timeout=120, check=False,
                env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
            )  # fmt: skip
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            assert done.stdout or " -o " in command, command
            (place / "told").open("a").write(done.stdout)
    told = (place / "told").read_text()
    assert "0 object_start\n" in told
    assert "'label': 'bottle'" in told
    with (place / "tracks.csv").open(newline="") as file:
        assert {row["label"] for row in csv.DictReader(file)} >= {"bottle"}
    assert {path.name for path in (place / "results").iterdir()} == {"gate.jsonl", "aisle.jsonl"}
    jobs = {json.loads(line)["job"] for line in (place / "people.jsonl").read_text().splitlines()}
    assert jobs == {"people"}
    assert (place / "drawn.mp4").stat().st_size > 10_000
    assert {path.name for path in (place / "films").iterdir()} == {"gate.mp4", "aisle.mp4"}
    assert not list(place.rglob("*.resume"))
    assert {json.loads(line)["source"] for line in (place / "spread.jsonl").read_text().splitlines()} == {
        "gate",
        "aisle",
    }


def test_programs_of_the_page_do_what_it_says(place: Path) -> None:
    programs = [block.text for block in blocks(PAGE) if block.language == "python"]
    told = [
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=place, capture_output=True, text=True, timeout=120, check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        for program in programs
    ]  # fmt: skip
    assert [(done.returncode, done.stderr) for done in told] == [(0, "")] * 2
    assert "object_start 1" in told[0].stdout
    assert int(told[0].stdout.splitlines()[-1].split()[0]) >= 2, "two or three people are in it"
    with av.open(str(place / "captioned.mp4")) as film, av.open(str(place / "aisle.mp4")) as video:
        assert film.streams.video[0].frames == video.streams.video[0].frames


def test_every_column_is_on_the_page() -> None:
    assert set(COLUMNS) <= named_in(PAGE, "Where results go")
