"""Parameter sets are found in real streams, and in hostile ones nothing breaks."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.recording.parameters import is_annex_b, parameter_sets


def keyframe(codec: str, size: tuple[int, int]) -> bytes:
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = *size, "yuv420p"
    context.time_base = Fraction(1, 25)
    if codec == "libx265":
        context.options = {"x265-params": "log-level=none"}
    packets = [*context.encode(av.VideoFrame(*size, "yuv420p")), *context.encode(None)]
    return bytes(packets[0])


@pytest.mark.parametrize(("codec", "encoder", "sets"), [("h264", "libx264", 2), ("hevc", "libx265", 3)])
def test_those_of_real_encoders_open_a_decoder(codec: str, encoder: str, sets: int) -> None:
    small, large = keyframe(encoder, (64, 48)), keyframe(encoder, (128, 96))
    found = parameter_sets(codec, small)
    assert found.data.count(b"\0\0\0\1") == sets
    assert found == parameter_sets(codec, memoryview(small))
    assert found.of_file != parameter_sets(codec, large).of_file
    with av.open(io.BytesIO(found.data + small), format=codec) as source:
        assert (source.streams.video[0].width, source.streams.video[0].height) == (64, 48)


def test_another_picture_parameter_set_is_no_other_file() -> None:
    first = parameter_sets("h264", b"\0\0\1\x67abc\0\0\1\x68de\0\0\1\x65xyz")
    other = parameter_sets("h264", b"\0\0\0\1\x67abc\0\0\1\x68dX\0\0\1\x65xyz")
    assert first.data == b"\0\0\0\1\x67abc\0\0\0\1\x68de"
    assert first.of_file == other.of_file
    assert first.data != other.data


def test_what_is_repeated_or_left_out_is_no_other_file() -> None:
    """Servers repeat parameter sets every second, beside those of the camera at each keyframe."""
    video, sequence, picture = b"\0\0\1\x40vp", b"\0\0\1\x42sp", b"\0\0\1\x44pp"
    known = parameter_sets("hevc", video + sequence + picture)
    twice = parameter_sets("hevc", 2 * (video + sequence + picture))
    assert twice == known
    for some in (b"", picture, sequence + picture, picture + sequence + video):
        assert known.has_all_of(parameter_sets("hevc", some + b"\0\0\1\x26xyz"))
    assert not known.has_all_of(parameter_sets("hevc", video + sequence + b"\0\0\1\x44new"))


def test_units_after_their_lengths_are_left_alone() -> None:
    assert parameter_sets("h264", b"\0\0\0\x04\x67abc").of_file == ()
    assert not is_annex_b(b"\1d\0\x1f")
    assert not is_annex_b(None)


@given(st.binary(max_size=64), st.sampled_from(["h264", "hevc", "vp9"]))
def test_any_bytes_will_do(data: bytes, codec: str) -> None:
    found = parameter_sets(codec, b"\0\0\1" + data)
    assert len(found.data) <= 2 * len(data) + 8


def test_a_unit_that_is_cut_off_is_not_taken() -> None:
    assert parameter_sets("h264", b"\0\0\1\x67" + b"a" * 5000).of_file == ()
