"""Recording when things go wrong: cameras away, captures killed, disks that refuse or hang."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edged.capture.recording import recorder
from edged.model.capturing import ClipReport, ClipRequest, Demand, Recording, SourceState
from edged.model.gauges import CaptureGauge
from tests.browser import play
from tests.integration.capture_rig import EVERY, WHOLE, Desk, capture, changed, spec
from tests.integration.clips import Clip, make_clip
from tests.integration.films import finished, read_film
from tests.integration.test_capture_process import process
from tests.servers.rtsp import Camera, Film, RtspServer
from tests.servers.streams import mjpeg_camera
from tests.stopwatch import HANGS_S

NOTHING = Demand()


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 s at 20/s, a keyframe every 0.5 s."""
    return make_clip(tmp_path_factory.mktemp("films") / "film.mp4", Clip(frames=400, fps=20, gop=10))


def request(main: Desk, path: Path, before_s: float, after_s: float) -> ClipRequest:
    return ClipRequest(len(main.clips) + 1, time.monotonic_ns(), before_s, after_s, str(path))


def test_a_camera_is_kept_as_it_sends(film: Path, tmp_path: Path) -> None:
    with RtspServer([Film("/film", film)]) as server:
        first = spec(
            server.url("/film"), NOTHING, buffer_s=2.0, folder=str(tmp_path / "cam"), recording=Recording(2.0)
        )
        with capture(first) as main:
            main.until(lambda: main.gauge(CaptureGauge.PACKETS) > 80, 20)
            asked = request(main, tmp_path / "clip.mp4", 1.5, 1.0)
            main.send(changed(first, clips=(asked,)))
            main.until(lambda: bool(main.clips))
            main.until(lambda: len(finished(tmp_path / "cam")) >= 3)
            sent = main.gauge(CaptureGauge.PACKETS)
    (report,) = main.clips
    assert (report.code, report.codec) == ("", "h264")
    assert report.before_s >= 1.5
    assert report.sha256 == hashlib.sha256((tmp_path / "clip.mp4").read_bytes()).hexdigest()
    source, clip = read_film(film), read_film(tmp_path / "clip.mp4")
    at = source.pictures.index(clip.pictures[0])
    assert source.pictures[at : at + len(clip.pictures)] == clip.pictures
    assert clip.duration_s == pytest.approx(report.before_s + 1.0, abs=0.3)
    segments = [picture for path in finished(tmp_path / "cam") for picture in read_film(path).pictures]
    at = source.pictures.index(segments[0])
    assert segments == source.pictures[at : at + len(segments)], "no packet is lost between segments"
    assert len(segments) >= sent - 1


def test_parameter_sets_that_come_twice_at_times_end_no_clip(tmp_path: Path) -> None:
    """A server of GStreamer adds its own once a second to those of each keyframe."""
    with RtspServer([Camera("/live", size=(320, 240), rate=20, keyint=10)]) as server:
        first = spec(
            server.url("/live"), NOTHING, buffer_s=2.0, folder=str(tmp_path / "cam"), recording=WHOLE
        )
        with capture(first) as main:
            main.until(lambda: main.gauge(CaptureGauge.PACKETS) > 60)
            main.send(changed(first, clips=(request(main, tmp_path / "clip.mp4", 1.5, 1.5),)))
            main.until(lambda: bool(main.clips))
    (report,) = main.clips
    assert report.before_s >= 1.5
    assert report.duration_s >= 2.9
    assert len(finished(tmp_path / "cam")) == 1


def test_a_clip_ends_where_its_camera_goes_away(tmp_path: Path) -> None:
    with RtspServer([Camera("/live")]) as server:
        first = spec(
            server.url("/live"),
            EVERY,
            buffer_s=2.0,
            timeout_s=2.0,
            folder=str(tmp_path),
            recording=WHOLE,
        )
        with capture(first) as main:
            main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 40, 20)
            asked = request(main, tmp_path / "clips" / "clip.mp4", 1.0, 60.0)
            main.send(changed(first, clips=(asked,)))
            main.turn_for(0.5)
            server.kill()
            main.until_state(SourceState.RETRYING, 10)
            main.until(lambda: bool(main.clips))
            server.start()
            main.until_state(SourceState.RUNNING, 20)
            main.turn_for(2.0)
    (report,) = main.clips
    assert report.code == ""
    assert 1.0 < read_film(Path(report.path)).duration_s < 10.0
    segments = [path for path in finished(tmp_path) if path.parent.name != "clips"]
    assert len(segments) == 2, "one before, one after"
    assert all(read_film(path).keyframes[0] for path in segments)


