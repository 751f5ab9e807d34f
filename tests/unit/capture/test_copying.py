"""Pictures of many pixel formats arrive in a slot with the colours that PyAV itself gives them."""

from __future__ import annotations

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from edged.capture.copying import Copier
from edged.errors import SourceUnsupported
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat

PIXELS = (
    "yuv420p",
    "yuvj420p",
    "yuv422p",
    "yuvj422p",
    "nv12",
    "yuyv422",
    "yuv420p10le",
    "rgb24",
    "gray",
    "bgr0",
)
SIZES = ((96, 64), (641, 271), (480, 270), (33, 35))
BT709, UNSAID, BT601, BT2020 = 1, 2, 6, 9
LIMITED, FULL = 1, 2


def smooth(size: tuple[int, int]) -> NDArray[np.uint8]:
    """(height, width, 3) BGR without edges, on which different chroma filters agree."""
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    return np.stack([40 + 180 * x, 220 - 150 * y, 60 + 120 * x * y], axis=-1).astype(np.uint8)


def frame_of(size: tuple[int, int], pixels: str, matrix: int = UNSAID, said_range: int = 0) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(smooth(size), format="bgr24").reformat(format=pixels)
    frame.colorspace, frame.color_range = matrix, said_range
    return frame


def copied(frame: av.VideoFrame, copier: Copier | None = None) -> tuple[FrameFormat, NDArray[np.uint8]]:
    copier = copier or Copier()
    layout = copier.format_of(frame)
    slot = np.full(layout.frame_bytes, 7, np.uint8)
    copier.copy(frame, slot)
    return layout, slot


