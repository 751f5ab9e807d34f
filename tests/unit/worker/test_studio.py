"""From a frame to a picture for people: its size, its colours, and what boxes may be."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.algorithm import Algorithm, Context, Frame, Sessions
from edged.model.detection import Detection, Outcome
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat
from edged.model.messages import JobSpec
from edged.model.sampling import Sampling
from edged.model.scene import Scene
from edged.supervise.heartbeat import Heartbeat, make_page
from edged.worker.chain import Chain, Emissions, Link
from edged.worker.lane import Lane
from edged.worker.studio import MOST_WAITING, Drawn, Exposure, Studio, bgr_within
from edged.worker.tally import Tally
from tests.pictures import MATRIX_WEIGHTS, gray_frame, header_of, noise_frame, read_only

PATIENCE_S = 10


class Easel:
    """A purpose that keeps what is drawn, and holds it until it is let go."""

    def __init__(self, max_width_px: int | None = None) -> None:
        self.max_width_px = max_width_px
        self.go_on, self.ended = threading.Event(), threading.Event()
        self.kind: type | None = None
        self.picture: NDArray[np.uint8] | None = None
        self.reason = ""

    def keep(self, picture: Drawn) -> None:
        assert self.go_on.wait(PATIENCE_S)
        self.kind = type(picture)
        self.picture = picture.bgr() if isinstance(picture, Frame) else picture
        self.ended.set()

    def give_up(self, reason: str) -> None:
        self.reason = reason
        self.ended.set()


class FullDisk(Easel):
    def keep(self, picture: Drawn) -> None:
        raise OSError(28, "No space left on device")


@pytest.fixture
def studio() -> Iterator[Studio]:
    page = make_page()
    studio = Studio(Heartbeat(page))
    os.close(page)
    studio.start()
    yield studio
    assert studio.stop()


class Painter(Algorithm):
    """Covers the whole picture, then fails."""

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        return before

    def draw(self, picture: NDArray[np.uint8], outcome: Outcome) -> None:
        picture[:] = 200
        raise ValueError("out of paint")


def lane_of(chain: Chain | None = None) -> Lane:
    spec = JobSpec("people", ("gate",), (), Sampling())
    return Lane(spec, "gate", chain or Chain((), Emissions()), Tally(0), 0)


def lane_that_knows(scene: Scene, *links: type[Algorithm]) -> Lane:
    emissions = Emissions()
    context = Context("people", "gate", Sessions(()), emissions.add, scenes={"gate": scene})
    opened = [Link(kind.__name__, kind(context, kind.Params())) for kind in links]
    return lane_of(Chain(opened, emissions, context))


def exposure(purpose: Easel, *boxes: tuple[float, float, float, float]) -> Exposure:
    outcome = Outcome(tuple(Detection(box, 0.9, "person") for box in boxes))
    return Exposure(lane_of(), noise_frame(FrameFormat(64, 48)), outcome, purpose)


@given(
    width=st.integers(1, 80),
    height=st.integers(1, 80),
    max_width=st.none() | st.integers(1, 120),
)
def test_a_picture_is_scaled_down_only_and_keeps_its_shape(
    width: int, height: int, max_width: int | None
) -> None:
    rows, columns, channels = bgr_within(noise_frame(FrameFormat(width, height)), max_width).shape
    assert (columns, channels) == (min(width, max_width or width), 3)
    assert rows == max(1, round(height * columns / width))


@pytest.mark.parametrize("matrix", list(ColorMatrix))
@pytest.mark.parametrize("color_range", list(ColorRange))
@pytest.mark.parametrize("max_width", [None, 20])
def test_colours_are_those_of_the_format(
    matrix: ColorMatrix, color_range: ColorRange, max_width: int | None
) -> None:
    red_weight, blue_weight = MATRIX_WEIGHTS[matrix]
    wanted = np.array([40.0, 90.0, 200.0])  # BGR
    luma = red_weight * wanted[2] + (1 - red_weight - blue_weight) * wanted[1] + blue_weight * wanted[0]
    chroma = [
        (wanted[0] - luma) / (2 * (1 - blue_weight)),
        (wanted[2] - luma) / (2 * (1 - red_weight)),
    ]
    if color_range is ColorRange.LIMITED:
        luma, chroma = 16 + luma * 219 / 255, [value * 224 / 255 for value in chroma]
    layout = FrameFormat(64, 48, color_range, matrix)
    pixels = np.empty(layout.frame_bytes, dtype=np.uint8)
    pixels[: layout.y_bytes] = round(luma)
    pixels[layout.y_bytes : layout.y_bytes + layout.chroma_bytes] = round(128 + chroma[0])
    pixels[layout.y_bytes + layout.chroma_bytes :] = round(128 + chroma[1])
    picture = bgr_within(Frame(header_of(layout), read_only(pixels)), max_width)
    assert np.abs(picture.reshape(-1, 3) - wanted).max() <= 3


def test_only_a_few_frames_wait_and_each_is_drawn_once(studio: Studio) -> None:
    easels = [Easel() for _ in range(MOST_WAITING + 5)]
    first = easels[0]
    assert studio.take(exposure(first))
    taken = [easel for easel in easels[1:] if studio.take(exposure(easel))]
    assert MOST_WAITING - 1 <= len(taken) <= MOST_WAITING, "one may not have been begun yet"
    for easel in (first, *taken):
        easel.go_on.set()
        assert easel.ended.wait(PATIENCE_S)
    assert all(easel.picture is not None for easel in (first, *taken))
    assert studio.room == MOST_WAITING


@pytest.mark.parametrize("box", [(float("nan"), 0, 1, 1), (float("inf"), 0, 1, 1), (1e300, 0, -1e300, 1)])
def test_boxes_that_cannot_be_drawn_leave_the_picture_and_the_studio(
    studio: Studio, box: tuple[float, float, float, float]
) -> None:
    for _ in range(2):
        easel = Easel()
        easel.go_on.set()
        assert studio.take(exposure(easel, box))
        assert easel.ended.wait(PATIENCE_S)
        assert easel.picture is not None


def developed(studio: Studio, lane: Lane, outcome: Outcome, index: int = 0) -> NDArray[np.uint8]:
    easel = Easel()
    easel.go_on.set()
    frame = gray_frame(np.full((240, 320), 126, dtype=np.uint8), index)
    lane.trails.saw(frame.header, outcome.detections or ())
    assert studio.take(Exposure.of(lane, frame, outcome, easel))
    assert easel.ended.wait(PATIENCE_S)
    assert easel.picture is not None
    return easel.picture


def test_a_source_without_jobs_shows_its_zones_and_lines(studio: Studio) -> None:
    square = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
    scene = Scene(zones={"door": square}, lines={"entry": ((0.1, 0.9), (0.9, 0.9))})
    picture = developed(studio, lane_that_knows(scene), Outcome())
    for y, x in ((60, 160), (120, 80), (216, 60)):
        assert np.ptp(picture[y - 3 : y + 4, x - 3 : x + 4].astype(int)) > 100
    assert np.ptp(picture[120, 120:200].astype(int)) == 0


def test_what_is_masked_stays_black_whatever_an_algorithm_draws_or_raises(studio: Studio) -> None:
    scene = Scene(masks={"neighbour": ((0, 0), (0.5, 0), (0.5, 1), (0, 1))})
    picture = developed(studio, lane_that_knows(scene, Painter), Outcome())
    assert not picture[:, :160].any()
    assert (picture[:, 162:] == 200).all()


class Quiet(Algorithm):
    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        return before


@pytest.mark.parametrize(("link", "kind"), [(Quiet, Frame), (Painter, np.ndarray)])
@pytest.mark.parametrize("max_width_px", [None, 200])
def test_only_what_an_algorithm_draws_on_becomes_bgr(
    studio: Studio, link: type[Algorithm], kind: type, max_width_px: int | None
) -> None:
    lane = lane_that_knows(Scene(), link)
    found = Outcome((Detection((0.2, 0.2, 0.7, 0.7), 0.9, "person"),))
    frame = gray_frame(np.full((240, 320), 126, dtype=np.uint8)).copy()
    before = frame.pixels.copy()
    pictures = []
    for _ in range(2):
        easel = Easel(max_width_px)
        easel.go_on.set()
        assert studio.take(Exposure.of(lane, frame, found, easel))
        assert easel.ended.wait(PATIENCE_S)
        assert easel.kind is kind
        assert easel.picture is not None
        pictures.append(easel.picture)
    assert pictures[0].shape[1] == (max_width_px or 320)
    assert np.ptp(pictures[0].astype(int)) > 100 or link is Painter
    assert np.array_equal(pictures[0], pictures[1]), "two may ask for the same frame"
    assert np.array_equal(frame.pixels, before)


def test_a_picture_shows_where_its_tracks_came_from(studio: Studio) -> None:
    lane = lane_that_knows(Scene())
    for index in range(6):
        x = 0.2 + index / 10
        found = Detection((x - 0.05, 0.3, x + 0.05, 0.6), 0.9, "person", track_id=2)
        picture = developed(studio, lane, Outcome((found,)), index)
    trail = picture[140:148, 70:200].astype(int)
    assert (np.ptp(trail, axis=(0, 2)) > 60).all(), "all along the way"


def test_a_picture_that_cannot_be_kept_is_given_up_and_the_next_is_drawn(studio: Studio) -> None:
    lost, next_one = FullDisk(), Easel()
    next_one.go_on.set()
    assert studio.take(exposure(lost))
    assert studio.take(exposure(next_one))
    assert next_one.ended.wait(PATIENCE_S)
    assert lost.reason == "No space left on device"
    assert next_one.picture is not None


def test_what_was_drawn_is_not_held(studio: Studio) -> None:
    easel = Easel()
    easel.go_on.set()
    shot = exposure(easel)
    lane = weakref.ref(shot.lane)
    assert studio.take(shot)
    del shot
    deadline = time.monotonic() + PATIENCE_S
    while lane() is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert lane() is None, "nor is its model"
