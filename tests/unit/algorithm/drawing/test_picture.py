from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.algorithm.drawing import Canvas, color_of, cover_masks, draw_scene
from edged.algorithm.drawing.objects import wordings_of
from edged.algorithm.drawing.panel import panel_lines
from edged.algorithm.drawing.pen import DARK, PALETTE, color_of_track
from edged.algorithm.frame import WHOLE, Frame
from edged.algorithm.trails import Trail
from edged.model.detection import Detection, Outcome
from edged.model.frame import ColorRange, FrameFormat
from edged.model.scene import Scene
from tests.pictures import header_of

SIZES = [(1, 1), (16, 20), (90, 160), (144, 176), (480, 640), (1080, 1920), (4320, 7680)]
SQUARE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
PERSON = Detection((0.25, 0.25, 0.75, 0.75), 0.9, "person", 0)


def gray(height: int = 480, width: int = 640, level: int = 128) -> NDArray[np.uint8]:
    return np.full((height, width, 3), level, dtype=np.uint8)


def drawn(
    scene: Scene | None = None,
    *detections: Detection,
    trails: tuple[Trail, ...] = (),
    counts: dict[str, Any] | None = None,
    **more: Any,
) -> NDArray[np.uint8]:
    picture = gray()
    draw_scene(Canvas.of_picture(picture), scene, Outcome(detections, {}, counts or {}), trails, **more)
    return picture


def changed(picture: NDArray[np.uint8], level: int = 128) -> NDArray[np.bool_]:
    return np.asarray((picture != level).any(axis=2))


def of_color(picture: NDArray[np.uint8], color: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.asarray((picture == color).all(axis=2))


def extent(where: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom, all inside."""
    rows, columns = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


# ---- boxes ----


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_box_stands_out_at_any_size_and_brightness(size: tuple[int, int], level: int) -> None:
    picture = gray(*size, level)
    draw_scene(Canvas.of_picture(picture), None, Outcome((PERSON,)))
    assert changed(picture, level).any()
    if min(size) < 90:
        return
    height, width = size
    frame = of_color(picture, color_of(PERSON))
    around = 0.01 * max(size)
    edge_rows = np.flatnonzero(frame[:, int(0.73 * width)])
    assert abs(edge_rows[0] - 0.25 * height) < around
    assert abs(edge_rows[-1] - 0.75 * height) < around
    middle = picture[int(0.45 * height) : int(0.55 * height), int(0.4 * width) : int(0.6 * width)]
    assert (middle == level).all(), "what it is about can be seen"


def test_the_line_of_a_box_lies_inside_the_picture_all_around() -> None:
    picture = drawn(None, replace(PERSON, box=(0, 0, 1, 1)))
    color = of_color(picture, color_of(PERSON))
    for edge in (color[:4, 200:], color[-4:, 300:], color[:, :4].T, color[:, -4:].T):
        assert edge.any(axis=0).mean() > 0.8


BOXES = [
    (0, 0, 1, 1), (0.99, 0.99, 1, 1), (0, 0, 0, 0), (1, 1, 1, 1), (0.9, 0, 1, 0.02), (0.3, 0.6, 0.3, 0.2),
    (-5, -5, 9, 9), (0.8, 0.8, 0.2, 0.2), (float("nan"), 0, 1, 1), (float("-inf"), 0, float("inf"), 1),
]  # fmt: skip


@pytest.mark.parametrize("box", BOXES)
def test_any_box_has_its_label_inside_the_picture(box: tuple[float, float, float, float]) -> None:
    plate = extent(filled(drawn(None, replace(PERSON, box=box)), color_of(PERSON)))
    assert plate[2] - plate[0] >= 40
    assert plate[3] - plate[1] >= 9


def filled(picture: NDArray[np.uint8], color: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Where there are plates of this colour, without the lines."""
    mask = of_color(picture, color).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((9, 9), np.uint8)) > 0


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    boxes=st.lists(st.tuples(*[st.floats(-1, 2)] * 4), max_size=12),
    track=st.booleans(),
)
def test_nothing_that_is_found_makes_drawing_fail(
    size: tuple[int, int], boxes: list[tuple[float, float, float, float]], track: bool
) -> None:
    picture = gray(*size)
    found = tuple(
        Detection(box, 0.5, "x" * place, track_id=place if track else None) for place, box in enumerate(boxes)
    )
    scene = Scene(zones={"a": SQUARE}, lines={"b": ((0, 0), (1, 1))}, masks={"c": SQUARE[:3]})
    draw_scene(
        Canvas.of_picture(picture), scene, Outcome(found), (Trail(1, ((0.1, 2.0), (-1, 0)), (1.0, 0.0)),)
    )


