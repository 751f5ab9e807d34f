"""What the words of `edged analyze` mean: times, where results go, which videos, and their names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.app.analysis.pace import Pace, clock_time
from edged.app.analysis.target import find_span, find_target, parse_time
from edged.app.analysis.videos import Found, find_videos, names_of
from edged.errors import EdgedError
from edged.model.analyzing import Form, Where


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1:30", 90), ("0:01:30.5", 90.5), ("0", 0), ("100:00", 6000), (".5", None), ("1:60", None),
     ("1:2:3:4", None), ("-1", None), ("1.", 1), ("", None), ("1e3", None), ("٣", None),
     ("0.1234567", 0.123456)],
)  # fmt: skip
def test_times(text: str, seconds: float | None) -> None:
    if seconds is None:
        with pytest.raises(ValueError, match="is no time"):
            parse_time(text)
    else:
        assert parse_time(text) == round(seconds * 1e6)


@given(st.integers(0, 99 * 3_600_000_000))
def test_every_time_can_be_written(us: int) -> None:
    seconds, rest = divmod(us, 1_000_000)
    text = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:06}"
    assert parse_time(text) == us


def test_a_span_has_a_length() -> None:
    assert find_span("1:00", "2:00") == (60_000_000, 120_000_000)
    with pytest.raises(ValueError, match="not later"):
        find_span("10", "10")


def test_where_results_go(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    wanted = {
        (None, None): (Where.STREAM, Form.JSONL),
        ("-", "csv"): (Where.STREAM, Form.CSV),
        ("out.jsonl", None): (Where.FILE, Form.JSONL),
        ("out.CSV", None): (Where.FILE, Form.CSV),
        ("out.parquet", None): (Where.FILE, Form.PARQUET),
        ("out.txt", "csv"): (Where.FILE, Form.CSV),
        ("out", None): (Where.FOLDER, Form.JSONL),
        ("out.d/", "parquet"): (Where.FOLDER, Form.PARQUET),
        (f"{tmp_path}/there", "csv"): (Where.FOLDER, Form.CSV),
        ("mqtt://broker.example/site", None): (Where.BROKER, Form.JSONL),
    }
    for (output, form), (where, chosen) in wanted.items():
        target = find_target(output, form)
        assert (target.where, target.form) == (where, chosen), output
    for output, form in ((None, "parquet"), ("out.txt", None), ("http://x", None), ("mqtt://b", "csv")):
        with pytest.raises(ValueError, match=r".+"):
            find_target(output, form)


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def test_files_folders_and_patterns_each_once_in_order(tmp_path: Path) -> None:
    make(tmp_path, "b.mp4", "a.MKV", "notes.txt", "day/c.webm", ".hidden/d.mp4", "day/.e.mp4")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "b.mp4")
    found = find_videos([f"{tmp_path}/b.mp4", str(tmp_path), f"{tmp_path}/*.mp4"])
    assert [video.name.removeprefix(f"{tmp_path}/") for video in found] == ["b.mp4", "a.MKV", "day/c.webm"]
    found = find_videos([f"file://{tmp_path}/b.mp4", "https://u:geheim@h.example/x/film%20one.mp4?sig=1"])
    assert [video.stem for video in found] == ["b", "film one"]
    assert "geheim" not in found[1].name + repr(found)


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    make(tmp_path, "cam[1].mp4")
    assert [video.stem for video in find_videos([f"{tmp_path}/cam[1].mp4"])] == ["cam[1]"]


@pytest.mark.parametrize("word", ["none.mp4", "*.none", "empty", "rtsp://cam/1", "s3://"])
def test_a_word_that_names_no_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(EdgedError, match=r"\w+"):
        find_videos([word])


@given(st.lists(st.text(max_size=80), max_size=12))
def test_names_are_valid_and_apart(stems: list[str]) -> None:
    names = names_of([Found("u", "n", stem) for stem in stems])
    assert len(set(names)) == len(stems)
    for name in names:
        assert 1 <= len(name) <= 64
        assert all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in name)


def test_pace_over_the_last_seconds() -> None:
    pace = Pace(duration_us=100_000_000)
    assert (pace.frames_per_s, pace.share, pace.left_s) == (0.0, None, None)
    for second in range(21):
        speed = 10 if second > 10 else 1  # ten times as fast in the second half
        pace.note(float(second), second * speed * 30, second * speed * 100_000)
    assert pace.frames_per_s == pytest.approx(300)
    assert pace.times_realtime == pytest.approx(1.0)
    assert pace.share == pytest.approx(0.2)
    assert pace.left_s == pytest.approx(80)
    assert [clock_time(seconds) for seconds in (5, 65, 3605)] == ["0:05", "1:05", "1:00:05"]
