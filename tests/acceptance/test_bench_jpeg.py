"""`edged bench jpeg`: its tables, on a small part of what docs/bandwidth.md was made with; and that page."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "bandwidth.md"
QUALITIES = list(range(20, 101, 10))


def bench(*words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "edged", "bench", "jpeg", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


def tables(text: str) -> Iterator[list[list[str]]]:
    """The cells of each table's rows, without its head."""
    for lines in re.findall(r"\|---.*\n((?:\|.*\n)+)", text):
        yield [[cell.strip() for cell in row.strip("|").split("|")] for row in lines.splitlines()]


def check_bytes(rows: list[list[str]]) -> None:
    """More quality takes more bytes; more colours do, too; least and most are around the mean."""
    sizes = [[[int(number) for number in re.findall(r"\d+", row[place])] for place in (1, 3)] for row in rows]
    for half, full in sizes:
        assert half[1] <= half[0] <= half[2]
        assert half[0] < full[0]
    for place in (0, 1):
        means = [row[place][0] for row in sizes]
        assert means == sorted(set(means))
    assert all(float(row[place]) > 0 for row in rows for place in (2, 4))


def test_bytes_of_made_pictures_without_footage_or_model(tmp_path: Path) -> None:
    out = tmp_path / "table.md"
    done = bench("--quality", "80,20,100", "--frames", "2", "--out", str(out))
    assert out.read_text() == done.stdout
    assert "2 made pictures" in done.stdout
    assert "No --model was given" in done.stdout
    [rows] = tables(done.stdout)
    assert [row[0] for row in rows] == ["20", "80", "100"]
    check_bytes(rows)


def test_what_models_find_again_in_footage(assets: Path) -> None:
    models = [str(assets / name) for name in ("yolox_nano_416.onnx", "yunet_n_320.onnx")]
    footage = [str(assets / name) for name in ("pedestrians.jpg", "one-by-one-person-detection.mp4")]
    words = [*footage, "--model", models[0], "--model", models[1], "--frames", "3", "--quality", "5,95"]
    text = bench(*words).stdout
    assert "4 frames of pedestrians.jpg, one-by-one-person-detection.mp4" in text
    of_bytes, *of_models = tables(text)
    check_bytes(of_bytes)
    assert len(of_models) == len(models)
    for rows in of_models:
        bad, good = ([int(row[place].rstrip("%")) for place in (1, 2)] for row in rows)
        assert good[0] > bad[0], "a picture of next to no quality shows less"
        assert good[1] >= 90
        for row in rows:
            assert int(row[1].rstrip("%")) <= int(row[2].rstrip("%")) <= 100


def test_mistakes_are_told_before_anything_is_measured(tmp_path: Path) -> None:
    missing = bench("nothing.mp4", "--model", "none.onnx", code=1).stderr
    assert "nothing.mp4, none.onnx" in missing
    assert "1 to 100" in bench("--quality", "0,50", code=2).stderr
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    assert "text.jpg cannot be read as a picture" in bench(str(text), code=1).stderr


def test_a_model_that_finds_no_boxes_is_refused(assets: Path) -> None:
    assert "finds no boxes" in bench("--model", str(assets / "mnist.onnx"), code=1).stderr


@pytest.mark.parametrize("table", range(5))
def test_the_page_has_whole_tables(table: int) -> None:
    rows = list(tables(PAGE.read_text()))[table]
    assert [int(row[0]) for row in rows] == QUALITIES
    if table in (0, 4):
        check_bytes(rows)
