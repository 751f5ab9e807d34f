"""`edged analyze --record` on a disk that gets full: what stands is said, plays, and is gone on with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.analyses import AISLE, BOTTLES, analyze, films, lines
from tests.integration.films import read_film
from tests.integration.test_recording_trouble import command, small_disk

pytestmark = pytest.mark.assets

MOTION = ["--algorithm", "motion", "--interval", "0.2", "--then", "tracker", "--to", "12"]


@pytest.mark.parametrize("end", ["mp4", "mkv", "webm"])
def test_a_film_without_room_is_gone_on_with(assets: Path, tmp_path: Path, end: str) -> None:
    words = [*films(assets, BOTTLES), *MOTION]
    assert analyze(*words, "-o", tmp_path / "out.jsonl", "--record", tmp_path / f"out.{end}").returncode == 0
    whole, roomy = (tmp_path / "out.jsonl").read_bytes(), read_film(tmp_path / f"out.{end}")
    kilobytes = (tmp_path / f"out.{end}").stat().st_size // 2 // 1024
    with small_disk(tmp_path / "disk", f"{kilobytes}k") as disk:
        out, film, part = (disk / name for name in ("out.jsonl", f"out.{end}", f"out.part.{end}"))
        words += ["-o", str(out), "--record", str(film)]
        full = analyze(*words)
        assert full.returncode == 1
        said = re.search(
            rf"{re.escape(str(film))}: No space left on device; its first (.*) s play, in {part.name}:"
            r" make room, then go on with --resume\n", full.stderr,
        )  # fmt: skip
        assert said, full.stderr
        assert sorted(path.name for path in disk.iterdir()) == [out.name, f"{out.name}.resume", part.name]
        kept = read_film(part)
        assert kept.times[-1] == pytest.approx(float(said[1]), abs=0.1)
        pictures = dict(zip(roomy.times, roomy.pictures, strict=True))
        assert [pictures[time] for time in kept.times] == kept.pictures
        assert len(kept.pictures) > float(said[1]) * 29, "about 30 a second"
        assert whole.startswith(out.read_bytes())
        assert out.read_bytes().endswith(b"\n")
        command("mount", "-o", "remount,size=64m", str(disk))
        again = analyze(*words, "--resume")
        assert again.returncode == 0, again.stderr
        assert "done again from its beginning" in again.stderr
        assert sorted(path.name for path in disk.iterdir()) == [out.name, film.name]
        assert out.read_bytes() == whole
        assert read_film(film).pictures == roomy.pictures


def test_films_that_are_whole_stay_whole_and_are_not_done_again(assets: Path, tmp_path: Path) -> None:
    words = [*films(assets, AISLE, BOTTLES), *MOTION]
    assert analyze(*words, "--record", tmp_path / "films", "-o", tmp_path / "out.csv").returncode == 0
    first, second = (tmp_path / "films" / f"{name}.mp4" for name in (AISLE, BOTTLES))
    kilobytes = (first.stat().st_size + second.stat().st_size // 2) // 1024 + 16
    with small_disk(tmp_path / "disk", f"{kilobytes}k") as disk:
        words += ["--record", str(disk), "-o", str(disk / "out.csv")]
        full = analyze(*words)
        assert (full.returncode, f"{disk / second.name}: No space" in full.stderr) == (1, True), full.stderr
        assert len(read_film(disk / first.name).times) == len(read_film(first).times)
        command("mount", "-o", "remount,size=64m", str(disk))
        assert analyze(*words, "--resume").returncode == 0
        assert (disk / "out.csv").read_bytes() == (tmp_path / "out.csv").read_bytes()
        assert len(read_film(disk / second.name).times) == len(read_film(second).times)
        assert sorted(path.name for path in disk.iterdir()) == sorted([first.name, second.name, "out.csv"])


def test_results_that_go_out_say_to_begin_again(assets: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "128k") as disk:
        full = analyze(*films(assets, BOTTLES), *MOTION, "--record", disk / "out.mp4")
        assert full.returncode == 1
        assert "No space left on device" in full.stderr
        assert full.stderr.endswith(": make room, then begin again\n")
        assert all(line["source"] == BOTTLES for line in lines(full.stdout))
