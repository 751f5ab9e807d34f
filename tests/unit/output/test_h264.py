"""What comes out of the encoder, decoded again."""

from __future__ import annotations

import av
import numpy as np
import pytest

from edged.algorithm.color import planes
from edged.errors import EdgedError
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat
from edged.output.encoders import SOFTWARE, candidates
from edged.output.h264 import Coded, H264Encoder, Rate, open_encoder
from edged.output.painting import Painting

LAYOUT = FrameFormat(320, 240, ColorRange.LIMITED, ColorMatrix.BT709)


def noise(seed: int) -> Painting:
    return Painting(np.random.default_rng(seed).integers(16, 235, LAYOUT.frame_bytes, dtype=np.uint8), LAYOUT)


def flat(level: int) -> Painting:
    return Painting(np.full(LAYOUT.frame_bytes, level, dtype=np.uint8), LAYOUT)


def opened(fps: float = 15.0, kbps: int = 2000) -> H264Encoder:
    return open_encoder((SOFTWARE,), LAYOUT, Rate(fps, kbps))


def test_each_picture_comes_out_at_once_and_a_keyframe_every_two_seconds() -> None:
    encoder, coded = opened(), []
    for number in range(75):
        now = encoder.encode(flat(100 + number), number * 6000, keyframe=False)
        assert [one.pts for one in now] == [number * 6000]
        coded += now
    assert [number for number, one in enumerate(coded) if one.keyframe] == [0, 30, 60]


def test_a_keyframe_when_it_is_asked_for_can_be_decoded_alone() -> None:
    encoder = opened()
    coded = [encoder.encode(flat(90 + n), n * 6000, keyframe=n == 7)[0] for n in range(10)]
    assert [n for n, one in enumerate(coded) if one.keyframe] == [0, 7]
    decoder = av.CodecContext.create("h264", "r")
    frames = [frame for one in coded[7:] for frame in decoder.decode(av.Packet(one.data))] + decoder.decode(
        None
    )
    shown = [int(frame.to_ndarray()[:240].mean().round()) for frame in frames]
    assert shown == pytest.approx([97, 98, 99], abs=2)
    assert {frame.colorspace for frame in frames} == {1}
    assert {frame.color_range for frame in frames} == {1}


def test_the_bitrate_is_capped_however_busy_the_picture() -> None:
    encoder = opened(kbps=500)
    coded: list[Coded] = []
    for number in range(150):
        coded += encoder.encode(noise(number), number * 6000, keyframe=False)
    assert sum(len(one.data) for one in coded) * 8 / 10 < 800_000, "over 10 s, with a second of buffer"


def test_planes_of_any_width_arrive_where_they_belong() -> None:
    layout = FrameFormat(162, 98)
    pixels = np.empty(layout.frame_bytes, dtype=np.uint8)
    luma, blue, red = planes(pixels, layout)
    luma[:], blue[:], red[:] = np.linspace(20, 220, 162).astype(np.uint8), 100, 150
    coded = open_encoder((SOFTWARE,), layout, Rate(15, 5000)).encode(
        Painting(pixels, layout), 0, keyframe=True
    )
    decoder = av.CodecContext.create("h264", "r")
    frame = [*decoder.decode(av.Packet(coded[0].data)), *decoder.decode(None)][0]
    seen = frame.to_ndarray(format="yuv420p").reshape(-1)
    assert np.abs(seen.astype(int) - pixels).max() <= 12


def test_where_one_encoder_does_not_work_the_next_is_taken() -> None:
    assert open_encoder(("h264_v4l2m2m", SOFTWARE), LAYOUT, Rate(15, 500)).name == SOFTWARE
    with pytest.raises(EdgedError, match="h264_v4l2m2m"):
        open_encoder(("h264_v4l2m2m",), LAYOUT, Rate(15, 500))


def test_which_are_tried() -> None:
    assert candidates("auto", ["nvenc"]) == ("h264_nvenc", SOFTWARE)
    assert candidates("auto", []) == (SOFTWARE,)
    assert candidates("software", ["nvenc"]) == (SOFTWARE,)
    assert candidates("qsv", []) == ("h264_qsv", SOFTWARE)
