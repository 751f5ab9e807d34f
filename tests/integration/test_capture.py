"""A capture against real files: what is decoded, copied, stamped and reported."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest

from edged.model.capturing import Demand, ResumePoint, SourceState
from edged.model.gauges import CaptureGauge
from edged.model.sampling import SampleOn, Sampling
from tests.integration.capture_rig import EVERY, assert_kept_pace, capture, changed, each, spec
from tests.integration.clips import Clip, make_clip
from tests.stopwatch import CALM_S, Stopwatch

KEYFRAMES = Demand(samplings=(Sampling(0, on=SampleOn.KEYFRAMES),), keyframes_only=True)


@pytest.fixture(scope="module")
def two_seconds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 frames at 30/s, a keyframe every 15, B-frames between."""
    return make_clip(tmp_path_factory.mktemp("clips") / "two.mp4", Clip(b_frames=2))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 frames at 30/s, all from one keyframe."""
    return make_clip(tmp_path_factory.mktemp("clips") / "short.mp4", Clip(frames=12))


def test_every_frame_of_a_file_comes_in_order_and_on_time(two_seconds: Path) -> None:
    with capture(spec(two_seconds)) as main:
        main.until_state(SourceState.ENDED)
        assert [frame.index for frame in main.frames] == list(range(60))
        assert [frame.pts_us for frame in main.frames] == [i * 1_000_000 // 30 for i in range(60)]
        assert [frame.index for frame in main.frames if frame.keyframe] == [0, 15, 30, 45]
        assert [frame.key_index for frame in main.frames if frame.keyframe] == [0, 1, 2, 3]
        assert_kept_pace(main.frames)
        assert main.reports[-2].state is SourceState.RUNNING
        report = main.reports[-2]
        assert (report.width, report.height, report.codec, report.fps) == (160, 120, "h264", 30.0)
        assert main.gauge(CaptureGauge.DECODED) == main.gauge(CaptureGauge.COPIED) == 60
        assert not main.deadlines_missed


def test_frames_reach_the_reader_soon_after_they_are_due(two_seconds: Path) -> None:
    watch = Stopwatch()
    with capture(spec(two_seconds)) as main:
        main.until_state(SourceState.ENDED)
        waits_ms = sorted(
            (seen - frame.captured_ns) / 1e6 for seen, frame in zip(main.seen_ns, main.frames, strict=True)
        )
        limit_ms = 5.0 if watch.crowded_s < CALM_S else 200.0
        assert waits_ms[len(waits_ms) // 2] < limit_ms, waits_ms


def test_only_due_frames_are_copied(two_seconds: Path) -> None:
    with capture(spec(two_seconds, each(0.5))) as main:
        main.until_state(SourceState.ENDED)
        assert [frame.index for frame in main.frames] == [0, 15, 30, 45]
        assert main.gauge(CaptureGauge.DECODED) == 60
        assert main.gauge(CaptureGauge.COPIED) == 4
        assert main.gauge(CaptureGauge.DROPPED) == 0


def test_only_keyframes_are_decoded_when_no_job_needs_more(two_seconds: Path) -> None:
    with capture(spec(two_seconds, KEYFRAMES)) as main:
        main.until_state(SourceState.ENDED)
        assert [(frame.index, frame.key_index) for frame in main.frames] == [
            (0, 0),
            (15, 1),
            (30, 2),
            (45, 3),
        ]
        assert [frame.pts_us for frame in main.frames] == [0, 500_000, 1_000_000, 1_500_000]
        assert [frame.previous_key_us for frame in main.frames] == [None, 0, 500_000, 1_000_000]
        assert main.gauge(CaptureGauge.DECODED) == main.gauge(CaptureGauge.COPIED) == 4
        assert main.gauge(CaptureGauge.FRAMES) == 60
        assert_kept_pace(main.frames)


def test_without_a_job_only_a_glance_is_decoded(two_seconds: Path) -> None:
    with capture(spec(two_seconds, Demand())) as main:
        main.until_state(SourceState.RUNNING)
        main.until_state(SourceState.ENDED)
        assert 1 <= main.gauge(CaptureGauge.DECODED) <= 2
        assert main.gauge(CaptureGauge.FRAMES) == 60
        assert main.gauge(CaptureGauge.COPIED) == main.gauge(CaptureGauge.DROPPED) == 0


def test_demand_changes_while_it_runs(two_seconds: Path) -> None:
    first = spec(two_seconds, KEYFRAMES, loop=True)
    with capture(first) as main:
        main.until(lambda: len(main.frames) == 2)
        main.send(changed(first, demand=EVERY))
        main.until(lambda: len(main.frames) >= 40)
        steps = [b.index - a.index for a, b in pairwise(main.frames)]
        begins = steps.index(1)  # at a keyframe or more after it was asked for
        assert steps[begins:] == [1] * len(steps[begins:])
        assert all(step > 1 for step in steps[:begins])
        assert main.frames[begins].keyframe, "full decoding begins at a keyframe"
        assert [state.state for state in main.reports].count(SourceState.RUNNING) == 1, "opened once"


def test_the_cap_takes_frames_out_of_the_source(two_seconds: Path) -> None:
    with capture(spec(two_seconds, fps=10.0)) as main:
        main.until_state(SourceState.ENDED)
        assert [frame.index for frame in main.frames] == list(range(20))
        assert [frame.pts_us // 1000 for frame in main.frames] == [i * 100 for i in range(20)]
        assert main.gauge(CaptureGauge.DECODED) == 60
        assert main.gauge(CaptureGauge.FRAMES) == 20


def test_a_loop_begins_an_epoch_and_numbers_go_on(short: Path) -> None:
    with capture(spec(short, loop=True)) as main:
        main.until(lambda: len(main.frames) >= 40)
        frames = main.frames
        assert [frame.index for frame in frames] == list(range(len(frames)))
        assert [frame.epoch for frame in frames[:36]] == [1] * 12 + [2] * 12 + [3] * 12
        steps = [b.pts_us - a.pts_us for a, b in pairwise(frames)]
        assert all(33_332 <= step <= 33_334 for step in steps), "the last frame lasts as long as the others"
        assert_kept_pace(frames[:37])  # and so do the seconds on the clock
        second = frames[12]
        assert (second.previous_us, second.t0_us, second.first_index) == (None, second.pts_us, 12)
        assert SourceState.RETRYING not in {report.state for report in main.reports}
        assert main.gauge(CaptureGauge.RECONNECTS) == 0


@pytest.mark.parametrize("demand", [each(0.5), KEYFRAMES, Demand()])
def test_a_short_loop_that_hardly_anyone_looks_at_keeps_its_pace(tmp_path: Path, demand: Demand) -> None:
    tiny = make_clip(tmp_path / "tiny.mp4", Clip(frames=3))
    with capture(spec(tiny, demand, loop=True)) as main:
        main.until_state(SourceState.RUNNING)
        began_s, before = time.monotonic(), main.gauge(CaptureGauge.FRAMES)
        main.turn_for(2.0)
        due = (time.monotonic() - began_s) * 30
        frames = main.gauge(CaptureGauge.FRAMES) - before
        assert due / 2 <= frames <= due * 2, "30 frames/s, and what is decoded ahead or late"


def test_a_replaced_capture_goes_on_where_the_last_one_was(short: Path) -> None:
    captured_ns = time.monotonic_ns() - 700_000_000
    point = ResumePoint(epoch=4, index=99, key_index=7, pts_us=5_000_000, captured_ns=captured_ns)
    with capture(spec(short, resume=point)) as main:
        main.until_state(SourceState.ENDED)
        first = main.frames[0]
        assert (first.epoch, first.index, first.key_index) == (5, 100, 8)
        passed_us = (first.captured_ns - point.captured_ns) / 1000
        assert passed_us > 700_000
        assert first.pts_us - point.pts_us == pytest.approx(passed_us, abs=500_000)
        assert [frame.index for frame in main.frames] == list(range(100, 112))
        assert main.gauge(CaptureGauge.FRAMES) == 12, "its own frames only"


def test_stop_is_obeyed_while_a_frame_is_not_due_yet(tmp_path: Path) -> None:
    slow = make_clip(tmp_path / "slow.mp4", Clip(frames=3, fps=1))
    with capture(spec(slow)) as main:
        main.until(lambda: len(main.frames) == 1)
        watch = Stopwatch()
    assert watch.is_within(0.3)


def test_the_first_frame_of_a_file_waits_for_its_track(short: Path) -> None:
    with capture(spec(short, each(10)), answering=False) as main:
        main.until(lambda: bool(main.requests))
        main.turn_for(0.7)
        assert main.gauge(CaptureGauge.FRAMES) == 0, "the clock of a file is held until it has a track"
        main.offer(main.requests[0])
        main.until_state(SourceState.ENDED)
        assert [frame.index for frame in main.frames] == [0]
        assert main.gauge(CaptureGauge.DROPPED) == 0


def test_a_deeper_track_takes_over_in_mid_stream(two_seconds: Path) -> None:
    with capture(spec(two_seconds), slots=32) as main:
        main.until(lambda: len(main.frames) >= 20)
        main.slots, seen = 64, len(main.frames)
        main.offer(main.requests[0])
        main.until_state(SourceState.ENDED)
        assert [frame.index for frame in main.frames] == list(range(60))
        on_track = main.on_track()
        assert on_track == list(range(on_track[0], 60))
        assert on_track[0] <= seen - 5, "what was on the track before went along"
        assert {frame.epoch for frame in main.frames} == {1}


def test_the_cap_lets_keyframes_pass_where_only_they_are_wanted(tmp_path: Path) -> None:
    """At 30/s, a keyframe every 7: most are not the first frame of a cell of the cap."""
    clip = make_clip(tmp_path / "clip.mp4", Clip(frames=60, gop=7))
    with capture(spec(clip, KEYFRAMES, fps=5.0)) as main:
        main.until_state(SourceState.ENDED)
        assert [frame.key_index for frame in main.frames] == list(range(9))
        assert all(frame.keyframe for frame in main.frames)


def test_keyframes_for_a_window_stay_beside_the_frames_of_other_jobs(two_seconds: Path) -> None:
    demand = Demand(every_frame=True, samplings=(Sampling(0, on=SampleOn.KEYFRAMES),), keep_keyframes=3)
    with capture(spec(two_seconds, demand), slots=8) as main:
        main.until_state(SourceState.ENDED)
        assert main.on_track()[:3] == [15, 30, 45]
        assert main.on_track()[-1] == 59


def test_a_missing_file_is_tried_again_until_it_is_there(tmp_path: Path, short: Path) -> None:
    path = tmp_path / "late.mp4"
    with capture(spec(path, timeout_s=1.0)) as main:
        report = main.until_state(SourceState.RETRYING)
        assert "late.mp4" in report.error
        path.write_bytes(short.read_bytes())
        main.until_state(SourceState.ENDED)
        assert len(main.frames) == 12


@pytest.mark.parametrize("content", [b"", b"\x00" * 4096, b"#!/bin/sh\necho no video here\n" * 50])
def test_what_is_no_video_fails_and_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "not.mp4"
    path.write_bytes(content)
    with capture(spec(path)) as main:
        report = main.until_state(SourceState.FAILED)
        assert "not a video" in report.error
        main.turn_for(0.3)
        assert main.reports[-1] is report, "it is not tried again"


def test_a_truncated_video_plays_what_is_there(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.ts", Clip(frames=60))
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    with capture(spec(cut)) as main:
        main.until_state(SourceState.ENDED)
        assert 20 <= len(main.frames) <= 50


def test_a_video_without_a_picture_that_decodes_fails_even_when_it_loops(tmp_path: Path, short: Path) -> None:
    broken = tmp_path / "broken.mp4"
    content = bytearray(short.read_bytes())
    start = content.index(b"mdat") + 4
    end = content.index(b"moov") - 4 if content.index(b"moov") > start else len(content)
    content[start:end] = b"\xff" * (end - start)
    broken.write_bytes(content)
    with capture(spec(broken, loop=True)) as main:
        report = main.until_state(SourceState.FAILED)
        assert "no picture" in report.error
        packets = main.gauge(CaptureGauge.PACKETS)
        main.turn_for(0.5)
        assert main.gauge(CaptureGauge.PACKETS) == packets, "nothing loops hot"


def test_a_new_url_is_opened_without_a_new_process(short: Path, two_seconds: Path) -> None:
    first = spec(short)
    with capture(first) as main:
        main.until_state(SourceState.ENDED)
        main.send(changed(first, url=str(two_seconds)))
        main.until(lambda: len(main.frames) == 72)
        assert main.frames[12].epoch == 2
        assert main.frames[12].pts_us > main.frames[11].pts_us
        main.until_state(SourceState.ENDED)
