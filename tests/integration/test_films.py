"""Recordings of offline analysis: every frame at its own time, drawn on, whole or not there."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

import edged
from edged import AlgorithmError, AnalyzedFrame
from edged.errors import EdgedError
from edged.offline.films import coding
from edged.offline.films.film import Film
from tests.browser import play
from tests.integration.clips import Clip, make_clip
from tests.integration.offline_rig import own_threads, write_algorithms

JOB = {"spots": {"algorithm": "own:Bright", "sampling": {"interval": 0.5}}}
QUIET = {"sums": {"algorithm": "own:Loud", "sampling": {"interval": 100}}}


@pytest.fixture
def algorithms(tmp_path: Path) -> Path:
    return write_algorithms(tmp_path)


def record(video: Path, film: Path, algorithms: Path, job: object = None, **said: object) -> None:
    for _ in edged.analyze(video, job or JOB, algorithms=algorithms, record=film, **said):  # type: ignore[arg-type]
        pass


def pictures_of(film: Path) -> list[tuple[float, NDArray[np.uint8]]]:
    """(seconds, BGR) of each."""
    with av.open(str(film)) as container:
        return [
            (float(frame.pts * frame.time_base), frame.to_ndarray(format="bgr24"))
            for frame in container.decode(video=0)
        ]


def times_of(film: Path) -> list[float]:
    return [at for at, _ in pictures_of(film)]


def uneven(path: Path, steps: tuple[int, ...] = (1, 1, 4, 2, 7)) -> Path:
    """60 frames whose times are multiples of 1/100 s in uneven steps."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 100)
        at = 0
        for number in range(60):
            gray = np.full((120, 160, 3), 3 * number + 20, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(gray, format="bgr24")
            frame.pts, frame.time_base = at, Fraction(1, 100)
            container.mux(stream.encode(frame))
            at += steps[number % len(steps)]
        container.mux(stream.encode(None))
    return path


def with_sound(path: Path, silent: Path, codec: str, rate: int = 48_000) -> Path:
    """The pictures of ``silent`` beside a tone."""
    with av.open(str(silent)) as container, av.open(str(path), "w") as out:
        came = container.streams.video[0]
        pictures = out.add_stream_from_template(came)
        sound = out.add_stream(codec, rate=rate, layout="mono")
        seconds = float(came.duration * came.time_base) if came.duration and came.time_base else 3.0
        for packet in container.demux(came):
            if packet.dts is not None:
                packet.stream = pictures
                out.mux(packet)
        wave = np.sin(np.arange(int(seconds * rate)) * 2 * np.pi * 440 / rate).astype(np.float32) / 4
        resampler = av.AudioResampler(sound.codec_context.format, "mono", rate, frame_size=960)
        tone = av.AudioFrame.from_ndarray(wave[np.newaxis], format="flt", layout="mono")
        tone.sample_rate, tone.pts, tone.time_base = rate, 0, Fraction(1, rate)
        for part in (*resampler.resample(tone), *resampler.resample(None)):
            out.mux(sound.encode(part))
        out.mux(sound.encode(None))
    return path


@pytest.mark.parametrize("end", ["mp4", "mkv", "webm"])
def test_every_frame_is_there_at_its_own_time(tmp_path: Path, algorithms: Path, end: str) -> None:
    video, film = uneven(tmp_path / "uneven.mp4"), tmp_path / f"out.{end}"
    record(video, film, algorithms)
    exact = 1e-6 if end == "mp4" else 0.0006  # the others count in milliseconds
    assert times_of(film) == pytest.approx(times_of(video), abs=exact)
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == [film.name]


@pytest.mark.parametrize("end", ["mp4", "webm"])
def test_a_browser_plays_it(tmp_path: Path, algorithms: Path, end: str) -> None:
    video, film = make_clip(tmp_path / "clip.mp4", Clip(frames=60)), tmp_path / f"out.{end}"
    record(video, film, algorithms)
    played = play(film)
    assert played.error == ""
    assert played.shown == pytest.approx(2.0, abs=0.1)
    assert played.first == pytest.approx(2.0, abs=0.1)
    assert played.frames >= 30


def test_a_film_of_a_part_begins_at_zero(tmp_path: Path, algorithms: Path) -> None:
    video = make_clip(tmp_path / "clip.mp4", Clip(frames=90))
    record(video, tmp_path / "out.mp4", algorithms, start=1.0, end=2.0)
    times = times_of(tmp_path / "out.mp4")
    assert len(times) == 30
    assert times == pytest.approx([number / 30 for number in range(30)], abs=1e-4)


@pytest.mark.parametrize("size", [(642, 362), (322, 180), (160, 122)])
@pytest.mark.parametrize("end", ["mp4", "webm"])
def test_what_nobody_draws_on_stays_as_it_is(
    tmp_path: Path, algorithms: Path, size: tuple[int, int], end: str
) -> None:
    video = make_clip(tmp_path / "clip.mkv", Clip(frames=20, size=size))
    film = tmp_path / f"out.{end}"
    never = {"sum": {"algorithm": "own:Sum", "sampling": {"interval": 9, "count": 30}}}
    record(video, film, algorithms, never)
    pairs = list(zip(pictures_of(video), pictures_of(film), strict=True))
    assert len(pairs) == 20
    for (_, came), (_, recorded) in pairs:
        assert recorded.shape == came.shape
        assert np.abs(recorded.astype(int) - came).mean() < 8


def test_an_odd_row_and_column_are_left_out(tmp_path: Path, algorithms: Path) -> None:
    video = make_clip(tmp_path / "odd.mkv", Clip(frames=20, size=(641, 361), codec="ffv1"))
    for job, name in ((JOB, "drawn"), (QUIET, "plain")):
        film = tmp_path / f"{name}.mp4"
        record(video, film, algorithms, job)
        pairs = list(zip(pictures_of(video), pictures_of(film), strict=True))
        assert len(pairs) == 20
        right = slice(321, 640)
        for (_, came), (_, recorded) in pairs:
            assert recorded.shape == (360, 640, 3)
            assert np.abs(recorded[200:, right].astype(int) - came[200:360, right]).mean() < 8


@pytest.mark.parametrize("end", ["mp4", "mkv", "webm"])
def test_what_algorithms_draw_is_in_it(tmp_path: Path, algorithms: Path, end: str) -> None:
    video = make_clip(tmp_path / "clip.mp4", Clip(frames=20))
    film = tmp_path / f"out.{end}"
    record(video, film, algorithms, QUIET)
    for _, picture in pictures_of(film):
        assert picture[:, :76].min() > 225
        assert picture[:, 90:].mean() < 225


def test_the_picture_of_a_hook_is_in_it(tmp_path: Path, algorithms: Path) -> None:
    video = make_clip(tmp_path / "clip.mp4", Clip(frames=20))

    def turn(frame: AnalyzedFrame) -> NDArray[np.uint8] | None:
        if frame.index % 2:
            frame.picture[:] = 40
            return None
        return np.full((120, 160, 3), 200, dtype=np.uint8)

    record(video, tmp_path / "out.mp4", algorithms, on_frame=turn)
    means = [picture.mean() for _, picture in pictures_of(tmp_path / "out.mp4")]
    assert means == pytest.approx([200, 40] * 10, abs=4)


@pytest.mark.parametrize("wrong", [np.zeros((10, 10, 3), np.uint8), np.zeros((120, 160, 3)), "a picture"])
def test_a_hook_that_returns_something_else_is_told(tmp_path: Path, algorithms: Path, wrong: object) -> None:
    video = make_clip(tmp_path / "clip.mp4", Clip(frames=20))
    with pytest.raises((TypeError, ValueError), match="on_frame returned"):
        record(video, tmp_path / "out.mp4", algorithms, on_frame=lambda frame: wrong)
    assert not own_threads()


@pytest.mark.parametrize(
    ("clip", "marks"),
    [
        (Clip(frames=10, matrix=1), ("tv", "bt709")),
        (Clip(frames=10, pixels="yuvj420p", full_range=True), ("pc", "smpte170m")),
    ],
)
def test_colours_stay_what_they_are(
    tmp_path: Path, algorithms: Path, clip: Clip, marks: tuple[str, str]
) -> None:
    video = make_clip(tmp_path / "clip.mp4", clip)
    for name, job in (("plain", {**JOB, "spots": {**JOB["spots"], "algorithm": "own:Sum"}}), ("drawn", JOB)):
        film = tmp_path / f"{name}.mp4"
        record(video, film, algorithms, job)
        with av.open(str(film)) as container:
            context = container.streams.video[0].codec_context
            assert (int(context.color_range), int(context.colorspace)) == {
                ("tv", "bt709"): (1, 1),
                ("pc", "smpte170m"): (2, 6),
            }[marks]
        for (_, came), (_, recorded) in zip(pictures_of(video), pictures_of(film), strict=True):
            assert np.abs(recorded[90:, 90:].astype(int) - came[90:, 90:]).mean() < 10


@pytest.mark.parametrize(
    ("codec", "end", "copied"), [("aac", "mp4", True), ("libopus", "webm", True), ("aac", "webm", False)]
)
def test_sound_is_copied_where_the_film_takes_it(
    tmp_path: Path, algorithms: Path, codec: str, end: str, copied: bool
) -> None:
    silent = make_clip(tmp_path / "silent.mkv", Clip(frames=60))
    video = with_sound(tmp_path / "loud.mkv", silent, codec)
    record(video, tmp_path / f"out.{end}", algorithms, start=0.5)
    with av.open(str(tmp_path / f"out.{end}")) as container:
        assert len(container.streams.audio) == copied
        assert len(list(container.decode(video=0))) == 45
        if not copied:
            return
        container.seek(0)
        frames = list(container.decode(audio=0))
        seconds = sum(frame.samples / frame.sample_rate for frame in frames)
        assert seconds == pytest.approx(1.5, abs=0.1)
        assert frames[0].time == pytest.approx(0, abs=0.1)


def test_an_early_end_leaves_a_whole_film_of_what_was_given(tmp_path: Path, algorithms: Path) -> None:
    video, film = make_clip(tmp_path / "clip.mp4", Clip(frames=90)), tmp_path / "out.mp4"
    results = edged.analyze(video, JOB, algorithms=algorithms, record=film)
    given = [next(results).index for _ in range(3)]
    results.close()
    assert given == [0, 15, 30]
    assert len(times_of(film)) == 31
    assert not own_threads()


def test_ctrl_c_and_an_algorithm_that_fails_leave_a_whole_film(tmp_path: Path, algorithms: Path) -> None:
    video, film = make_clip(tmp_path / "clip.mp4", Clip(frames=90)), tmp_path / "out.mp4"

    def interrupt(frame: AnalyzedFrame) -> None:
        if frame.index == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        record(video, film, algorithms, on_frame=interrupt)
    assert len(times_of(film)) == 40
    failing = {"sum": {"algorithm": "own:Sum", "params": {"fail_at": 60}, "sampling": {"interval": 0}}}
    with pytest.raises(AlgorithmError):
        record(video, film, algorithms, failing)
    assert len(times_of(film)) == 60
    assert not own_threads()


def test_where_it_cannot_be_written_is_said(
    tmp_path: Path, algorithms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = make_clip(tmp_path / "clip.mp4", Clip(frames=20))
    with pytest.raises(EdgedError, match=r"ends with one of \.mp4, \.mkv, \.webm"):
        record(video, tmp_path / "out.avi", algorithms)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        record(video, tmp_path / "nowhere" / "out.mp4", algorithms)
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(OSError, match="folder"):
        record(video, tmp_path / "folder.mp4", algorithms)
    monkeypatch.setitem(coding._CODINGS, ".mp4", coding.Coding("mp4", "libnothing", {}))
    with pytest.raises(EdgedError, match="no encoder libnothing"):
        record(video, tmp_path / "out.mp4", algorithms)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(("out", ".out"))]
    assert not own_threads()


def test_a_folder_that_is_read_only_is_said(
    tmp_path: Path, algorithms: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing can be made there, nor taken away: EROFS for both, as a file system mounted so answers."""
    video = make_clip(tmp_path / "clip.mp4", Clip(frames=20))

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(OSError, match=r"Read-only file system: '.*/out\.mp4'"):
        record(video, tmp_path / "out.mp4", algorithms)


@pytest.mark.parametrize("end", ["mp4", "mkv", "webm"])
def test_a_full_disk_is_said_and_leaves_what_plays(tmp_path: Path, algorithms: Path, end: str) -> None:
    """No file of this process may be larger than 20 kB: of an MP4 that is not the first fragment."""
    video = make_clip(tmp_path / "clip.mkv", Clip(frames=120, size=(640, 480)))
    code = (
        "import edged, resource, signal, sys, json\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "video, folder, film, job = sys.argv[1:]\n"
        "try:\n"
        "    list(edged.analyze(video, json.loads(job), algorithms=folder, record=film))\n"
        "except OSError as error:\n"
        "    print(error.filename, error.strerror)\n"
    )
    film = tmp_path / f"out.{end}"
    words = [sys.executable, "-c", code, str(video), str(algorithms), str(film), json.dumps(JOB)]
    done = subprocess.run(words, check=True, timeout=120, capture_output=True, text=True)
    assert done.stdout.split()[0] == str(film), (done.stdout, done.stderr)
    left = [path for path in tmp_path.iterdir() if "out" in path.name]
    assert left == ([] if end == "mp4" else [tmp_path / f"out.part.{end}"])
    assert all(pictures_of(path) for path in left)
    assert bool(left) == (f"s play, in out.part.{end}" in done.stdout)


def test_pictures_of_another_size_become_as_large_as_the_first(tmp_path: Path) -> None:
    with Film(tmp_path / "out.mp4", 10) as film:
        for number, (height, width) in enumerate([(96, 128), (48, 64), (193, 255)]):
            film.add(np.full((height, width, 3), 90, dtype=np.uint8), number * 100_000)
    shapes = [picture.shape for _, picture in pictures_of(tmp_path / "out.mp4")]
    assert shapes == [(96, 128, 3)] * 3


def test_a_film_whose_writer_fails_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Film(tmp_path / "out.mp4", 10) as film:
        film.add(np.zeros((96, 128, 3), dtype=np.uint8), 0)
        raise KeyError
    assert not list(tmp_path.iterdir())
