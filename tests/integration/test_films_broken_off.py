"""Films whose writer was killed, or whose disk got full: what is there plays, nearly to its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from edged.capture.recording.whole import rewrite
from edged.errors import EdgedError
from edged.model.trying import part_of
from edged.offline.films import recording
from edged.offline.films.film import Film
from tests.integration.clips import Clip, make_clip
from tests.integration.films import read_film
from tests.integration.test_films import with_sound
from tests.integration.test_recording_trouble import small_disk
from tests.servers.lifetime import die_with_the_tests

WRITER = """
import contextlib, sys, time
from pathlib import Path
import numpy as np
from edged.offline.films.film import Film
from edged.offline.films.coding import coding_of
from edged.offline.films.sound import Sound
output, count, loud = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
chance = np.random.default_rng(0)
with contextlib.ExitStack() as opened:
    sound = opened.enter_context(Sound(Path(loud[0]), coding_of(output).sound)) if loud else None
    film = opened.enter_context(Film(output, 30, sound))
    for number in range(count):
        picture = np.repeat(np.repeat(chance.integers(0, 255, (12, 16, 3), dtype=np.uint8), 20, 0), 20, 1)
        film.add(picture, number * 1_000_000 // 30)
        print(number, flush=True)
    print("all", flush=True)
"""
LAG_S = 2.0 + 1.5
"""A fragment, and what the encoder has in hand."""


@contextmanager
def writing(film: Path, count: int, *more: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(film), str(count), *map(str, more)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_the_tests,  # noqa: PLW1509  one system call, no Python state
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    for said in process.stdout:
        if said.strip() == line:
            return
    pytest.fail(f"it ended before {line}: {process.stderr.read() if process.stderr else ''}")


def probed_s(film: Path) -> float:
    """As FFmpeg's own program reads it: the end of the last picture's packet."""
    words = [
        "ffprobe",
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-show_entries",
        "packet=pts_time",
        "-of",
        "json",
    ]
    done = subprocess.run([*words, str(film)], check=True, timeout=60, capture_output=True, text=True)
    return max(float(packet["pts_time"]) for packet in json.loads(done.stdout)["packets"])


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """12 s with a tone, for each end of a name."""
    folder = tmp_path_factory.mktemp("loud")
    silent = make_clip(folder / "silent.mp4", Clip(frames=360))
    spoken = with_sound(folder / "aac.mkv", silent, "aac")
    return {"mp4": spoken, "mkv": spoken, "webm": with_sound(folder / "opus.mkv", silent, "libopus")}


@pytest.mark.parametrize("end", ["mp4", "mkv", "webm"])
@pytest.mark.parametrize("at", [150, 233, 330])
def test_a_film_whose_writer_is_killed_plays_to_near_its_end(
    tmp_path: Path, loud: dict[str, Path], end: str, at: int
) -> None:
    film = tmp_path / f"out.{end}"
    with writing(film, 10_000, loud[end]) as process:
        until(process, str(at))
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert not film.exists()
    part = Path(part_of(str(film)))
    shown = read_film(part)
    assert shown.times == pytest.approx([number / 30 for number in range(len(shown.times))], abs=0.001)
    assert shown.times[-1] > at / 30 - LAG_S
    assert probed_s(part) == pytest.approx(shown.times[-1], abs=0.001)
    with av.open(str(part)) as container:
        heard = [frame.time for frame in container.decode(audio=0)]
    assert heard[-1] is not None
    assert heard[-1] > at / 30 - LAG_S


def test_pictures_go_on_where_the_sound_has_ended(tmp_path: Path) -> None:
    short = with_sound(tmp_path / "short.mkv", make_clip(tmp_path / "silent.mp4", Clip(frames=60)), "aac")
    with writing(tmp_path / "out.mp4", 10_000, short) as process:
        until(process, "300")
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert read_film(tmp_path / "out.part.mp4").times[-1] > 300 / 30 - LAG_S - 0.5


def test_what_the_killed_left_is_written_over(tmp_path: Path) -> None:
    film = tmp_path / "out.mp4"
    copy = Path(part_of(part_of(str(film))))
    copy.write_bytes(b"half of a copy")
    with writing(film, 10_000) as process:
        until(process, "200")
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert read_film(Path(part_of(str(film)))).times[-1] > 200 / 30 - LAG_S
    with writing(film, 90) as process:
        until(process, "all")
        assert process.wait(60) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert len(read_film(film).times) == 90
    assert boxes_of(film)[:2] == ["ftyp", "moov"], "its index in front"


def test_without_room_for_two_the_film_stays_in_fragments(tmp_path: Path, loud: dict[str, Path]) -> None:
    with writing(tmp_path / "roomy.mp4", 300, loud["mp4"]) as process:
        until(process, "all")
        assert process.wait(60) == 0
    roomy = read_film(tmp_path / "roomy.mp4")
    kilobytes = (tmp_path / "roomy.mp4").stat().st_size * 3 // 2 // 1024
    with small_disk(tmp_path / "disk", f"{kilobytes}k") as disk:
        with writing(disk / "out.mp4", 300, loud["mp4"]) as process:
            until(process, "all")
            _, told = process.communicate(timeout=60)
        assert process.returncode == 0, told
        assert "no room for a second copy of out.mp4" in told
        assert [path.name for path in disk.iterdir()] == ["out.mp4"]
        assert "moof" in boxes_of(disk / "out.mp4")
        film = read_film(disk / "out.mp4")
        assert (film.times, film.pictures) == (roomy.times, roomy.pictures)
        assert film.duration_s == pytest.approx(10.0, abs=0.1)


def test_a_disk_that_gets_full_is_said_and_nothing_stays(tmp_path: Path, loud: dict[str, Path]) -> None:
    with small_disk(tmp_path / "disk", "512k") as disk:
        with writing(disk / "out.mp4", 3000, loud["mp4"]) as process:
            _, told = process.communicate(timeout=120)
        assert process.returncode == 1
        assert f"No space left on device: '{disk}/out.mp4'" in told
        assert list(disk.iterdir()) == []


def boxes_of(film: Path) -> list[str]:
    """The outermost of an MP4."""
    data, at, kinds = film.read_bytes(), 0, []
    while at < len(data):
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8].decode()
        at += int.from_bytes(data[at + 8 : at + 16]) if length == 1 else length
        kinds.append(kind)
    return kinds


def test_what_cannot_be_read_back_is_an_error_of_the_disk(tmp_path: Path) -> None:
    """Whoever asks for the copy goes on with the fragments then, or says it."""
    part, copy = tmp_path / ".film.mp4.part", tmp_path / "copy"
    part.write_bytes(bytes(5000))
    with pytest.raises(OSError, match="Invalid data"):
        rewrite(part, copy, 3, "h264")


def test_a_film_that_is_not_whole_in_time_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that does not answer, in place of which the film's end waits here."""
    answers = threading.Event()
    whole = Film.__exit__

    def late(film: Film, *said: Any) -> None:
        answers.wait(60)
        whole(film, *said)

    monkeypatch.setattr(Film, "__exit__", late)
    monkeypatch.setattr(recording, "_END_S", 0.2)
    recorder = recording.Recorder(tmp_path / "film.mp4", 30)
    with pytest.raises(EdgedError, match=r"film\.mp4 was not whole .* in film\.part\.mp4"), recorder:
        pass
    answers.set()


def test_a_name_with_a_colon_is_no_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Film(Path("gate:1.mp4"), 30) as film:
        for number in range(10):
            film.add(np.zeros((48, 64, 3), dtype=np.uint8), number * 33_333)
    assert [path.name for path in tmp_path.iterdir()] == ["gate:1.mp4"]