def test_nothing_to_draw_leaves_the_picture_alone() -> None:
    for scene in (None, Scene()):
        assert not changed(drawn(scene)).any()


def test_tracks_and_labels_keep_their_colour() -> None:
    one, other = Detection((0, 0, 1, 1), 0.5, "cat", 1), Detection((0, 0, 0.1, 1), 0.9, "cat", 1)
    assert color_of(one) == color_of(other)
    assert color_of(one) != color_of(Detection((0, 0, 1, 1), 0.5, "dog", 2))
    assert color_of(Detection((0, 0, 1, 1), 0.5, "cat")) == color_of(Detection((0, 0, 1, 1), 0.1, "cat"))
    assert color_of(replace(one, track_id=4)) == color_of(replace(one, label_id=2, track_id=4))
    assert color_of(replace(one, track_id=4)) != color_of(replace(one, track_id=5))


# ---- labels ----


def test_an_attribute_is_a_line_of_its_own() -> None:
    plain = extent(filled(drawn(None, PERSON), color_of(PERSON)))
    helmet = replace(PERSON, attributes={"helmet": {"label": "no", "score": 0.8}})
    two = extent(filled(drawn(None, helmet), color_of(PERSON)))
    assert (two[3] - two[1]) > 1.6 * (plain[3] - plain[1])
    odd = replace(PERSON, attributes={"a": None, "b": [1], "c": 3, "d": 0.25, "e": {"score": "x"}})
    assert filled(drawn(None, odd), color_of(PERSON)).any()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"label": "no", "score": 0.8}, ("helmet: no 80%",)),
        ({"value": 1.234, "unit": "m/s", "heading": 90.0}, ("helmet: 1.23 m/s",)),
        ({"label": 3}, ("helmet: 3",)),
        ({"float16": "AAAA", "size": 2}, ()),  # for programs only
        (0.25, ("helmet: 0.25",)),
        ("yes", ("helmet: yes",)),
        (None, ()),
    ],
)
def test_an_attribute_in_words(value: Any, words: tuple[str, ...]) -> None:
    wordings = list(wordings_of(replace(PERSON, attributes={"helmet": value})))

    assert [wording[1:] for wording in wordings if len(wording) > 1] == ([words] if words else [])


def test_the_dots_of_a_small_face_leave_it_to_be_seen() -> None:
    landmarks = tuple((0.5 + 0.01 * across, 0.5 + 0.01 * down, 1.0) for across, down in ((0, 0), (1, 1)))
    small = Detection((0.48, 0.47, 0.52, 0.53), 0.9, "", keypoints=landmarks)
    box = drawn(None, replace(small, keypoints=()))
    dots = (drawn(None, small) != box).any(axis=2).sum()
    assert 2 <= dots < 0.17 * (0.04 * 640 * 0.06 * 480)


def test_what_the_frame_shows_stands_in_the_corner() -> None:
    data = {
        "classes": [{"label": "closed", "score": 0.8}],
        "segments": [{"label": "person", "area": 0.138, "polygons": []}],
        "own": [{"label": "odd"}, 3, {"score": 1}],
        "segments_of_objects": [{"label": "cat", "score": 0.9, "box": [0, 0, 1, 1]}],  # they have boxes
        "number": 4,
    }
    counts: dict[str, Any] = {"zones": {}, "lines": {}}
    lines = list(panel_lines((PERSON,), data, counts, None, ""))
    assert lines == ["closed 80%", "person 14%", "person: 1"]


def test_a_crowd_keeps_its_labels_apart() -> None:
    boxes = [(0.1 + 0.02 * step, 0.3, 0.2 + 0.02 * step, 0.7) for step in range(7)]
    crowd = [Detection(box, 0.5, "person", track_id=number) for number, box in enumerate(boxes)]
    picture = drawn(None, *crowd)
    whole = filled(drawn(None, crowd[0]), color_of(crowd[0])).sum()
    for one in crowd:
        assert filled(picture, color_of(one)).sum() > 0.2 * whole, f"track {one.track_id} has a label"


def test_a_small_picture_is_not_all_label() -> None:
    picture = gray(90, 160)
    one = Detection((0.4, 0.4, 0.6, 0.8), 0.9, "person", track_id=3, attributes={"helmet": {"label": "no"}})
    draw_scene(Canvas.of_picture(picture), None, Outcome((one,)))
    assert filled(picture, color_of(one)).sum() < 0.04 * 90 * 160


