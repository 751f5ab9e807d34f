"""Footage that is not as it should be, or not as one thinks: read right, or refused in words."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from edged.errors import SourceUnavailable, SourceUnsupported
from edged.model.capturing import SourceState
from edged.model.frame import ColorRange
from edged.model.sampling import Sampling
from edged.offline.reading.footage import open_video
from edged.offline.reading.reader import Look, Reader
from tests.integration.capture_rig import capture, spec
from tests.integration.coded_clips import CODINGS, X264, Coding, make_coded
from tests.servers.model_server import ModelServer, Shelf

EVERY = [Sampling(0)]
ONE = 1 << 16
PORTRAIT = (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30)
"""A phone held upright: shown turned by 90 degrees, clockwise."""
TEN_SECONDS = Coding("libx264", options=X264 | {"x264-params": "keyint=24:bframes=3"}, frames=300)


def looks_of(source: Path | str, samplings: list[Sampling] = EVERY) -> list[Look]:
    with open_video(source) as video:
        return list(Reader(video, samplings).looks())


def broken_end(source: Path, samplings: list[Sampling] = EVERY) -> tuple[list[Look], str]:
    """(what came before, what was said then)"""
    looks: list[Look] = []
    with open_video(source) as video, pytest.raises(SourceUnavailable) as raised:
        looks.extend(Reader(video, samplings).looks())
    return looks, str(raised.value)


def refused(source: Path | str) -> str:
    with pytest.raises(SourceUnsupported) as raised:
        looks_of(source)
    return str(raised.value)


def front(path: Path) -> Path:
    """The same with its index at the front."""
    target = path.with_name(f"front-{path.name}")
    with av.open(str(path)) as came, av.open(str(target), "w", options={"movflags": "faststart"}) as out:
        stream = out.add_stream_from_template(came.streams.video[0])
        for packet in came.demux(video=0):
            if packet.size:
                packet.stream = stream
                out.mux(packet)
    return target


def plain_pictures(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def luma(look: Look) -> NDArray[np.uint8]:
    assert look.frame is not None
    return look.frame.y


# ---- pictures of other kinds ----


@pytest.mark.parametrize(
    ("codec", "suffix", "pixels"),
    [
        ("libx264", ".mp4", "yuv422p"),
        ("libx264", ".mp4", "yuv444p"),
        ("libx264", ".mp4", "yuv420p10le"),
        ("libx265", ".mp4", "yuv420p10le"),
        ("ffv1", ".mkv", "yuv420p"),
        ("libx264", ".mkv", "yuvj420p"),
        ("png", ".mov", "rgb24"),
    ],
)
def test_pixels_of_any_kind_become_i420(tmp_path: Path, codec: str, suffix: str, pixels: str) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    path = make_coded(tmp_path / "clip", Coding(codec, suffix, options, frames=6, pixels=pixels))
    looks = looks_of(path)
    assert len(looks) == 6
    full = pixels in ("yuvj420p", "rgb24")
    assert looks[0].header.format.color_range is (ColorRange.FULL if full else ColorRange.LIMITED)
    target = "yuvj420p" if full else "yuv420p"
    for look, picture in zip(looks, plain_pictures(path), strict=True):
        expected = picture.reformat(format=target).to_ndarray()[:96].astype(int)
        assert np.abs(luma(look).astype(int) - expected).max() <= 1


@pytest.mark.parametrize("coding", [
    Coding("mpeg4", ".avi", size=(641, 361), frames=5),
    Coding("libx264", size=(641, 361), frames=5, pixels="yuv444p"),
], ids=["4:2:0", "4:4:4"])  # fmt: skip
def test_odd_sizes(tmp_path: Path, coding: Coding) -> None:
    looks = looks_of(make_coded(tmp_path / "clip", coding))
    assert len(looks) == 5
    assert looks[0].header.format.frame_bytes == 641 * 361 + 2 * 321 * 181
    frame = looks[-1].frame
    assert frame is not None
    assert frame.bgr().shape == (361, 641, 3)


def test_a_variable_rate_keeps_its_times(tmp_path: Path) -> None:
    path = make_coded(tmp_path / "clip", replace(CODINGS["x264 variable rate"], frames=60))
    looks = looks_of(path, [Sampling(1_000_000)])
    stamps = [picture.pts * picture.time_base for picture in plain_pictures(path) if picture.pts is not None]
    due = [
        at
        for before, at in zip([Fraction(-1), *stamps], stamps, strict=False)
        if int(at + Fraction(1, 10**6)) > int(before + Fraction(1, 10**6))
    ]
    assert len(due) > 10
    assert [look.header.pts_us for look in looks][1:] == [int(at * 1_000_000) for at in due][
        -len(looks) + 1 :
    ]


def test_interlaced_pictures_are_whole_pictures(tmp_path: Path) -> None:
    path = make_coded(tmp_path / "clip", CODINGS["x264 interlaced"])
    assert any(picture.interlaced_frame for picture in plain_pictures(path))
    assert len(looks_of(path)) == 120


# ---- turned ----


TURNED = {
    "clockwise": (PORTRAIT, lambda plane: np.rot90(plane, -1)),
    "counterclockwise": ((0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30), np.rot90),
    "upside down": ((-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30), lambda plane: np.rot90(plane, 2)),
    "mirrored": ((-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30), np.fliplr),
    "as in a mirror on the floor": ((ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30), np.flipud),
}


@pytest.mark.parametrize("name", TURNED)
def test_pictures_are_turned_as_players_do(tmp_path: Path, name: str) -> None:
    matrix, turn = TURNED[name]
    path = make_coded(tmp_path / "clip", Coding("libx264", options=X264, frames=4, displayed=matrix))
    looks = looks_of(path)
    assert len(looks) == 4
    for look, picture in zip(looks, plain_pictures(path), strict=True):
        frame = look.frame
        assert frame is not None
        planes = picture.to_ndarray(channel_last=False)
        assert (frame.y == turn(planes[:96])).all()
        u = planes[96:120].reshape(48, 80)
        assert (frame.u == turn(u)).all()


def test_realtime_turns_them_the_same_way(tmp_path: Path) -> None:
    coding = Coding("libx264", options=X264, frames=8, displayed=PORTRAIT)
    path = make_coded(tmp_path / "clip", coding)
    with capture(spec(path), keep_pixels=True, slots=16) as main:
        main.until_state(SourceState.ENDED)
        main.read()
        assert (main.frames[0].format.width, main.frames[0].format.height) == (96, 160)
        for pixels, look in zip(main.pixels, looks_of(path), strict=True):
            assert look.frame is not None
            assert (pixels == look.frame.pixels).all()


def test_a_turned_picture_is_scaled_to_the_size_that_is_asked_for(tmp_path: Path) -> None:
    path = make_coded(tmp_path / "clip", Coding("libx264", options=X264, frames=4, displayed=PORTRAIT))
    with capture(spec(path, size=(48, 80)), keep_pixels=True, slots=16) as main:
        main.until_state(SourceState.ENDED)
        main.read()
        upright = main.pixels[0][: 48 * 80].reshape(80, 48).astype(int)
        expected = np.rot90(plain_pictures(path)[0].reformat(80, 48).to_ndarray()[:48], -1).astype(int)
        assert np.abs(upright - expected).max() <= 2


# ---- other streams ----


def with_sound(path: Path, *, pictures: bool) -> Path:
    with av.open(str(path), "w") as out:
        sound = out.add_stream("aac", rate=44_100)
        stream = out.add_stream("libx264", rate=30) if pictures else None
        if stream is not None:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        heard = av.AudioFrame.from_ndarray(np.zeros((1, 44_100), np.float32), format="fltp", layout="mono")
        heard.sample_rate, heard.pts = 44_100, 0
        out.mux(sound.encode(heard))
        out.mux(sound.encode(None))
        for number in range(30 if stream is not None else 0):
            assert stream is not None
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            out.mux(stream.encode(frame))
        if stream is not None:
            out.mux(stream.encode(None))
    return path


def test_sound_is_passed_over(tmp_path: Path) -> None:
    assert len(looks_of(with_sound(tmp_path / "clip.mp4", pictures=True))) == 30


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    assert refused(with_sound(tmp_path / "clip.mp4", pictures=False)) == "there is no video stream in it"


def test_a_cover_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as out:
        sound = out.add_stream("aac", rate=44_100)
        cover = out.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.VideoFrame(64, 48, "yuvj420p")
        frame.pts, frame.time_base = 0, Fraction(1, 1)
        heard = av.AudioFrame.from_ndarray(np.zeros((1, 44_100), np.float32), format="fltp", layout="mono")
        heard.sample_rate, heard.pts = 44_100, 0
        for stream, made in ((cover, frame), (sound, heard)):
            out.mux(stream.encode(made))  # type: ignore[attr-defined]
            out.mux(stream.encode(None))  # type: ignore[attr-defined]
    assert refused(path) == "there is no video stream in it"


# ---- broken ----


@pytest.mark.parametrize("coding", [
    TEN_SECONDS,
    replace(TEN_SECONDS, suffix=".mkv"),
    Coding("libvpx", ".webm", {"deadline": "realtime", "cpu-used": "8"}, frames=300),
    Coding("mpeg4", ".avi", frames=300, b_frames=2),
], ids=lambda coding: coding.suffix)  # fmt: skip
def test_of_a_truncated_file_all_that_is_there_is_given(tmp_path: Path, coding: Coding) -> None:
    path = make_coded(tmp_path / "clip", coding)
    path = front(path) if coding.suffix == ".mp4" else path
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])
    looks, said = broken_end(path)
    assert 100 < len(looks) < 220
    last_s = looks[-1].header.pts_us / 1e6
    assert f"{path} breaks off after " in said
    assert said.endswith(" s of 10.0 s: it is not whole")
    assert abs(float(said.split(" breaks off after ")[1].split()[0]) - last_s) < 0.5
    sparse, _ = broken_end(path, [Sampling(1_000_000)])
    assert [look.header.pts_us // 1_000_000 for look in sparse] == list(range(int(last_s) + 1))


def test_a_file_without_its_index_is_refused(tmp_path: Path) -> None:
    path = make_coded(tmp_path / "clip", TEN_SECONDS)
    path.write_bytes(path.read_bytes()[:20_000])
    assert "is not a video that edged reads" in refused(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
def test_what_is_damaged_in_the_middle_is_passed_over(tmp_path: Path, suffix: str) -> None:
    coding = (
        Coding("mpeg4", ".avi", frames=300, b_frames=2)
        if suffix == ".avi"
        else replace(TEN_SECONDS, suffix=suffix)
    )
    path = make_coded(tmp_path / "clip", coding)
    path = front(path) if suffix == ".mp4" else path
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 600] = random.Random(1).randbytes(600)
    path.write_bytes(content)
    with open_video(path) as video:
        reader = Reader(video, EVERY)
        looks = list(reader.looks())
        assert 240 < len(looks) < 300
        if suffix == ".mp4":
            assert video.broken_packets > 0
            assert reader.counts.missing <= video.broken_packets
    assert looks[-1].header.pts_us > 9_500_000
    seconds = [look.header.pts_us // 1_000_000 for look in looks_of(path, [Sampling(1_000_000)])]
    assert len(seconds) >= 9
    assert seconds[-1] == 9


@pytest.mark.parametrize("content", [b"", b"hello\n" * 300, b"\0" * 5000], ids=["empty", "text", "zeros"])
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    assert (
        refused(path) == f"{path} is not a video that edged reads (mp4, mkv, avi, ts, … with pictures in it)"
    )


def test_a_codec_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    path = make_coded(tmp_path / "clip", Coding("mpeg4", ".avi", frames=5))
    path.write_bytes(path.read_bytes().replace(b"FMP4", b"ZZZZ"))
    assert refused(path) == "there is no decoder for its codec here"


def test_folders_and_nothing(tmp_path: Path) -> None:
    assert refused(tmp_path) == f"{tmp_path} is a folder, not a video"
    with pytest.raises(SourceUnavailable, match="there is no"):
        looks_of(tmp_path / "none.mp4")


def test_what_is_live_is_refused_without_its_password() -> None:
    said = refused("rtsp://admin:hunter2@127.0.0.1/gate")
    assert said.startswith("rtsp:// is live and has no end")
    assert "hunter2" not in said


# ---- from a web server ----


def test_a_file_on_a_web_server(tmp_path: Path) -> None:
    path = front(make_coded(tmp_path / "clip", TEN_SECONDS))
    with ModelServer(gate=Shelf(path.read_bytes())) as server:
        looks = looks_of(server.url("gate") + "?token=secret")
    assert [look.header.pts_us for look in looks] == [look.header.pts_us for look in looks_of(path)]


def test_a_connection_that_breaks_is_made_again(tmp_path: Path) -> None:
    path = front(make_coded(tmp_path / "clip", replace(TEN_SECONDS, size=(640, 360))))
    content = path.read_bytes()
    assert len(content) > 100_000
    with ModelServer(gate=Shelf(content, breaks_at=len(content) // 2, breaks=1)) as server:
        looks = looks_of(server.url("gate"))
        assert f"bytes={len(content) // 2}-" in server.ranges("gate")
    assert len(looks) == 300


def test_where_it_cannot_be_it_is_told(tmp_path: Path) -> None:
    path = front(make_coded(tmp_path / "clip", replace(TEN_SECONDS, size=(640, 360))))
    content = path.read_bytes()
    shelf = Shelf(content, breaks_at=len(content) // 2, breaks=1, knows_ranges=False)
    with ModelServer(gate=shelf) as server, open_video(server.url("gate")) as video:
        with pytest.raises(SourceUnavailable, match=r"breaks off after \d\.\d s of 10\.0 s: 127\.0\.0\.1"):
            list(Reader(video, EVERY).looks())
        assert server.ranges("gate") == ["bytes=0-"]


def test_a_server_that_is_away_is_told_at_once() -> None:
    with pytest.raises(SourceUnavailable, match=r"nothing listens at 127\.0\.0\.1, port 1"):
        looks_of("http://user:hunter2@127.0.0.1:1/clip.mp4")
    with ModelServer() as server, pytest.raises(SourceUnavailable, match=r"\(404\)"):
        looks_of(server.url("nothing"))


# ---- what it says of itself ----


def test_facts(tmp_path: Path) -> None:
    path = make_coded(tmp_path / "clip", replace(TEN_SECONDS, suffix=".mkv"))
    with open_video(path) as video:
        facts = video.facts
    assert (facts.codec, facts.width, facts.height, facts.fps) == ("h264", 160, 96, 30.0)
    assert facts.duration_s == pytest.approx(10, abs=0.1)
    assert facts.frames == pytest.approx(300, abs=3)