def test_a_camera_of_pictures_is_kept_in_matroska(tmp_path: Path) -> None:
    with mjpeg_camera(rate=10) as url:
        first = spec(url, NOTHING, buffer_s=2.0)
        with capture(first) as main:
            main.until(lambda: main.gauge(CaptureGauge.PACKETS) > 25, 20)
            main.send(changed(first, clips=(request(main, tmp_path / "clip.mp4", 1.0, 1.0),)))
            main.until(lambda: bool(main.clips))
    (report,) = main.clips
    assert report.path == str(tmp_path / "clip.mkv")
    clip = read_film(tmp_path / "clip.mkv")
    assert clip.duration_s == pytest.approx(2.0, abs=0.3), "by arrival: such cameras send no stamps"
    assert all(clip.keyframes)


def test_what_a_killed_capture_wrote_plays_and_is_finished_by_the_next(film: Path, tmp_path: Path) -> None:
    first = spec(film, NOTHING, buffer_s=1.0, folder=str(tmp_path / "cam"), recording=WHOLE)
    with process(first) as (main, child):
        main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 20)
        asked = request(main, tmp_path / "cam" / "clips" / "clip.mp4", 0.5, 60.0)
        main.send(changed(first, clips=(asked,)))
        main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 100)
        os.kill(child.popen.pid, signal.SIGKILL)
        child.popen.wait(HANGS_S)
    parts = sorted((tmp_path / "cam").rglob(".*.part"))
    assert len(parts) == 2
    pictures = read_film(film).pictures
    kept = read_film(parts[0]).pictures
    assert len(kept) > 50, "all but the last fragment, of 2 s at most, and what was read ahead"
    assert pictures[: len(kept)] == kept
    (tmp_path / "cam" / "clips" / ".empty.mp4.part").touch()
    (tmp_path / "cam" / "clips" / ".half.mp4.whole").touch()
    (tmp_path / "cam" / "clips" / "mine.txt").touch()
    with process(spec(film, NOTHING, folder=str(tmp_path / "cam"))) as (main, _):
        main.until(lambda: not list((tmp_path / "cam").rglob(".*")))
    found = [path.name for path in finished(tmp_path / "cam")]
    assert found == [part.name[1:-5] for part in parts]
    assert (tmp_path / "cam" / "clips" / "mine.txt").exists()
    for path in finished(tmp_path / "cam"):
        played = play(path)
        assert played.error == ""
        assert played.shown > 1.5


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own, of so many bytes."""
    folder.mkdir()
    try:
        command("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    try:
        yield folder
    finally:
        command("umount", "-l", str(folder))


def test_a_full_disk_stops_nothing_but_the_recording(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edged.capture.recording.segments._AGAIN_NS", 1_000_000_000)
    with small_disk(tmp_path / "disk", "256k") as disk:
        (disk / "ballast").write_bytes(bytes(200_000))
        first = spec(film, EVERY, loop=True, buffer_s=1.0, folder=str(disk / "cam"), recording=WHOLE)
        with capture(first) as main:
            main.until(lambda: bool(main.recorder), 20)
            assert "the disk is full" in main.recorder[-1].error
            assert "make room" in main.recorder[-1].error
            main.send(changed(first, clips=(request(main, disk / "clips" / "clip.mp4", 1.0, 1.0),)))
            main.until(lambda: bool(main.clips), 10)
            assert (main.clips[0].code, "the disk is full" in main.clips[0].error) == ("internal", True)
            before = len(main.frames)
            main.turn_for(2.0)
            assert len(main.frames) - before > 30, "pictures go on"
            assert len(main.recorder) == 1, "said once"
            assert main.gauge(CaptureGauge.UNRECORDED) > 0
            (disk / "ballast").unlink()
            main.until(lambda: main.recorder[-1].error == "", 10)
            main.turn_for(1.0)
        films = finished(disk / "cam")
        assert films
        assert all(read_film(path).keyframes[0] for path in films), "what holds no picture does not stay"
        assert not list(disk.rglob(".*"))


def test_without_room_for_two_a_clip_stays_in_fragments(film: Path, tmp_path: Path) -> None:
    def clip_in(folder: Path) -> ClipReport:
        first = spec(film, EVERY, buffer_s=20.0)
        with capture(first) as main:
            main.until(lambda: len(main.frames) > 40, 20)
            main.send(changed(first, clips=(request(main, folder / "clip.mp4", 20.0, 1.0),)))
            main.until(lambda: bool(main.clips), 20)
        return main.clips[0]

    roomy = clip_in(tmp_path)
    with small_disk(tmp_path / "disk", f"{roomy.bytes * 3 // 2 // 1024}k") as disk:
        tight = clip_in(disk)
        assert (tight.code, tight.error) == ("", "")
        assert finished(disk) == [disk / "clip.mp4"]
        clip = read_film(disk / "clip.mp4")
        assert clip.duration_s == pytest.approx(tight.duration_s, abs=0.1)
        assert not list(disk.glob(".*"))


def test_a_folder_that_cannot_be_made_is_said(film: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    first = spec(film, NOTHING, folder=str(tmp_path / "file" / "cam"), recording=WHOLE)
    with capture(first) as main:
        main.until(lambda: bool(main.recorder))
        assert "no folder" in main.recorder[0].error
        main.send(changed(first, clips=(request(main, tmp_path / "file" / "x" / "clip.mp4", 1.0, 0.2),)))
        main.until(lambda: bool(main.clips))
        assert main.clips[0].code == "internal"


def test_a_disk_that_hangs_holds_up_no_pictures(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "_HANGS_NS", 1_000_000_000)
    monkeypatch.setattr("edged.capture.recording.writing._STILL_SLOW_NS", 500_000_000)
    with disk_that_freezes(tmp_path / "disk") as disk:
        first = spec(film, EVERY, loop=True, folder=str(disk / "cam"), recording=Recording(2.0))
        with capture(first) as main:
            main.until(lambda: len(finished(disk)) >= 1, 20)
            assert not main.recorder
            command("fsfreeze", "-f", str(disk))
            main.until(lambda: bool(main.recorder), 20)
            assert "does not answer" in main.recorder[-1].error
            before = len(main.frames)
            main.turn_for(2.0)
            assert len(main.frames) - before > 30
            assert main.deadlines_missed == 0
            command("fsfreeze", "-u", str(disk))
            main.until(lambda: main.recorder[-1].error == "", 10)
            assert [each.error == "" for each in main.recorder] == [False, True]
            main.until(lambda: len(finished(disk)) >= 3, 10)
            assert main.gauge(CaptureGauge.UNRECORDED) == 0, "some seconds wait in memory"
        assert all(read_film(path).keyframes[0] for path in finished(disk))


def test_a_capture_ends_though_its_disk_hangs(film: Path, tmp_path: Path) -> None:
    with disk_that_freezes(tmp_path / "disk") as disk:
        first = spec(film, EVERY, folder=str(disk / "cam"), recording=Recording(2.0))
        with capture(first) as main:
            main.until(lambda: len(main.frames) > 30)
            command("fsfreeze", "-f", str(disk))
            main.turn_for(3.0)  # so that it is at it


@contextmanager
def disk_that_freezes(folder: Path) -> Iterator[Path]:
    """A file system of its own that `fsfreeze` holds up, as a disk that does not answer."""
    folder.mkdir()
    image = folder.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(64 << 20)
    try:
        command("mkfs.ext4", "-q", str(image))
        command("mount", "-o", "loop", str(image), str(folder))
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    try:
        yield folder
    finally:
        subprocess.run(["fsfreeze", "-u", str(folder)], check=False, timeout=10, capture_output=True)
        command("umount", "-l", str(folder))


def command(*words: str) -> None:
    subprocess.run(words, check=True, timeout=20, capture_output=True)


def test_what_is_recorded_is_not_for_everybody_to_change(film: Path, tmp_path: Path) -> None:
    first = spec(film, NOTHING, folder=str(tmp_path / "cam"), recording=WHOLE)
    with capture(first) as main:
        main.until(lambda: bool(list(tmp_path.rglob("*.part"))))
    (path,) = finished(tmp_path)
    assert not stat.S_IMODE(path.stat().st_mode) & 0o022