def to_bgr(layout: FrameFormat, flat: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The textbook formula (ITU-T H.273), nearest chroma."""
    red, blue = {
        ColorMatrix.BT709: (0.2126, 0.0722),
        ColorMatrix.BT601: (0.299, 0.114),
        ColorMatrix.BT2020: (0.2627, 0.0593),
    }[layout.color_matrix]
    y, u, v = np.split(flat.astype(float), [layout.y_bytes, layout.y_bytes + layout.chroma_bytes])
    small = (layout.chroma_height, layout.chroma_width)
    u, v = (
        (plane.reshape(small) - 128).repeat(2, 0).repeat(2, 1)[: layout.height, : layout.width]
        for plane in (u, v)
    )
    y = y.reshape(layout.height, layout.width)
    if layout.color_range is ColorRange.LIMITED:
        y, u, v = (y - 16) * 255 / 219, u * 255 / 224, v * 255 / 224
    r = y + 2 * (1 - red) * v
    b = y + 2 * (1 - blue) * u
    g = (y - red * r - blue * b) / (1 - red - blue)
    return np.clip(np.stack([b, g, r], axis=-1), 0, 255)


@pytest.mark.parametrize("pixels", PIXELS)
@pytest.mark.parametrize("said_range", [0, LIMITED, FULL])
@pytest.mark.parametrize("matrix", [UNSAID, BT709, BT601, BT2020])
def test_colours_are_those_of_a_plain_conversion(pixels: str, said_range: int, matrix: int) -> None:
    frame = frame_of((96, 64), pixels, matrix, said_range)
    expected = frame.to_ndarray(format="bgr24").astype(float)
    wrong = np.abs(to_bgr(*copied(frame)) - expected)[2:-2, 2:-2]
    assert wrong.mean() < 2.5


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuv422p", "nv12", "yuv420p10le"])
def test_any_size_fills_the_slot_to_the_last_byte(size: tuple[int, int], pixels: str) -> None:
    frame = frame_of(size, pixels)
    layout, flat = copied(frame)
    assert (layout.width, layout.height) == size
    wrong = np.abs(to_bgr(layout, flat) - frame.to_ndarray(format="bgr24"))
    assert wrong.mean() < 3.0
    assert np.percentile(wrong[-2:, -2:], 50) < 12, "the corner that is addressed last"


def test_i420_is_copied_byte_for_byte() -> None:
    rng = np.random.default_rng(5)
    flat = rng.integers(0, 256, 640 * 360 * 3 // 2, dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(flat.reshape(540, 640), format="yuv420p")
    assert (copied(frame)[1] == flat).all()


@pytest.mark.parametrize(("pixels", "said_range", "expected"), [
    ("yuv420p", 0, ColorRange.LIMITED), ("yuv420p", FULL, ColorRange.FULL),
    ("yuvj420p", 0, ColorRange.FULL), ("yuvj422p", LIMITED, ColorRange.FULL), ("nv12", FULL, ColorRange.FULL),
])  # fmt: skip
def test_the_range_is_carried(pixels: str, said_range: int, expected: ColorRange) -> None:
    assert copied(frame_of((32, 32), pixels, said_range=said_range))[0].color_range is expected


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuyv422"])
@pytest.mark.parametrize("size", [(48, 32), (200, 120), (97, 53)])
def test_scaling_keeps_colours_and_place(pixels: str, size: tuple[int, int]) -> None:
    frame = frame_of((96, 64), pixels, BT709)
    copier = Copier()
    copier.set_output(size, ())
    layout, flat = copied(frame, copier)
    assert (layout.width, layout.height) == size
    expected = frame.reformat(*size, format="bgr24").to_ndarray().astype(float)
    assert np.abs(to_bgr(layout, flat) - expected)[2:-2, 2:-2].mean() < 3.0


def test_masked_pixels_are_black_in_the_slot_also_after_scaling() -> None:
    copier = Copier()
    copier.set_output((50, 40), (((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)),))
    layout, flat = copied(frame_of((96, 64), "yuvj420p"), copier)
    picture = to_bgr(layout, flat)
    assert picture[:, :25].max() == 0
    assert picture[:, 27:].min() > 10


def test_a_mask_can_come_and_go() -> None:
    frame = frame_of((64, 64), "yuv420p")
    copier = Copier()
    bare = copied(frame, copier)[1]
    copier.set_output(None, (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)),))
    assert (copied(frame, copier)[1][: 64 * 64] == 16).all()
    copier.set_output(None, ())
    assert (copied(frame, copier)[1] == bare).all()


def test_the_format_is_the_same_object_until_something_changes() -> None:
    copier = Copier()
    first = copier.format_of(frame_of((64, 48), "yuv420p"))
    assert copier.format_of(frame_of((64, 48), "yuv420p")) is first
    assert copier.format_of(frame_of((64, 50), "yuv420p")) is not first


def test_pixels_that_swscale_does_not_know_are_said_to_be_unsupported() -> None:
    frame = av.VideoFrame(64, 64, "bayer_bggr8")
    copier = Copier()
    copier.set_output((4_000_000, 1), ())
    layout = copier.format_of(frame)
    with pytest.raises(SourceUnsupported, match="64x64 bayer_bggr8"):
        copier.copy(frame, np.empty(layout.frame_bytes, np.uint8))


@pytest.mark.parametrize(
    ("size", "pixels", "is_there"),
    [((1920, 1080), "yuv420p", True), ((1280, 720), "yuvj420p", True), ((64, 64), "nv12", False)],
)
def test_planes_that_need_no_change_are_seen_where_they_lie(
    size: tuple[int, int], pixels: str, is_there: bool
) -> None:
    frame = frame_of(size, pixels)
    copier = Copier()
    _, flat = copied(frame, copier)
    planes = copier.planes_of(frame)
    assert (planes is not None) is is_there
    if planes is not None:
        assert np.array_equal(np.concatenate([plane.ravel() for plane in planes]), flat)


def test_planes_are_not_seen_where_they_lie_if_that_is_not_what_is_shown() -> None:
    plain, padded = frame_of((1920, 1080), "yuv420p"), frame_of((641, 271), "yuv420p")
    copier = Copier()
    copier.set_output((640, 360), ())
    copier.format_of(plain)
    assert copier.planes_of(plain) is None
    copier.set_output(None, (((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)),))
    copier.format_of(plain)
    assert copier.planes_of(plain) is None
    copier.set_output(None, ())
    copier.format_of(padded)
    assert copier.planes_of(padded) is None
