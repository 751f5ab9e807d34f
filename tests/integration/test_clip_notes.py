"""The note beside a clip: it outlives its capture, tells the next one what to report, and goes when told."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edged.capture.recording.leftovers import finish_leftovers
from edged.capture.recording.note import read_note, write_note
from edged.capture.recording.part_file import part_of
from edged.model.capturing import CaptureSpec, ClipCause, ClipReport, ClipRequest, Demand
from edged.model.gauges import CaptureGauge
from edged.model.recordings import CLIPS, clip_name, note_of
from tests.integration.capture_rig import changed, spec
from tests.integration.clips import Clip, make_clip
from tests.integration.films import read_film
from tests.integration.test_capture_process import process
from tests.stopwatch import HANGS_S

NOTHING = Demand()
MOMENT_NS = 1_795_615_500_123_000_000
CAUSE = ClipCause("0f" * 16, "7f3a9c0e", "people", "zone_enter", MOMENT_NS)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 s at 20/s, a keyframe every 0.5 s."""
    return make_clip(tmp_path_factory.mktemp("films") / "film.mp4", Clip(frames=400, fps=20, gop=10))


def place(folder: Path) -> Path:
    return folder / "cam" / CLIPS / clip_name(MOMENT_NS, "people", "7f3a9c0e")


def asked(first: CaptureSpec, path: Path, before_s: float, after_s: float) -> CaptureSpec:
    request = ClipRequest(1, time.monotonic_ns(), before_s, after_s, str(path), CAUSE)
    return changed(first, clips=(request,))


def test_a_clip_whose_capture_is_killed_is_reported_by_the_next(film: Path, tmp_path: Path) -> None:
    path = place(tmp_path)
    first = spec(film, NOTHING, buffer_s=1.0, folder=str(tmp_path / "cam"))
    with process(first) as (main, child):
        main.until(lambda: main.gauge(CaptureGauge.PACKETS) > 40)
        asked_first = asked(first, path, 0.5, 30.0)
        main.send(asked_first)
        main.until(lambda: main.gauge(CaptureGauge.PACKETS) > 80, 20)
        (request,) = asked_first.clips
        longer = replace(request, after_s=60.0, cause=replace(CAUSE, events=3))
        main.send(changed(asked_first, clips=(longer,)))
        main.until(lambda: main.gauge(CaptureGauge.PACKETS) > 160, 20)
        os.kill(child.popen.pid, signal.SIGKILL)
        child.popen.wait(HANGS_S)
    assert not main.clips
    assert part_of(path).exists()
    for starts in range(2):
        with process(first) as (main, _):
            main.until(lambda: bool(main.clips), 20)
            (report,) = main.clips
        assert (report.id, report.code, report.path, report.cut) == (0, "", str(path), True), starts
        assert report.cause == replace(CAUSE, events=3)
        assert report.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert report.bytes == path.stat().st_size
        assert report.duration_s == pytest.approx(read_film(path).duration_s, abs=0.01)
        assert report.duration_s > 2.0
        assert 0.5 <= report.before_s < 1.1
        assert note_of(path).exists(), "nobody has said that it was told"
    note_of(path).unlink()  # as main does when it has told of it
    assert list(finish_leftovers(tmp_path / "cam")) == []
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_clip_that_was_whole_and_not_heard_of_is_reported_as_whole(film: Path, tmp_path: Path) -> None:
    path = place(tmp_path)
    first = spec(film, NOTHING, buffer_s=1.0, folder=str(tmp_path / "cam"))
    with process(first) as (main, child):
        main.until(lambda: main.gauge(CaptureGauge.PACKETS) > 40)
        main.send(asked(first, path, 0.5, 0.5))
        main.until(lambda: bool(main.clips), 20)
        (there,) = main.clips
        os.kill(child.popen.pid, signal.SIGKILL)
        child.popen.wait(HANGS_S)
    with process(first) as (main, _):
        main.until(lambda: bool(main.clips), 20)
        (again,) = main.clips
    assert (again.cut, there.cut) == (False, False)
    for name in ("path", "bytes", "sha256", "codec", "cause", "before_s", "start_wall_ns"):
        assert getattr(again, name) == getattr(there, name), name
    assert again.duration_s == pytest.approx(there.duration_s, abs=0.01)


def test_what_is_no_note_of_a_clip_tells_nothing(film: Path, tmp_path: Path) -> None:
    path = place(tmp_path)
    write_note(ClipReport(1, path=str(path), cause=CAUSE))
    assert read_note(note_of(path)) is not None
    assert list(finish_leftovers(tmp_path / "cam")) == [], "there is no clip"
    assert list(path.parent.iterdir()) == []
    others = ClipCause("1f" * 16, "7f3a9c0e", "../others", "zone_enter", MOMENT_NS)
    contents: list[bytes] = [
        b"",
        b"[]",
        b"\xff",
        b'["ClipReport",{"id":1}]',
        b'["ClipReport",{"id":1,"x":2}]',
    ]
    for content in contents:
        path.write_bytes(film.read_bytes())
        note_of(path).write_bytes(content)
        note_of(path).with_name(note_of(path).name + ".new").touch()
        assert list(finish_leftovers(tmp_path / "cam")) == [], content
        assert [each.name for each in path.parent.iterdir()] == [path.name]
    write_note(ClipReport(1, path=str(path), cause=others))
    assert list(finish_leftovers(tmp_path / "cam")) == [], "of another job than its file"
    write_note(ClipReport(1, path=str(path), cause=CAUSE))
    (report,) = finish_leftovers(tmp_path / "cam")
    assert report.path == str(path)
