"""JPEG from planes: its colours are those of the way by BGR, and what is written into it is found again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.algorithm.frame import Frame
from edged.algorithm.jpeg import (
    LONGEST_COMMENT_BYTES,
    JpegFailed,
    comments_in,
    encode_jpeg,
    jfif_planes,
    with_comment,
)
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat
from tests.pictures import header_of

SIZES = [(320, 240), (641, 361), (1, 1), (63, 480)]


def decoded(jpeg: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, dtype=np.uint8), cv2.IMREAD_COLOR), dtype=np.uint8)


def psnr(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(cv2.PSNR(one, other))


def colorful(layout: FrameFormat) -> Frame:
    """Soft gradients of all colours that RGB knows, as a camera with this layout would send them."""
    rows, columns = np.mgrid[0 : layout.height, 0 : layout.width].astype(np.float64)
    across, down = columns / max(layout.width - 1, 1), rows / max(layout.height - 1, 1)
    rgb = np.stack((across, down, 0.5 + 0.5 * np.sin(3 * across + 5 * down)), axis=-1)
    weights = {ColorMatrix.BT601: (0.299, 0.114), ColorMatrix.BT709: (0.2126, 0.0722)}
    red, blue = weights.get(layout.color_matrix, (0.2627, 0.0593))
    luma = rgb @ (red, 1 - red - blue, blue)
    u, v = (rgb[..., 2] - luma) / (2 * (1 - blue)), (rgb[..., 0] - luma) / (2 * (1 - red))
    full = layout.color_range == ColorRange.FULL
    y_gain, y_zero, c_gain = (255, 0, 255) if full else (219, 16, 224)
    half = (layout.chroma_width, layout.chroma_height)
    shrunk = (cv2.resize(plane, half, interpolation=cv2.INTER_AREA).reshape(half[::-1]) for plane in (u, v))
    planes = [luma * y_gain + y_zero, *(plane * c_gain + 128 for plane in shrunk)]
    pixels = np.concatenate([np.clip(np.rint(plane), 0, 255).astype(np.uint8).ravel() for plane in planes])
    return Frame(header_of(layout), pixels)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("color_range", ColorRange)
@pytest.mark.parametrize("matrix", ColorMatrix)
def test_colours_are_those_of_the_way_by_bgr(
    size: tuple[int, int], color_range: ColorRange, matrix: ColorMatrix
) -> None:
    frame = colorful(FrameFormat(*size, color_range, matrix))
    straight, detour = decoded(encode_jpeg(frame, 97)), decoded(encode_jpeg(frame.bgr(), 97))
    assert straight.shape == detour.shape == (size[1], size[0], 3)
    assert psnr(straight, detour) >= 40


def test_a_wrong_range_or_matrix_would_show() -> None:
    frame = colorful(FrameFormat(320, 240, ColorRange.LIMITED, ColorMatrix.BT709))
    right = decoded(encode_jpeg(frame, 97))
    for wrong in ((ColorRange.FULL, ColorMatrix.BT709), (ColorRange.LIMITED, ColorMatrix.BT601)):
        mistaken = Frame(header_of(FrameFormat(320, 240, *wrong)), frame.pixels)
        assert psnr(decoded(encode_jpeg(mistaken, 97)), right) < 33


def test_what_is_full_range_bt601_goes_in_as_it_is() -> None:
    frame = colorful(FrameFormat(64, 48, ColorRange.FULL, ColorMatrix.BT601))
    planes = (frame.y, frame.u, frame.v)
    assert all(
        one is other for one, other in zip(jfif_planes(*planes, frame.header.format), planes, strict=True)
    )


def test_footage_comes_out_as_well_as_by_bgr(assets: Path) -> None:
    picture = cv2.imread(str(assets / "pedestrians.jpg"))
    layout = FrameFormat(picture.shape[1], picture.shape[0])
    frame = Frame(header_of(layout), cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).reshape(-1))
    for quality in (50, 80, 97):
        straight, detour = encode_jpeg(frame, quality), encode_jpeg(frame.bgr(), quality)
        assert psnr(decoded(straight), picture) >= psnr(decoded(detour), picture) - 0.1
        assert abs(len(straight) - len(detour)) < 0.03 * len(detour)
    assert psnr(decoded(straight), decoded(detour)) >= 40


@given(
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    box=st.tuples(*[st.floats(0, 1)] * 4).map(
        lambda four: (*map(min, four[:2], four[2:]), *map(max, four[:2], four[2:]))
    ),
)
@settings(max_examples=80, deadline=None)
def test_a_part_is_those_pixels_of_the_frame(
    width: int, height: int, box: tuple[float, float, float, float]
) -> None:
    frame = colorful(FrameFormat(width, height))
    part, shown = frame.cut(box)
    left, top = round(shown[0] * width), round(shown[1] * height)
    assert left % 2 == top % 2 == 0
    assert shown[0] <= box[0] + 1 / width * 2
    assert shown[2] >= min(box[2], 1) - 1e-9
    assert np.array_equal(part.y, frame.y[top : top + part.height, left : left + part.width])
    rows, columns = slice(top // 2, top // 2 + part.u.shape[0]), slice(left // 2, left // 2 + part.u.shape[1])
    assert np.array_equal(part.u, frame.u[rows, columns])
    assert np.array_equal(part.v, frame.v[rows, columns])
    assert decoded(encode_jpeg(part, 90)).shape == (part.height, part.width, 3)


def test_a_part_looks_as_it_does_in_the_whole() -> None:
    frame = colorful(FrameFormat(641, 361, ColorRange.LIMITED, ColorMatrix.BT709))
    part, shown = frame.cut((0.31, 0.42, 0.999, 0.77))
    left, top = round(shown[0] * 641), round(shown[1] * 361)
    cut = frame.bgr()[top : top + part.height, left : left + part.width]
    assert psnr(decoded(encode_jpeg(part, 97)), np.ascontiguousarray(cut)) >= 38


@pytest.mark.parametrize(
    ("size", "most", "wanted"), [((641, 361), 320, (320, 180)), ((64, 48), 99, (64, 48))]
)
def test_within_scales_down_only(size: tuple[int, int], most: int, wanted: tuple[int, int]) -> None:
    frame = colorful(FrameFormat(*size))
    small = frame.within(most)
    assert (small.width, small.height) == wanted
    assert frame.within(None) is frame
    whole = cv2.resize(frame.bgr(), wanted, interpolation=cv2.INTER_AREA)
    assert psnr(np.asarray(whole, dtype=np.uint8), small.bgr()) > 35


def test_a_copy_outlives_the_frame() -> None:
    frame = colorful(FrameFormat(8, 8))
    copy = frame.copy()
    frame.pixels[:] = 0
    assert copy.pixels.any()
    assert copy.pixels.flags.writeable


def test_a_comment_is_found_again_and_harms_nothing() -> None:
    jpeg = encode_jpeg(colorful(FrameFormat(64, 48)), 80)
    said = json.dumps({"label": "Fußgänger"}, ensure_ascii=False).encode()
    for picture in (jpeg, b"\xff\xd8" + jpeg[20:]):  # with its JFIF header, and without
        told = with_comment(with_comment(picture, b"first"), said)
        assert list(comments_in(told)) == [said, b"first"]
        assert np.array_equal(decoded(told), decoded(jpeg))
    assert with_comment(jpeg, said)[:20] == jpeg[:20], "the JFIF header comes first"
    assert list(comments_in(jpeg)) == []
    assert list(comments_in(b"\xff\xd8\xff\xfe\x00\x00")) == [], "broken, but read to its end"


def test_what_cannot_be_is_refused() -> None:
    jpeg = encode_jpeg(colorful(FrameFormat(8, 8)), 80)
    assert len(next(comments_in(with_comment(jpeg, b"x" * LONGEST_COMMENT_BYTES)))) == LONGEST_COMMENT_BYTES
    with pytest.raises(ValueError, match="too long"):
        with_comment(jpeg, b"x" * (LONGEST_COMMENT_BYTES + 1))
    with pytest.raises(ValueError, match="no JPEG"):
        with_comment(b"GIF89a", b"")
    wide = FrameFormat(66_000, 2)
    broad = Frame(replace(header_of(FrameFormat(2, 2)), format=wide), np.zeros(wide.frame_bytes, np.uint8))
    with pytest.raises(JpegFailed):
        encode_jpeg(broad, 80)
    with pytest.raises(JpegFailed):
        encode_jpeg(broad.bgr(), 80)
