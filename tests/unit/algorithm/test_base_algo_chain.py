"""A `BaseAlgo` that asks for other pictures, sees what came before it, or has names of its own."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import Field

from edged.algorithm import BaseAlgo, ParamsInvalid, adapt, parse_params
from edged.algorithm.cards import card_of
from edged.model.detection import Detection, Outcome
from tests.pictures import opened
from tests.small_models import color_frame

EMPTY = Outcome()
BOX = (100 / 400, 50 / 200, 200 / 400, 150 / 200)


def made(algo_class: type[BaseAlgo], params: dict[str, Any] | None = None, **context: Any) -> Any:
    return opened(adapt(algo_class), params or {}, **context)


def wide() -> Any:
    """400 x 200; blue, with a red box from 100, 50 to 200, 150."""
    picture = np.full((200, 400, 3), (255, 0, 0), dtype=np.uint8)
    picture[50:150, 100:200] = (0, 0, 255)
    return color_frame(picture)


class Finder(BaseAlgo):
    """Boxes what is red: tells that it sees what it asked for, where it is told that it is."""

    red = 2

    def run(self, frames: list[NDArray[np.uint8]]) -> Any:
        self.seen = frames
        found = frames[-1] if frames[-1].ndim == 2 else frames[-1][:, :, self.red] > 128
        ys, xs = np.nonzero(found)
        box = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
        self.emit("red", box=box)
        return {"detections": [{"box": box, "keypoints": [box[:2]]}]}


class Small(Finder, size=(80, 40)):
    pass


class Boxed(Finder, size=(80, 80), resize="letterbox", color="rgb"):
    red = 0


class Inherited(Boxed, size=(160, 160)):
    pass


class Gray(Finder, color="gray", size=(40, 40)):
    pass


@pytest.mark.parametrize(
    ("kind", "shape"),
    [(Finder, (200, 400, 3)), (Small, (40, 80, 3)), (Boxed, (80, 80, 3)), (Inherited, (160, 160, 3))],
)
def test_boxes_are_in_pixels_of_the_pictures_asked_for(kind: Any, shape: tuple[int, ...]) -> None:
    events: list[Any] = []
    algorithm = made(kind, emit=lambda name, fields: events.append(fields["box"]))
    (found,) = algorithm.run([wide(), wide()], EMPTY).detections
    assert [picture.shape for picture in algorithm._algo.seen] == [shape, shape]
    assert all(picture.flags.writeable and picture.flags.c_contiguous for picture in algorithm._algo.seen)
    assert found.box == pytest.approx(BOX, abs=0.015)
    assert found.keypoints[0][:2] == pytest.approx(BOX[:2], abs=0.015)
    assert events == [list(found.box)]


def test_boxes_of_a_tall_frame_in_a_letterbox() -> None:
    picture = np.zeros((400, 200, 3), dtype=np.uint8)
    picture[200:300, 50:100] = (0, 0, 255)
    (found,) = made(Boxed).run([color_frame(picture)], EMPTY).detections
    assert found.box == pytest.approx((0.25, 0.5, 0.5, 0.75), abs=0.03)


def test_gray_pictures_have_two_dimensions() -> None:
    algorithm = made(Gray)
    algorithm.run([wide()], EMPTY)
    assert algorithm._algo.seen[0].shape == (40, 40)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"size": 320}, "width and height are wanted"),
        ({"size": (0, 320)}, "width and height are wanted"),
        ({"color": "hsv"}, "'hsv' is not one of bgr, rgb, gray"),
        ({"resize": "crop"}, "'crop' is not one of letterbox, stretch"),
        ({"colour": "rgb"}, "colour"),
    ],
)
def test_pictures_that_cannot_be_are_refused_where_they_are_asked_for(wanted: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        type("Wrong", (BaseAlgo,), {}, **wanted)


class Follower(BaseAlgo):
    def run(self, frames: list[NDArray[np.uint8]]) -> Any:
        self.got = (self.detections, dict(self.before))
        return {"people": len(self.detections)}


class SmallFollower(Follower, size=(200, 200), resize="letterbox"):
    pass


def test_it_sees_what_came_before_in_pixels_of_its_pictures() -> None:
    point = (0.5, 0.5, 0.9)
    helmet = {"helmet": {"label": "no", "score": 0.8}}
    earlier = Outcome(
        (
            Detection(BOX, 0.9, "person", 0, 7, ("door",), helmet, (point,)),
            Detection((0, 0, 1, 1), 0.5, "dog"),
        ),
        {"motion": 0.25},
        {"zones": {"door": 1}},
    )
    algorithm = made(Follower)
    outcome = algorithm.run([wide()], earlier)
    detections, before = algorithm._algo.got
    assert before == {"motion": 0.25}
    assert detections == [
        {
            "box": [100, 50, 200, 150], "score": 0.9, "label": "person", "label_id": 0, "track_id": 7,
            "zones": ["door"], "attributes": helmet, "keypoints": [[200, 100, 0.9]],
        },
        {"box": [0, 0, 400, 200], "score": 0.5, "label": "dog"},
    ]  # fmt: skip
    assert outcome == Outcome(earlier.detections, {"motion": 0.25, "people": 2}, earlier.counts)
    letterboxed = made(SmallFollower)
    letterboxed.run([wide()], earlier)
    assert letterboxed._algo.got[0][0]["box"] == [50, 75, 100, 125]
    letterboxed.run([wide()], EMPTY)
    assert letterboxed._algo.got == ([], {})


def test_what_it_was_given_may_be_returned_again() -> None:
    class Again(BaseAlgo, size=(100, 100), resize="letterbox"):
        def run(self, frames: list[NDArray[np.uint8]]) -> Any:
            return {"detections": self.detections}

    earlier = Outcome((Detection(BOX, 0.9, "person", 0, 7, ("door",), {"a": 1}, ((0.5, 0.25, 0.5),)),))
    first, again = made(Again).run([wide()], earlier).detections
    assert again.box == pytest.approx(first.box)
    assert (again.keypoints[0], again.zones, again.track_id) == (first.keypoints[0], ("door",), 7)


def test_a_users_own_names_stay_the_users() -> None:
    class Own(BaseAlgo):
        before = "class"

        def __init__(self) -> None:
            super().__init__("mine")
            self.params = {"own": 1}
            self.detections: list[int] = []
            self.frame = 0

        def init(self, limit: int = 1) -> None:
            self.model = limit

        def run(self, frames: list[NDArray[np.uint8]]) -> Any:
            self.frame += 1
            self.detections.append(self.frame)
            return {"all": [self.params, self.detections, self.frame, self.before, self.model]}

    algorithm = made(Own, {"limit": 3})
    algorithm.run([wide()], EMPTY)
    assert algorithm.run([wide()], EMPTY).data == {"all": [{"own": 1}, [1, 2], 2, "class", 3]}


def test_before_the_first_run_there_is_nothing_to_see() -> None:
    algorithm = made(Follower)
    for name in ("frame", "detections", "before"):
        with pytest.raises(AttributeError, match=f"there is no {name} before the first run"):
            getattr(algorithm._algo, name)
    assert Follower().name == "Follower"
    assert algorithm._algo.name == "people"


def test_a_draw_that_takes_something_else_is_the_users_own() -> None:
    class Drawing(BaseAlgo):
        def run(self, frames: list[NDArray[np.uint8]]) -> Any:
            self.draw(frames[-1])
            return {"drawn": True}

        def draw(self, frame: NDArray[np.uint8]) -> None:
            frame[:] = 0

    algorithm = made(Drawing)
    picture = np.full((20, 40, 3), 9, dtype=np.uint8)
    algorithm.draw(picture, algorithm.run([wide()], EMPTY))
    assert (picture == 9).all()


def test_draw_knows_all_that_was_detected() -> None:
    class Drawing(Follower):
        def draw(self, picture: NDArray[np.uint8], result: dict[str, Any]) -> None:
            self.result = result

    algorithm = made(Drawing)
    found = Detection(BOX, 0.9, "person", 0, 7, ("door",), {"a": 1}, ((0.5, 0.5, 0.9),))
    algorithm.draw(np.zeros((20, 40, 3), dtype=np.uint8), Outcome((found,), {"n": 1}))
    assert algorithm._algo.result == {
        "n": 1,
        "detections": [
            {
                "box": [10, 5, 20, 15], "score": 0.9, "label": "person", "label_id": 0, "track_id": 7,
                "zones": ["door"], "attributes": {"a": 1}, "keypoints": [[20, 10, 0.9]],
            }
        ],
    }  # fmt: skip


class Declared(BaseAlgo):
    """Counts heads."""

    def init(
        self,
        score: Annotated[float, Field(ge=0, le=1, description="heads below it do not count")] = 0.5,
        labels: list[str] | None = None,
        *,
        most: int,
    ) -> None:
        pass

    def run(self, frames: list[NDArray[np.uint8]]) -> Any:
        return None


def test_inits_parameters_are_shown_and_checked(tmp_path: Any) -> None:
    card = card_of("heads", tmp_path, adapt(Declared))
    assert card.summary == "Counts heads."
    assert [(each.name, each.type, each.default, each.description) for each in card.params] == [
        ("score", "float", "0.5", "heads below it do not count"),
        ("labels", "list[str] or null", "null", ""),
        ("most", "int", "required", ""),
    ]
    with pytest.raises(ParamsInvalid, match=r"score: should be less than or equal to 1, not 7"):
        parse_params(adapt(Declared), {"score": 7, "most": 1})
    with pytest.raises(ParamsInvalid, match="most: must be given"):
        parse_params(adapt(Declared), {})
