"""What a capture keeps of real files: clips and segments, as they came."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from itertools import pairwise
from pathlib import Path
from shutil import which

import av
import pytest

from edged.model.capturing import CaptureSpec, ClipReport, ClipRequest, Demand, Recording, SourceState
from edged.model.gauges import CaptureGauge
from edged.model.sampling import SampleOn, Sampling
from tests.browser import play
from tests.integration.capture_rig import EVERY, WHOLE, Desk, capture, changed, spec
from tests.integration.clips import Clip, encode, make_clip
from tests.integration.films import finished, read_film

NOTHING = Demand()
KEYFRAMES = Demand(samplings=(Sampling(0, on=SampleOn.KEYFRAMES),), keyframes_only=True)
DEMANDS = pytest.mark.parametrize(
    "demand", [EVERY, KEYFRAMES, NOTHING], ids=["every", "keyframes", "nothing"]
)
REORDERED = 5
"""Pictures at most that x265 sends before one that is shown earlier."""
A_GROUP_S = 3 / 20
"""A frame, and the two B-frames shown before it that come after it."""
TRIANGLE = ((0.0, 0.0), (0.5, 0.0), (0.0, 0.5))


def request(
    path: Path, before_s: float, after_s: float, *, number: int = 1, at_ns: int | None = None
) -> ClipRequest:
    at_ns = time.monotonic_ns() if at_ns is None else at_ns
    return ClipRequest(number, at_ns, before_s, after_s, str(path))


def ask(main: Desk, first: CaptureSpec, *requests: ClipRequest, for_s: float = 60.0) -> ClipReport:
    """The report of the first of them."""
    main.send(changed(first, clips=requests))
    main.until(lambda: any(each.id == requests[0].id for each in main.clips), for_s)
    return next(each for each in main.clips if each.id == requests[0].id)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10 s at 20/s, a keyframe every 0.5 s, B-frames between."""
    return make_clip(
        tmp_path_factory.mktemp("films") / "film.mp4", Clip(frames=200, fps=20, gop=10, b_frames=2)
    )


