"""A disk that gets full in the middle of a film: what it took plays, and the error says so."""

from __future__ import annotations

from pathlib import Path

import pytest

import edged
from edged.offline.films.film_cut import FilmCut
from tests.integration.clips import Clip, make_clip
from tests.integration.films import read_film
from tests.integration.offline_rig import own_threads
from tests.integration.test_recording_trouble import small_disk

FRAGMENT_S = 2.0
JOB = {"algorithm": "motion"}
ENDS = ["mp4", "mkv", "webm"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 s; a film of it has about 250 KB."""
    return make_clip(tmp_path_factory.mktemp("clips") / "walk.mp4", Clip(frames=600, size=(320, 240)))


def cut_film(clip: Path, output: Path) -> FilmCut:
    with pytest.raises(FilmCut) as raised:
        list(edged.analyze(clip, JOB, record=output))
    assert not own_threads()
    return raised.value


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kilobytes", [64, 128])
def test_what_the_disk_took_plays(tmp_path: Path, clip: Path, end: str, kilobytes: int) -> None:
    with small_disk(tmp_path / "disk", f"{kilobytes}k") as disk:
        error = cut_film(clip, disk / f"out.{end}")
        assert error.kept == disk / f"out.part.{end}"
        assert list(disk.iterdir()) == [error.kept]
        assert error.filename == str(disk / f"out.{end}")
        assert error.strerror == (
            f"No space left on device; its first {error.plays_s:.1f} s play, in out.part.{end}"
        )
        film = read_film(error.kept)
        assert film.times == pytest.approx([number / 30 for number in range(len(film.times))], abs=0.001)
        assert film.times[-1] == pytest.approx(error.plays_s, abs=0.1)
        assert film.times[-1] > kilobytes / 250 * 20 / 2, "no more than the last fragment is missing"


@pytest.mark.parametrize("end", ENDS)
def test_also_where_only_its_end_has_no_room(tmp_path: Path, clip: Path, end: str) -> None:
    with small_disk(tmp_path / "disk", "400k") as disk:
        list(edged.analyze(clip, JOB, record=disk / f"out.{end}"))  # no room for two: it stays in fragments
        needed = (disk / f"out.{end}").stat().st_size
        (disk / f"out.{end}").unlink()
        (disk / "ballast").write_bytes(bytes((400 << 10) - needed // 4096 * 4096))
        error = cut_film(clip, disk / f"out.{end}")
        assert error.kept is not None
        film = read_film(error.kept)
        assert film.times[-1] == pytest.approx(error.plays_s, abs=0.1)
        assert film.times[-1] > 20 - 2 * FRAGMENT_S - 1


@pytest.mark.parametrize("end", ENDS)
def test_of_what_does_not_play_nothing_stays(tmp_path: Path, clip: Path, end: str) -> None:
    with small_disk(tmp_path / "disk", "256k") as disk:
        (disk / "ballast").write_bytes(bytes(256 << 10))
        error = cut_film(clip, disk / f"out.{end}")
        assert (error.strerror, error.kept, error.plays_s) == ("No space left on device", None, 0.0)
        assert [path.name for path in disk.iterdir()] == ["ballast"]
