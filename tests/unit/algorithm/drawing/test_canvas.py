"""The same drawing on BGR and on planes: it looks the same, and what was not drawn on stays as it was."""

from __future__ import annotations

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.algorithm.color import yuv_of
from edged.algorithm.drawing import Canvas, Sketchbook, draw_scene
from edged.algorithm.drawing.canvas import Sketch
from edged.algorithm.drawing.pen import BLACK, DARK, LIGHT, PALETTE
from edged.algorithm.frame import Frame
from edged.algorithm.trails import Trail
from edged.model.detection import Detection, Outcome
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat
from edged.model.scene import Scene
from tests.pictures import MATRIX_WEIGHTS, flat_frame, header_of, noise_frame

SIZES = [(320, 180), (641, 361), (1280, 720), (3840, 2160)]
LAYOUTS = [(kind, matrix) for kind in ColorRange for matrix in ColorMatrix]
SCENE = Scene(
    zones={
        "door": ((0.03, 0.4), (0.23, 0.4), (0.25, 0.95), (0.01, 0.95)),
        "desk": ((0.4, 0.1), (0.6, 0.15), (0.5, 0.3)),
    },
    lines={"entry": ((0.33, 0.1), (0.35, 0.95))},
    masks={"neighbour": ((0.8, 0.0), (1.0, 0.0), (1.0, 0.25), (0.85, 0.3))},
)
FOUND = tuple(
    Detection(
        (left, 0.45, left + 0.1, 0.8),
        0.8,
        "person",
        track_id=number,
        keypoints=((left + 0.05, 0.5, 0.9), (left + 0.05, 0.6, 0.9)),
    )
    for number, left in enumerate((0.08, 0.3, 0.45, 0.6, 0.75, 0.87))
)
OUTCOME = Outcome(FOUND, {}, {"zones": {"door": 2, "desk": 0}, "lines": {"entry": {"in": 3, "out": 4}}})
TRAILS = tuple(
    Trail(
        number,
        tuple((left + 0.05 + step / 500, 0.8 + 0.1 * np.sin(step / 5)) for step in range(-40, 1)),
        tuple(-step / 41 for step in range(-40, 1)),
    )
    for number, left in enumerate((0.08, 0.3, 0.45, 0.6))
)


def scenery(layout: FrameFormat) -> Frame:
    """Soft shapes in many colours."""
    frame = noise_frame(layout).copy()
    for plane, low, high in ((frame.y, 40, 200), (frame.u, 90, 166), (frame.v, 90, 166)):
        small = np.random.default_rng(plane.size).integers(low, high, (5, 9), dtype=np.uint8)
        plane[:] = cv2.resize(small, plane.shape[::-1])
    return frame


def both_ways(frame: Frame, scene: Scene = SCENE) -> tuple[NDArray[np.uint8], Frame]:
    """Drawn on BGR, and on planes."""
    picture, planes = frame.bgr(), frame.copy()
    draw_scene(Canvas.of_picture(picture), scene, OUTCOME, TRAILS, caption="2026-11-25 09:12:03")
    draw_scene(Canvas.of_frame(planes), scene, OUTCOME, TRAILS, caption="2026-11-25 09:12:03")
    return picture, planes


def subsampled(picture: NDArray[np.uint8], layout: FrameFormat) -> NDArray[np.uint8]:
    """What 4:2:0 leaves of the colours of a BGR picture."""
    red_weight, blue_weight = MATRIX_WEIGHTS[layout.color_matrix]
    blue, green, red = (picture[..., channel].astype(float) for channel in range(3))
    luma = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
    gain, black, reach = (1, 0, 1) if layout.color_range is ColorRange.FULL else (219 / 255, 16, 224 / 255)
    pixels = np.empty(layout.frame_bytes, dtype=np.uint8)
    frame = Frame(header_of(layout), pixels)
    frame.y[:] = np.rint(black + gain * luma)
    for plane, color, weight in ((frame.u, blue, blue_weight), (frame.v, red, red_weight)):
        wide = np.pad(color - luma, [(0, side % 2) for side in luma.shape], mode="edge")
        small = cv2.resize(wide, plane.shape[::-1], interpolation=cv2.INTER_AREA)
        plane[:] = np.clip(np.rint(128 + reach * small / (2 * (1 - weight))), 0, 255)
    return frame.bgr()


def off_by(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.int_]:
    return np.abs(one.astype(int) - other).max(axis=2)


def grown(where: NDArray[np.bool_], by_px: int) -> NDArray[np.bool_]:
    side = 2 * by_px + 1
    return cv2.dilate(where.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("color_range", "matrix"), LAYOUTS)