def test_three_hundred_boxes_are_drawn() -> None:
    rng = np.random.default_rng(0)
    corners, sizes = rng.uniform(0, 0.9, (300, 2)), rng.uniform(0.02, 0.2, (300, 2))
    found = [
        Detection((x, y, x + width, y + height), 0.5, "person", track_id=number)
        for number, ((x, y), (width, height)) in enumerate(zip(corners.tolist(), sizes.tolist(), strict=True))
    ]
    picture = drawn(None, *found)
    assert all(of_color(picture, color).sum() > 1000 for color in PALETTE)


def test_letters_that_are_not_ascii_are_drawn() -> None:
    one, other = (drawn(None, replace(PERSON, label=label)) for label in ("Größe", "行人"))
    assert filled(one, color_of(PERSON)).any()
    assert (one != other).any()


# ---- keypoints and trails ----


def test_keypoints_are_drawn_where_they_are_seen() -> None:
    points = ((0.5, 0.5, 0.9), (0.5, 0.75, 0.0), (1.5, 0.5, 0.9))
    picture = drawn(None, Detection((0.1, 0.1, 0.9, 0.9), 0.5, keypoints=points))
    assert tuple(picture[240, 320]) == color_of(Detection((0, 0, 1, 1), 0.5))
    assert not changed(picture)[360, 320]


def test_a_trail_has_the_colour_of_its_track_and_fades() -> None:
    places = tuple((0.2 + step / 100, 0.6) for step in range(51))
    ages = tuple(1 - step / 50 for step in range(51))
    picture = drawn(trails=(Trail(4, places, ages),))
    color = of_color(picture, color_of_track(4))
    left, top, right, bottom = extent(changed(picture))
    assert abs(left - 128) < 6
    assert abs(right - 448) < 6
    assert abs(top - 288) < 6
    assert abs(bottom - 288) < 6
    assert color[:, 430].any()
    assert not color[:, 140].any()
    assert picture[:, 140].astype(int).sum() < picture[:, 430].astype(int).sum()
    assert changed(picture)[288, 132:444].all(), "no gaps"


# ---- zones and lines ----


def test_a_zone_is_outlined_and_brighter_when_somebody_is_in_it() -> None:
    scene = Scene(zones={"door": SQUARE})
    unknown, empty, full = (
        drawn(scene, counts={"zones": counts} if counts is not None else None)
        for counts in (None, {"door": 0}, {"door": 2})
    )
    left, top, right, bottom = extent(changed(empty))
    assert max(abs(left - 160), abs(top - 120), abs(right - 479), abs(bottom - 359)) <= 4
    assert (empty[240, 320] == 128).all()
    assert (unknown[240, 320] == 128).all()
    assert full[240, 320].min() > 140
    assert (full[100, 320] == 128).all()
    assert (full != empty)[:160].any(), "the number is another one"
    assert (unknown != empty).any(), "nobody is not the same as not counted"


def test_a_zone_that_crosses_itself_is_drawn() -> None:
    bow = ((0.2, 0.2), (0.8, 0.8), (0.8, 0.2), (0.2, 0.8))
    picture = drawn(Scene(zones={"bow": bow}), counts={"zones": {"bow": 1}})
    assert picture[240, 180].min() > 140
    assert (picture[120, 320] == 128).all(), "outside, between its wings"


@pytest.mark.parametrize(
    ("line", "inward"),
    [
        (((0.5, 0.8), (0.5, 0.2)), (1, 0)),
        (((0.5, 0.2), (0.5, 0.8)), (-1, 0)),
        (((0.2, 0.5), (0.8, 0.5)), (0, 1)),
        (((0.8, 0.5), (0.2, 0.5)), (0, -1)),
    ],
)
def test_the_arrow_of_a_line_points_to_its_right(line: Any, inward: tuple[int, int]) -> None:
    picture = drawn(Scene(lines={"entry": line}))
    x, y = 320 + 15 * inward[0], 240 + 15 * inward[1]
    assert picture[y, x].min() > 180, "the arrow's shaft"
    x, y = 320 - 8 * inward[0], 240 - 8 * inward[1]
    assert picture[y, x].max() <= 128


def test_counts_of_a_line_are_shown_at_it() -> None:
    scene = Scene(lines={"entry": ((0.5, 0.2), (0.5, 0.8))})
    before, after = (drawn(scene, counts={"lines": {"entry": {"in": count, "out": 4}}}) for count in (12, 13))
    left, top, right, bottom = extent((before != after).any(axis=2))
    assert left > 260
    assert right < 480
    assert top > 200
    assert bottom < 280