@pytest.fixture(scope="module")
def short_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6 s of the same."""
    return make_clip(
        tmp_path_factory.mktemp("films") / "short.mp4", Clip(frames=120, fps=20, gop=10, b_frames=2)
    )


@DEMANDS
def test_a_clip_begins_before_its_moment_and_goes_on_after_it(
    film: Path, tmp_path: Path, demand: Demand
) -> None:
    first = spec(film, demand, buffer_s=2.0)
    with capture(first) as main:
        main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 70)
        asked = request(tmp_path / "deep" / "clip.mp4", 1.5, 1.0)
        report = ask(main, first, asked)
    assert (report.code, report.codec, report.path) == ("", "h264", asked.path)
    assert 1.5 <= report.before_s <= 1.5 + 0.5 + 0.06, "back to a keyframe, at most a group more"
    assert -0.06 <= report.duration_s - report.before_s - 1.0 <= A_GROUP_S, "at most a picture's group longer"
    data = Path(report.path).read_bytes()
    assert (report.bytes, report.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert abs(report.start_wall_ns - (time.time_ns() - time.monotonic_ns() + asked.at_ns)) < 3e9
    clip, source = read_film(Path(report.path)), read_film(film)
    assert clip.keyframes[0]
    assert clip.times[0] == 0.0
    at = source.pictures.index(clip.pictures[0])
    assert source.pictures[at : at + len(clip.pictures)] == clip.pictures, "as it came"
    assert clip.duration_s == pytest.approx(report.duration_s, abs=0.001)
    assert data.index(b"moov") < data.index(b"mdat"), "its index stands in front"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["clip.mp4"], "nothing is left beside it"


def test_segments_hold_every_packet_once_and_play_alone(short_film: Path, tmp_path: Path) -> None:
    # the cap takes pictures out, not packets
    first = spec(short_film, NOTHING, fps=5.0, folder=str(tmp_path / "cam"), recording=Recording(2.0))
    with capture(first) as main:
        main.until_state(SourceState.ENDED)
        main.until(lambda: not list(tmp_path.rglob("*.part")))
        assert main.gauge(CaptureGauge.UNRECORDED) == 0
        assert not main.recorder
    films = finished(tmp_path / "cam")
    segments = [read_film(path) for path in films]
    source = read_film(short_film)
    assert [picture for each in segments for picture in each.pictures] == source.pictures
    assert all(each.keyframes[0] and each.times[0] == 0.0 for each in segments)
    assert [each.duration_s for each in segments[1:-1]] == [2.0] * (len(segments) - 2)
    starts = [path.stem for path in films]
    assert all(path.parent.name[:2] == "20" and path.suffix == ".mp4" for path in films)
    seconds = [float(name[6:12].replace("-", ".")) for name in starts[1:]]
    assert all(each % 2 < 0.6 for each in seconds), "at the keyframe after each whole multiple on the clock"


def test_a_clip_is_prolonged_while_it_is_written(film: Path, tmp_path: Path) -> None:
    first = spec(film, NOTHING, buffer_s=1.0)
    with capture(first) as main:
        main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 40)
        asked = request(tmp_path / "clip.mp4", 0.5, 1.0)
        main.send(changed(first, clips=(asked,)))
        main.turn_for(0.5)
        longer = request(tmp_path / "clip.mp4", 0.5, 2.5, at_ns=asked.at_ns)
        report = ask(main, first, longer)
    assert -0.06 <= report.duration_s - report.before_s - 2.5 <= A_GROUP_S


def test_a_clip_has_no_hole_at_its_end_wherever_that_falls(film: Path, tmp_path: Path) -> None:
    with capture(spec(film, NOTHING, buffer_s=1.0)) as main:
        main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 40)
        at_ns = time.monotonic_ns()
        ends = [request(tmp_path / f"{n}.mp4", 0.5, 1.0 + n / 20, number=n, at_ns=at_ns) for n in range(8)]
        main.send(changed(spec(film, NOTHING, buffer_s=1.0), clips=tuple(ends)))
        main.until(lambda: len(main.clips) == len(ends))
    pictures = read_film(film).pictures
    for each in ends:
        clip = read_film(Path(each.path)).pictures
        at = pictures.index(clip[0])
        assert pictures[at : at + len(clip)] == clip


def test_a_clip_that_nobody_waits_for_any_more_ends_as_it_is(film: Path, tmp_path: Path) -> None:
    first = spec(film, NOTHING, buffer_s=1.0)
    with capture(first) as main:
        main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 40)
        main.send(changed(first, clips=(request(tmp_path / "clip.mp4", 0.5, 60.0),)))
        main.until(lambda: list(tmp_path.iterdir()) != [])
        main.send(changed(first))
        main.until(lambda: bool(main.clips))
    assert main.clips[0].code == ""
    assert read_film(tmp_path / "clip.mp4").duration_s < 5.0


def test_clips_may_overlap(short_film: Path, tmp_path: Path) -> None:
    first = spec(short_film, NOTHING, buffer_s=2.0, folder=str(tmp_path / "cam"), recording=WHOLE)
    with capture(first) as main:
        main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 60)
        one = request(tmp_path / "1.mp4", 1.0, 1.5, number=1)
        two = request(tmp_path / "2.mp4", 2.0, 1.0, number=2)
        main.send(changed(first, clips=(one, two)))
        main.until(lambda: len(main.clips) == 2)
        main.until_state(SourceState.ENDED)
    pictures = read_film(short_film).pictures
    for name in ("1.mp4", "2.mp4"):
        clip = read_film(tmp_path / name).pictures
        at = pictures.index(clip[0])
        assert pictures[at : at + len(clip)] == clip
    (segment,) = finished(tmp_path / "cam")
    assert read_film(segment).pictures == pictures


def test_without_a_buffer_a_clip_begins_with_the_next_keyframe(film: Path, tmp_path: Path) -> None:
    first = spec(film, NOTHING)
    with capture(first) as main:
        main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 40)
        report = ask(main, first, request(tmp_path / "clip.mp4", 5.0, 1.5))
    assert (report.code, report.before_s) == ("", 0.0)
    clip = read_film(tmp_path / "clip.mp4")
    assert clip.keyframes[0]
    assert 0.7 < clip.duration_s <= 1.55, "a film is read up to 0.25 s ahead"


def test_a_clip_without_a_keyframe_says_so(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "one.mp4", Clip(frames=200, fps=20, gop=200))
    first = spec(film, NOTHING)
    with capture(first) as main:
        main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 20)
        report = ask(main, first, request(tmp_path / "clip.mp4", 1.0, 0.5))
    assert report.code == "source_failed"
    assert "keyframe" in report.error


def test_a_film_that_loops_ends_clip_and_segment(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "short.mp4", Clip(frames=60, fps=20, gop=10, b_frames=2))
    first = spec(film, NOTHING, loop=True, buffer_s=2.0, folder=str(tmp_path / "cam"), recording=WHOLE)
    with capture(first) as main:
        main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 40)
        report = ask(main, first, request(tmp_path / "clip.mp4", 1.0, 60.0))
        main.until(lambda: len(finished(tmp_path / "cam")) >= 2)
    pictures = read_film(film).pictures
    assert report.code == ""
    clip = read_film(tmp_path / "clip.mp4").pictures
    assert clip == pictures[-len(clip) :], "up to the end of the film"
    assert read_film(finished(tmp_path / "cam")[0]).pictures == pictures


def test_what_is_switched_off_is_not_recorded(film: Path, tmp_path: Path) -> None:
    first = spec(film, NOTHING, buffer_s=5.0, folder=str(tmp_path / "cam"), recording=WHOLE)
    with capture(first) as main:
        main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 40)
        off = changed(first, enabled=False)
        main.send(off)
        main.until(lambda: bool(finished(tmp_path / "cam")))
        report = ask(main, off, request(tmp_path / "clip.mp4", 5.0, 0.1))
    assert report.code == "source_failed"
    assert "switched off" in report.error
    (segment,) = finished(tmp_path / "cam")
    assert read_film(segment).duration_s > 1.0


def test_a_source_with_masks_is_never_recorded(film: Path, tmp_path: Path) -> None:
    first = spec(film, NOTHING, buffer_s=5.0, folder=str(tmp_path / "cam"), recording=WHOLE)
    with capture(first) as main:
        main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 40)
        main.send(changed(first, clips=(request(tmp_path / "before.mp4", 1.0, 60.0),)))
        main.turn_for(0.3)
        masked = changed(first, masks=(TRIANGLE,))
        main.send(masked)
        main.until(lambda: bool(main.clips) and bool(finished(tmp_path / "cam")) and bool(main.recorder))
        assert main.clips[0].code == "", "what was before is kept"
        assert "masks" in main.recorder[-1].error
        masked_at = main.gauge(CaptureGauge.FRAMES)
        refused = ask(main, masked, request(tmp_path / "after.mp4", 5.0, 0.5, number=2))
        assert (refused.code, "take the masks out" in refused.error) == ("not_allowed", True)
        unmasked = changed(first, recording=None)
        main.send(unmasked)
        main.until(lambda: main.recorder[-1].error == "")
        report = ask(main, unmasked, request(tmp_path / "later.mp4", 5.0, 1.5, number=3))
    assert report.code == ""
    assert not (tmp_path / "after.mp4").exists()
    pictures = read_film(film).pictures
    for path in (tmp_path / "before.mp4", finished(tmp_path / "cam")[0]):
        last = pictures.index(read_film(path).pictures[-1])
        assert last <= masked_at + 6, "nothing of the time of the masks"
    assert pictures.index(read_film(tmp_path / "later.mp4").pictures[0]) > masked_at


@pytest.mark.parametrize(
    ("name", "codec", "tag"),
    [("a.mp4", "libx265", "hvc1"), ("a.ts", "libx265", "hvc1"), ("a.ts", "libx264", "avc1")],
)
def test_codecs_that_browsers_play_go_into_mp4(tmp_path: Path, name: str, codec: str, tag: str) -> None:
    film = make_clip(tmp_path / name, Clip(frames=60, fps=20, gop=10, codec=codec))
    check_kept(film, tmp_path / "kept", ".mp4", tag)


def test_av1_goes_into_mp4(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "a.mkv", Clip(frames=60, fps=20, gop=10, codec="libsvtav1"))
    check_kept(film, tmp_path / "kept", ".mp4", "av01")


@pytest.mark.parametrize(
    ("codec", "pixels"), [("mjpeg", "yuvj420p"), ("mpeg4", "yuv420p"), ("libvpx", "yuv420p")]
)
def test_codecs_that_they_do_not_go_into_matroska(tmp_path: Path, codec: str, pixels: str) -> None:
    film = make_clip(tmp_path / "a.mkv", Clip(frames=60, fps=20, gop=10, codec=codec, pixels=pixels))
    check_kept(film, tmp_path / "kept", ".mkv")


def check_kept(film: Path, folder: Path, suffix: str, tag: str = "") -> None:
    """All of it is in the segments, and a clip has a part of it."""
    first = spec(film, NOTHING, buffer_s=2.0, folder=str(folder), recording=Recording(2.0))
    with capture(first) as main:
        main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 20)
        report = ask(main, first, request(folder / "clips" / "clip.mp4", 0.5, 0.5))
        main.until_state(SourceState.ENDED)
        main.until(lambda: not list(folder.rglob("*.part")))
    assert report.code == "", report
    source, clip = read_film(film), read_film(Path(report.path))
    at = source.pictures.index(clip.pictures[0])
    count = len(clip.pictures) - REORDERED
    assert source.pictures[at : at + count] == clip.pictures[:count]
    paths = [path for path in finished(folder) if path.parent.name != "clips"]
    segments = [read_film(path) for path in paths]
    assert sum(each.packets for each in segments) == source.packets
    shown = [picture for each in segments for picture in each.pictures]
    left_out = len(source.pictures) - len(shown)
    assert left_out <= REORDERED * (len(segments) - 1), "what precedes a keyframe that comes before it"
    assert shown == [picture for picture in source.pictures if picture in set(shown)]
    assert {path.suffix for path in (Path(report.path), *paths)} == {suffix}
    if tag:
        assert {each.tag for each in (clip, *segments)} == {tag}


def test_sound_is_left_out(tmp_path: Path) -> None:
    film = tmp_path / "sound.mp4"
    with av.open(str(film), "w") as container:
        sound = container.add_stream("aac", rate=48000)
        silence = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
        silence.sample_rate, silence.pts = 48000, 0
        silence.planes[0].update(bytes(4096))
        silence.planes[1].update(bytes(4096))
        heard = sound.encode(silence)
        encode(container, Clip(frames=60, fps=20, gop=10))
        container.mux([*heard, *sound.encode(None)])
    first = spec(film, NOTHING, folder=str(tmp_path / "cam"), recording=WHOLE)
    with capture(first) as main:
        main.until_state(SourceState.ENDED)
        main.until(lambda: bool(finished(tmp_path / "cam")))
    kept = [read_film(segment) for segment in finished(tmp_path / "cam")]
    assert {film.streams for film in kept} == {1}
    assert sum(film.packets for film in kept) == 60


def test_pictures_that_are_not_compressed_are_refused(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "raw.mkv", Clip(frames=100, fps=20, codec="rawvideo"))
    first = spec(film, NOTHING, folder=str(tmp_path / "cam"), recording=WHOLE)
    with capture(first) as main:
        main.until(lambda: bool(main.recorder))
        report = ask(main, first, request(tmp_path / "clip.mp4", 1.0, 0.5))
    assert "compressed" in main.recorder[0].error
    assert (report.code, "compressed" in report.error) == ("source_failed", True)


def test_other_parameters_within_the_stream_begin_another_file(tmp_path: Path) -> None:
    """An elementary stream: without stamps, and its parameters nowhere but in it."""
    small = make_clip(tmp_path / "a.h264", Clip(frames=50, fps=25, gop=10))
    large = make_clip(tmp_path / "b.h264", Clip(frames=50, fps=25, gop=10, size=(320, 240)))
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + large.read_bytes())
    first = spec(both, NOTHING, folder=str(tmp_path / "cam"), recording=WHOLE)
    with capture(first) as main:
        main.until_state(SourceState.ENDED)
        main.until(lambda: len(finished(tmp_path / "cam")) == 2)
    segments = [read_film(path) for path in finished(tmp_path / "cam")]
    assert [each.sizes for each in segments] == [{(160, 120)}, {(320, 240)}]
    assert segments[0].pictures == read_film(small).pictures
    assert segments[1].pictures == read_film(large).pictures
    for path, size in zip(finished(tmp_path / "cam"), [(160, 120), (320, 240)], strict=True):
        with av.open(str(path)) as container:
            assert (container.streams.video[0].width, container.streams.video[0].height) == size
    assert all(b > a for a, b in pairwise(segments[1].times))


def test_a_browser_and_ffprobe_play_clip_and_segment(film: Path, tmp_path: Path) -> None:
    first = spec(film, NOTHING, buffer_s=1.0, folder=str(tmp_path / "cam"), recording=Recording(2.0))
    with capture(first) as main:
        main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 60)
        report = ask(main, first, request(tmp_path / "cam" / "clips" / "clip.mp4", 1.0, 1.0))
        main.until(lambda: len(finished(tmp_path / "cam")) >= 3)
    for path in (Path(report.path), finished(tmp_path / "cam")[1]):
        played = play(path)
        is_all = (played.error, (played.width, played.height), played.first == played.duration)
        assert is_all == ("", (160, 120), True)
        assert played.shown == pytest.approx(read_film(path).duration_s, abs=0.1)
        assert played.shown > 1.5
        if probe := which("ffprobe"):
            command = [probe, "-v", "error", "-show_format", "-of", "json", str(path)]
            said = subprocess.run(command, capture_output=True, check=True, timeout=30)
            assert said.stderr == b""
            assert float(json.loads(said.stdout)["format"]["duration"]) == pytest.approx(
                played.shown, abs=0.1
            )
