from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.algorithm.drawing import text as text_module
from edged.algorithm.drawing.canvas import Canvas
from edged.algorithm.drawing.pen import DARK, LIGHT, PALETTE, Pen, ink_on
from edged.algorithm.drawing.text import Plate, draw_plate, drawable, plain


@given(st.text(max_size=80))
def test_any_text_is_one_line_of_bounded_length(text: str) -> None:
    line = drawable(text)
    assert len(line) <= 48
    assert "\n" not in line
    assert plain(text).isascii()


@pytest.mark.parametrize(
    ("text", "shown"),
    [("Größe", "Grosse"), ("Ñandú", "Nandu"), ("Ørsted", "Orsted"), ("Łódź", "Lodz"), ("行人", "??")],
)
def test_without_a_font_for_them_letters_lose_their_accents(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_opencv_5_draws_letters_that_are_not_ascii_as_they_are() -> None:
    if not text_module._KNOWS_SCRIPTS:
        assert drawable("Größe") == "Grosse"
        return
    assert drawable("Größe") == "Größe"
    pictures = []
    for label in ("人", "行", "?"):
        picture = np.zeros((100, 100, 3), dtype=np.uint8)
        pen = Pen.of(picture.shape[1], picture.shape[0])
        draw_plate(Canvas.of_picture(picture), Plate.of([label], pen), (10, 10), DARK, pen)
        pictures.append(picture)
    assert (pictures[0] != pictures[1]).any(), "each has its own shape"
    assert (pictures[0] != pictures[2]).any()


@pytest.mark.parametrize("lines", [["person #12 91%"], ["Åjg|", "helmet: no 80%", "gjpqy"]])
@pytest.mark.parametrize("size", [(90, 160), (480, 640), (1080, 1920), (4320, 7680)])
def test_ink_stays_on_its_plate(size: tuple[int, int], lines: list[str]) -> None:
    picture = np.zeros((*size, 3), dtype=np.uint8)
    pen = Pen.of(picture.shape[1], picture.shape[0])
    plate = Plate.of(lines, pen)
    draw_plate(Canvas.of_picture(picture), plate, (3, 4), PALETTE[3], pen)
    rows, columns = np.flatnonzero(picture.any(axis=(1, 2))), np.flatnonzero(picture.any(axis=(0, 2)))
    assert (rows[0], rows[-1]) == (4, 4 + plate.height - 1)
    assert (columns[0], columns[-1]) == (3, 3 + plate.width - 1)
    edge = picture[4 : 4 + plate.height, [3, 3 + plate.width - 1]]
    assert (edge == PALETTE[3]).all(), "no letter reaches the edge of its plate"


def luminance(color: tuple[int, int, int]) -> float:
    """Relative, of WCAG 2.1."""
    shares = [value / 255 for value in color[::-1]]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("color", [*PALETTE, DARK])
def test_ink_can_be_read_on_every_colour(color: tuple[int, int, int]) -> None:
    one, other = sorted((luminance(color), luminance(ink_on(color))))
    assert (other + 0.05) / (one + 0.05) >= 4.2, "WCAG asks for 3 of large text, 4.5 of small"
    assert ink_on(color) in (DARK, LIGHT)


def test_letters_are_as_high_as_people_can_read() -> None:
    for size in [(90, 160), (288, 352), (1080, 1920), (4320, 7680)]:
        picture = np.zeros((*size, 3), dtype=np.uint8)
        pen = Pen.of(picture.shape[1], picture.shape[0])
        draw_plate(Canvas.of_picture(picture), Plate.of(["H"], pen), (0, 0), DARK, pen)
        ink = (picture > 140).any(axis=2)
        height = int(np.ptp(np.flatnonzero(ink.any(axis=1)))) + 1
        assert height >= max(7, 0.008 * size[0]), f"a capital letter of {height} px on {size}"
        assert height <= 0.12 * size[0]


def test_the_opencv_of_this_machine_is_one_that_is_known_here() -> None:
    assert int(cv2.__version__.partition(".")[0]) in (4, 5)