@pytest.mark.parametrize("counts", [{"zones": 3}, {"zones": {"door": None}}, {"lines": {"entry": "many"}}])
def test_odd_counts_of_an_own_algorithm_do_no_harm(counts: dict[str, Any]) -> None:
    drawn(Scene(zones={"door": SQUARE}, lines={"entry": ((0, 0), (1, 1))}), PERSON, counts=counts)


# ---- the corner ----


def test_the_corner_counts_and_tells_what_has_no_place() -> None:
    crowd = [replace(PERSON, box=(0.5, 0.1 * row, 0.6, 0.1 * row + 0.05)) for row in range(6)]
    two, six = drawn(None, *crowd[:2]), drawn(None, *crowd)
    corner = (slice(400, 480), slice(0, 150))
    assert of_color(two[corner], DARK).sum() > 400
    assert (two[corner] != six[corner]).any()
    plate = extent(of_color(two[corner], DARK))
    zone = drawn(Scene(), *crowd[:2], counts={"zones": {"elsewhere": 3}})
    assert extent(of_color(zone[corner], DARK))[1] < plate[1] - 8, "one more line"
    caption = drawn(None, *crowd[:2], caption="2026-11-25 09:12:03")
    assert extent(of_color(caption[400:, :300], DARK))[2] > plate[2] + 40


def test_a_small_picture_has_no_corner() -> None:
    picture = gray(90, 160)
    draw_scene(
        Canvas.of_picture(picture),
        None,
        Outcome((replace(PERSON, box=(0.7, 0.2, 0.9, 0.4)),)),
        caption="2026-11-25 09:12:03",
    )
    assert not changed(picture)[60:].any()


# ---- masks ----

MASK = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))


def test_what_is_masked_stays_black_whatever_is_found_there() -> None:
    scene = Scene(
        zones={"door": SQUARE},
        lines={"entry": ((0, 0.5), (1, 0.5))},
        masks={"neighbour": MASK, "sky": ((0.6, 0), (1, 0), (1, 0.1))},
    )
    trail = Trail(3, ((0.0, 0.1), (1.0, 0.9)), (1.0, 0.0))
    found = replace(PERSON, keypoints=((0.3, 0.5, 1.0),), track_id=3)
    picture = drawn(scene, found, trails=(trail,), counts={"zones": {"door": 1}}, caption="now")
    assert not picture[:, :320].any()
    assert not picture[2, 500:].any()
    assert changed(picture)[:, 330:].any()


def test_labels_keep_clear_of_masks() -> None:
    above = Scene(masks={"sky": ((0, 0), (1, 0), (1, 0.24), (0, 0.24))})
    left, top, right, bottom = extent(filled(drawn(above, PERSON), color_of(PERSON)))
    assert 355 < top < bottom < 400, "below its box, where there is room"
    assert right - left > 50
    ring = Scene(masks={"rim": ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0.01), (0.01, 0.99), (0.99, 0.01))})
    assert drawn(ring, PERSON) is not None


def test_what_else_was_drawn_is_covered_again() -> None:
    picture = gray()
    picture[:] = 255
    cover_masks(Canvas.of_picture(picture), Scene(masks={"neighbour": MASK}))
    assert not picture[:, :320].any()
    assert (picture[:, 322:] == 255).all()
    cover_masks(Canvas.of_picture(picture), None)


@pytest.mark.parametrize("color_range", ColorRange)
@pytest.mark.parametrize("size", [(320, 240), (321, 241)])
def test_masks_are_black_on_planes_too_and_at_their_place_in_a_part(
    size: tuple[int, int], color_range: ColorRange
) -> None:
    width, height = size
    layout = FrameFormat(width, height, color_range)
    frame = Frame(header_of(layout), np.full(layout.frame_bytes, 120, dtype=np.uint8))
    scene = Scene(masks={"neighbour": ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))})
    part, shown = frame.cut((0.25, 0.25, 0.75, 0.75))
    for picture, where in ((frame.copy(), WHOLE), (part, shown)):
        cover_masks(Canvas.of_frame(picture), scene, where)
        seen, middle = picture.bgr(), round(picture.width * (0.5 - where[0]) / (where[2] - where[0]))
        assert seen[:, : middle - 2].max() == 0
        assert seen[:, middle + 3 :].min() > 90
        cover_masks(Canvas.of_frame(picture), None)