def test_it_looks_the_same_on_planes(
    size: tuple[int, int], color_range: ColorRange, matrix: ColorMatrix
) -> None:
    frame = scenery(FrameFormat(*size, color_range, matrix))
    picture, planes = both_ways(frame)
    seen = planes.bgr()
    off = off_by(picture, seen)
    lost = off_by(picture, subsampled(picture, frame.header.format))
    assert off.mean() < 1.3 * lost.mean(), "about what halving the chroma of the drawn picture costs"
    edges = (cv2.morphologyEx(picture, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 24).any(axis=2)
    flat = ~grown(edges, 2)
    assert off[flat].max() <= 12, "colours differ only where they meet"
    assert np.abs(_luma(picture) - _luma(seen)).mean() < 1.2, "lines and letters are as sharp"


def _luma(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    return picture.astype(float) @ np.array((0.114, 0.587, 0.299))


@pytest.mark.parametrize("size", SIZES)
def test_what_was_not_drawn_on_stays_as_it_was_to_the_byte(size: tuple[int, int]) -> None:
    frame = scenery(FrameFormat(*size))
    picture, planes = both_ways(frame)
    untouched = ~grown(off_by(picture, frame.bgr()) > 0, 3)
    assert untouched.mean() > 0.1
    assert (planes.y == frame.y)[untouched].all()
    halved = (slice(None, None, 2), slice(None, None, 2))
    for drawn, came in ((planes.u, frame.u), (planes.v, frame.v)):
        assert (drawn == came)[untouched[halved]].all()
        assert (drawn != came).any()


@pytest.mark.parametrize("size", [(320, 180), (641, 361)])
@pytest.mark.parametrize(("color_range", "matrix"), LAYOUTS)
def test_masks_stay_black_on_planes(
    size: tuple[int, int], color_range: ColorRange, matrix: ColorMatrix
) -> None:
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    frame = scenery(FrameFormat(*size, color_range, matrix))
    _, planes = both_ways(frame, replace(SCENE, masks={"left": left}))
    half = size[0] // 2
    assert (planes.y[:, :half] == (0 if color_range is ColorRange.FULL else 16)).all()
    assert (planes.u[:, : half // 2] == 128).all()
    assert (planes.v[:, : half // 2] == 128).all()
    assert planes.bgr()[:, :half].max() == 0
    assert (planes.y[:, half + 3 :] != frame.y[:, half + 3 :]).any()


@pytest.mark.parametrize(("color_range", "matrix"), LAYOUTS)
@pytest.mark.parametrize("color", [*PALETTE, BLACK, DARK, LIGHT, (255, 0, 0), (0, 255, 0), (0, 0, 255)])
def test_a_colour_in_yuv_is_the_same_colour(
    color: tuple[int, int, int], color_range: ColorRange, matrix: ColorMatrix
) -> None:
    values = yuv_of(color, color_range, matrix)
    picture = flat_frame(FrameFormat(8, 8, color_range, matrix), *values).bgr()
    assert np.abs(picture.astype(int) - color).max() <= 3


def test_a_thin_line_is_as_colourful_as_a_plate() -> None:
    for color, x in itertools.product(PALETTE, range(40, 44)):
        frame = flat_frame(FrameFormat(160, 90), 110, 128, 128).copy()
        canvas = Canvas.of_frame(frame)
        canvas.box((x, 20, 100, 70), DARK, 3)
        canvas.box((x, 20, 100, 70), color, 1)
        assert np.abs(frame.bgr()[25:65, x].astype(int) - color).max() <= 4


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 120), st.integers(1, 120)),
    boxes=st.lists(st.tuples(*[st.floats(-1, 2)] * 4), max_size=8),
    full=st.booleans(),
)
def test_planes_of_any_size_take_whatever_is_found(
    size: tuple[int, int], boxes: list[tuple[float, float, float, float]], full: bool
) -> None:
    layout = FrameFormat(*size, ColorRange.FULL if full else ColorRange.LIMITED)
    frame = noise_frame(layout).copy()
    found = tuple(Detection(box, 0.5, "x" * place, track_id=place) for place, box in enumerate(boxes))
    trails = (Trail(1, ((0.1, 2.0), (-1, 0), (0.5, 0.5)), (1.0, 0.5, 0.0)),)
    draw_scene(Canvas.of_frame(frame), SCENE, Outcome(found), trails)


# ---- sketches ----


@pytest.mark.parametrize("size", [(320, 180), (641, 361)])
def test_a_sketch_is_the_same_drawing_each_time(size: tuple[int, int]) -> None:
    frame = scenery(FrameFormat(*size, ColorRange.FULL, ColorMatrix.BT709))
    sketch = Sketch(*size, frame.header.format)
    draw_scene(sketch, SCENE, OUTCOME, TRAILS)
    for came in (frame, Frame(frame.header, frame.pixels // 2 + 40)):
        wanted, sketched = came.copy(), came.copy()
        draw_scene(Canvas.of_frame(wanted), SCENE, OUTCOME, TRAILS)
        sketch.onto((sketched.y, sketched.u, sketched.v))
        assert np.array_equal(sketched.pixels, wanted.pixels)


def test_a_sketchbook_draws_what_is_asked_for_now() -> None:
    book = Sketchbook()
    less = replace(OUTCOME, detections=FOUND[:2])
    for layout, scene, outcome, trails in (
        (FrameFormat(320, 180), SCENE, OUTCOME, TRAILS),
        (FrameFormat(320, 180), SCENE, OUTCOME, TRAILS),
        (FrameFormat(320, 180), SCENE, less, TRAILS),
        (FrameFormat(320, 180), SCENE, less, TRAILS[:1]),
        (FrameFormat(320, 180), None, less, TRAILS[:1]),
        (FrameFormat(320, 180, ColorRange.FULL), None, less, TRAILS[:1]),
        (FrameFormat(322, 180, ColorRange.FULL), None, less, TRAILS[:1]),
    ):
        frame = scenery(layout)
        wanted, drawn = frame.copy(), frame.copy()
        draw_scene(Canvas.of_frame(wanted), scene, outcome, trails)
        book.draw((drawn.y, drawn.u, drawn.v), layout, scene, outcome, trails)
        assert np.array_equal(drawn.pixels, wanted.pixels)


def test_a_sketchbook_never_looks_into_what_algorithms_returned() -> None:
    """It may not be comparable, and it may have been changed since."""
    labels = [{"label": "open", "score": 0.9, "numbers": np.zeros(3)}]
    layout, book = FrameFormat(640, 360), Sketchbook()
    pictures = []
    for label in ("open", "closed"):
        labels[0]["label"] = label
        drawn = flat_frame(layout, 110, 128, 128).copy()
        book.draw((drawn.y, drawn.u, drawn.v), layout, None, Outcome((), {"classes": labels}), ())
        pictures.append(drawn.pixels)
    assert not np.array_equal(*pictures)


def test_what_cannot_be_drawn_leaves_the_rest_drawn_and_the_masks_black() -> None:
    mask = {"left": ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))}
    scene = Scene(zones={"all": ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9))}, masks=mask)
    odd = Outcome((Detection((0.2, 0.2, 0.8, 0.8), "high", "car"),))  # type: ignore[arg-type]
    layout, book = FrameFormat(320, 180), Sketchbook()
    for time in range(3):
        frame = scenery(layout)
        drawn = frame.copy()
        planes = (drawn.y, drawn.u, drawn.v)
        if time == 0:
            with pytest.raises(ValueError, match="format"):
                book.draw(planes, layout, scene, odd, ())
        else:
            book.draw(planes, layout, scene, odd, ())
        assert (drawn.y[:, :160] == 16).all()
        assert (drawn.y != frame.y)[:, 165:].any()


def test_planes_whose_rows_lie_apart_are_drawn_on() -> None:
    layout = FrameFormat(322, 182)
    frame = scenery(layout)
    apart = []
    for plane in (frame.y, frame.u, frame.v):
        padded = np.zeros((plane.shape[0], plane.shape[1] + 30), dtype=np.uint8)
        padded[:, : plane.shape[1]] = plane
        apart.append(padded)
    views = [each[:, :-30] for each in apart]
    Sketchbook().draw(views, layout, SCENE, OUTCOME, TRAILS)
    wanted = frame.copy()
    draw_scene(Canvas.of_frame(wanted), SCENE, OUTCOME, TRAILS)
    for view, plane, padded in zip(views, (wanted.y, wanted.u, wanted.v), apart, strict=True):
        assert np.array_equal(view, plane)
        assert not padded[:, -30:].any()


def test_letters_can_be_read_on_planes() -> None:
    for size in SIZES:
        frame = flat_frame(FrameFormat(*size), 110, 128, 128)
        picture, planes = both_ways(frame, Scene())
        plates = (picture == PALETTE[0]).all(axis=2)
        letters = _luma(picture), _luma(planes.bgr())
        box = cv2.boundingRect(plates.astype(np.uint8))
        part = (slice(box[1], box[1] + box[3]), slice(box[0], box[0] + box[2]))
        assert np.corrcoef(letters[0][part].ravel(), letters[1][part].ravel())[0, 1] > 0.97


def test_a_frame_of_its_own_is_what_is_drawn_on() -> None:
    frame = noise_frame(FrameFormat(64, 48))
    own = Frame(header_of(frame.header.format), frame.pixels.copy())
    draw_scene(Canvas.of_frame(own), SCENE, OUTCOME)
    assert not np.array_equal(own.pixels, frame.pixels)
