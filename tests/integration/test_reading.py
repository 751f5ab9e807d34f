"""Reading videos offline: only what is needed is decoded, and what comes is the same to the bit."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import av
import pytest

from edged.model.capturing import SourceState
from edged.model.frame import FrameHeader
from edged.model.intake import Intake
from edged.model.sampling import SampleOn, Sampling
from edged.offline.reading.footage import open_video
from edged.offline.reading.reader import Look, ReadCounts, Reader, Span
from tests.integration.capture_rig import capture, each, spec
from tests.integration.coded_clips import CODINGS, make_coded

FOOTAGE = (
    "bottle-detection.mp4",
    "car-detection.mp4",
    "one-by-one-person-detection.mp4",
    "store-aisle-detection.mp4",
)
AS_IT_COMES = Intake()
KEYFRAMES = Sampling(0, on=SampleOn.KEYFRAMES)


def read(
    path: Path,
    samplings: Sequence[Sampling],
    *,
    span: Span | None = None,
    foresee: bool = True,
    every_frame: bool = False,
    intake: Intake = AS_IT_COMES,
) -> tuple[list[Look], ReadCounts]:
    with open_video(path) as video:
        reader = Reader(video, samplings, span=span, foresee=foresee, every_frame=every_frame, intake=intake)
        return list(reader.looks()), reader.counts


def numbers(header: FrameHeader) -> tuple[object, ...]:
    """All of a header but when it was captured."""
    return tuple(
        getattr(header, name)
        for name in FrameHeader.__slots__
        if name not in ("captured_ns", "captured_wall_ns")
    )


def told(looks: Iterable[Look]) -> list[object]:
    """All that a look says, its pixels as their digests."""
    return [
        (
            numbers(look.header),
            [
                [(numbers(frame.header), hashlib.md5(frame.pixels).hexdigest()) for frame in window]
                for window in look.windows
            ],
            look.frame is not None and hashlib.md5(look.frame.pixels).hexdigest(),
        )
        for look in looks
    ]


def some_samplings(chance: random.Random) -> list[Sampling]:
    return [
        Sampling(
            chance.choice((0, 200_000, 500_000, 1_000_000, 1_700_000)),
            chance.choice((1, 1, 2, 3)),
            chance.choice((0, 1, 4)),
            chance.choice((SampleOn.FRAMES, SampleOn.FRAMES, SampleOn.KEYFRAMES)),
        )
        for _ in range(chance.choice((1, 1, 2)))
    ]


def some_span(chance: random.Random) -> Span:
    start_us = chance.randrange(3_000_000)
    return Span(start_us, start_us + chance.randrange(10_000, 1_500_000))


def compare(path: Path, seed: int, rounds: int) -> None:
    chance = random.Random(seed)
    for number in range(rounds):
        samplings = some_samplings(chance)
        span = some_span(chance) if number % 2 else Span()
        ours, counts = read(path, samplings, span=span)
        plain, _ = read(path, samplings, span=span, foresee=False)
        assert told(ours) == told(plain), (samplings, span)
        assert counts.missing == 0


@pytest.mark.parametrize("name", CODINGS)
def test_what_is_left_out_changes_nothing(tmp_path: Path, name: str) -> None:
    path = make_coded(tmp_path / "clip", CODINGS[name])
    assert told(read(path, [Sampling(0)])[0]) == told(read(path, [Sampling(0)], foresee=False)[0])
    compare(path, seed=len(name), rounds=6)


@pytest.mark.parametrize("name", FOOTAGE)
def test_nor_in_real_footage(assets: Path, name: str) -> None:
    compare(assets / name, seed=7, rounds=4)


@pytest.mark.parametrize(
    ("name", "most"),
    [("x264", 40), ("x264 pyramid", 16), ("x265", 30), ("mpeg4", 20), ("mjpeg", 4), ("vp9", 50), ("av1", 30)],
)
def test_much_is_left_out(tmp_path: Path, name: str, most: int) -> None:
    """Of 120 pictures, when four are wanted."""
    _, counts = read(make_coded(tmp_path / "clip", CODINGS[name]), [Sampling(1_000_000)])
    assert counts.shown in (3, 4)
    assert counts.decoded <= most, counts


def test_keyframes_alone(assets: Path) -> None:
    looks, counts = read(assets / "bottle-detection.mp4", [KEYFRAMES])
    assert [look.header.index for look in looks] == [0, 250, 500, 750, 1000]
    assert counts.decoded == 5


def test_reading_ends_with_the_span(assets: Path) -> None:
    span = Span(10_000_000, 12_000_000)
    looks, counts = read(assets / "bottle-detection.mp4", [Sampling(500_000, 3, 5)], span=span)
    assert all(span.holds(look.header.pts_us) for look in looks)
    assert [len(look.windows[0]) for look in looks] == [3] * 4
    assert looks[0].windows[0][0].header.index == looks[0].header.index - 10, "a window may begin before it"
    assert counts.packets < 400


def test_without_stamps_all_is_decoded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = make_coded(tmp_path / "clip", CODINGS["raw h264"])
    with caplog.at_level("DEBUG", "edged.offline"):
        looks, counts = read(path, [Sampling(1_000_000)])
    assert counts.decoded == 120
    assert len(looks) in (4, 5)
    assert [record.message for record in caplog.records] == [
        "from picture 1 on all are decoded: a picture has no stamp"
    ]


@pytest.mark.parametrize("name", ["x264 ts", "x265 ts"])
def test_a_size_that_changes_begins_an_epoch(tmp_path: Path, name: str) -> None:
    """As in realtime; from there on all is decoded."""
    small = make_coded(tmp_path / "small", CODINGS[name])
    large = make_coded(tmp_path / "large", replace(CODINGS[name], size=(320, 192), first_tick=130))
    path = tmp_path / "both.ts"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    samplings = [Sampling(700_000), Sampling(300_000, 3, 2)]
    looks, counts = read(path, samplings)
    assert told(looks) == told(read(path, samplings, foresee=False)[0])
    assert {(look.header.epoch, look.header.format.width) for look in looks} == {(1, 160), (2, 320)}
    assert counts.missing == 0


@pytest.mark.parametrize("name", ["x265 ts", "x264 open ts", "mpeg2"])
def test_a_file_that_begins_in_the_middle(tmp_path: Path, name: str) -> None:
    """Of an open group: its first pictures cannot be shown by anybody."""
    whole = make_coded(tmp_path / "whole", CODINGS[name])
    path = tmp_path / "part.ts"
    with av.open(str(whole)) as came, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(came.streams.video[0])
        for number, packet in enumerate(came.demux(video=0)):
            if packet.size and number >= 15:
                packet.stream = stream
                out.mux(packet)
    compare(path, seed=3, rounds=4)
    looks, _ = read(path, [Sampling(0)])
    assert 70 < len(looks) <= 105


def test_all_frames_when_they_are_wanted(tmp_path: Path) -> None:
    path = make_coded(tmp_path / "clip", CODINGS["x264"])
    looks, _ = read(path, [Sampling(1_000_000)], every_frame=True)
    assert [look.header.index for look in looks] == list(range(120))
    assert sum(bool(look.windows[0]) for look in looks) == 4
    assert all(look.frame is not None for look in looks)


# ---- the same as in realtime ----


@pytest.mark.parametrize("name", ["car-detection.mp4", "store-aisle-detection.mp4", "bottle-detection.mp4"])
@pytest.mark.parametrize("interval_us", [200_000, 1_000_000])
def test_due_frames_are_those_of_realtime(assets: Path, name: str, interval_us: int) -> None:
    path = assets / name
    for_us = 3_500_000
    with capture(spec(path, each(interval_us / 1e6)), keep_pixels=True, slots=16) as main:
        main.until(lambda: bool(main.frames) and main.frames[-1].pts_us + interval_us > for_us, for_s=30)
        live = list(zip(main.frames, main.pixels, strict=True))
    looks, _ = read(path, [Sampling(interval_us)], span=Span(0, for_us))
    assert len(looks) >= 3
    for (header, pixels), look in zip(live, looks, strict=False):
        assert numbers(header) == numbers(look.header)
        assert look.frame is not None
        assert (pixels == look.frame.pixels).all()
    assert abs(len(live) - len(looks)) <= 1


@pytest.mark.parametrize(
    "name", ["x264 open", "x265", "x264 variable rate", "mpeg4", "vp8 hidden", "raw h264"]
)
def test_headers_are_those_of_realtime(tmp_path: Path, name: str) -> None:
    """All frames of clips of all kinds, also where the numbers come from packets."""
    coding = CODINGS[name]
    path = make_coded(tmp_path / "clip", replace(coding, frames=50))
    span = Span(0, 3_000_000)
    with capture(spec(path), slots=64) as main:
        main.until(
            lambda: (
                (main.reports[-1:] != [] and main.reports[-1].state is SourceState.ENDED)
                or (bool(main.frames) and main.frames[-1].pts_us > 3_000_000)
            ),
            for_s=30,
        )
        main.read()
        live = [numbers(header) for header in main.frames if span.holds(header.pts_us)]
    looks, _ = read(path, [Sampling(0)], span=span)
    assert [numbers(look.header) for look in looks][: len(live)] == live
    assert len(looks) - len(live) <= 1


@pytest.mark.parametrize("name", ["x264 open", "x265", "raw h264", "vp8 hidden"])
@pytest.mark.parametrize("intake", [Intake((160, 120), 7.5), Intake(None, 10), Intake((162, 90))])
def test_a_source_is_scaled_and_capped_as_in_realtime(tmp_path: Path, name: str, intake: Intake) -> None:
    path = make_coded(tmp_path / "clip", replace(CODINGS[name], frames=50))
    wanted = replace(spec(path), size=intake.size, fps=intake.fps)
    with capture(wanted, keep_pixels=True, slots=64) as main:
        main.until(lambda: main.reports[-1:] != [] and main.reports[-1].state is SourceState.ENDED, for_s=30)
        main.read()
        live = list(zip(main.frames, main.pixels, strict=True))
    samplings = [Sampling(300_000, count=3, step=2), Sampling(200_000)]
    looks, _ = read(path, [*samplings, Sampling(0)], intake=intake)
    assert [numbers(look.header) for look in looks] == [numbers(header) for header, _ in live]
    for (_, pixels), look in zip(live, looks, strict=True):
        assert look.frame is not None
        assert (pixels == look.frame.pixels).all()
    foreseen, counts = read(path, samplings, intake=intake)
    plain, _ = read(path, samplings, intake=intake, foresee=False)
    assert told(foreseen) == told(plain)
    assert counts.missing == 0
    assert any(len(look.windows[0]) == 3 for look in foreseen)


def test_decoding_lets_other_threads_run(assets: Path) -> None:
    """PyAV gives the lock away while it decodes: a thread that counts goes on counting."""
    done = threading.Event()
    counted = 0

    def count() -> None:
        nonlocal counted
        while not done.is_set():
            counted += 1
            time.sleep(0.0005)

    thread = threading.Thread(target=count)
    thread.start()
    began = time.monotonic()
    try:
        read(assets / "one-by-one-person-detection.mp4", [Sampling(0)])
    finally:
        took_s = time.monotonic() - began
        done.set()
        thread.join()
    assert counted > 20 * took_s, "it got less than twenty turns a second"
