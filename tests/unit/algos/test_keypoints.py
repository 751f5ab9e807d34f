"""Body pose by models of each family with known answers, and one that finds coloured dots."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from algos.keypoints import Keypoints
from edged.algorithm import AlgorithmError, ParamsInvalid
from edged.algorithm.poses import COCO_KEYPOINTS, POSE_HEADS
from edged.model.detection import Detection, Outcome
from tests.pictures import opened
from tests.small_models import FLOAT, color_frame, fixed_model, model_of

EMPTY = Outcome()
WIDTH, HEIGHT = 96, 128
"""Of the models' inputs for one body."""


def blank(width: int = 192, height: int = 256) -> Any:
    return color_frame(np.full((height, width, 3), 80, dtype=np.uint8))


def made(folder: Path, outputs: dict[str, Any], *, batched: bool = False, **params: Any) -> Any:
    """With answers that do not depend on the picture; ``input``: its shape."""
    shape = params.pop("input", ("n" if batched else 1, 3, HEIGHT, WIDTH))
    fixed_model(folder / "pose.onnx", outputs, shape, batched=batched)
    return opened(Keypoints, {"model": "pose.onnx", **params}, [folder], counters=Counter())


def spread(count: int = 17) -> Any:
    """Where keypoints are, ``(count, 2)``, in pixels of the input."""
    rng = np.random.default_rng(3)
    return rng.uniform((8, 8), (WIDTH - 8, HEIGHT - 8), (count, 2))


def simcc(points: Any, split: int = 2) -> dict[str, Any]:
    """SimCC's two outputs: a Gaussian over the bins of each axis."""

    def axis(places: Any, size: int) -> Any:
        bins = np.arange(size * split)
        return np.exp(-(((bins - places[:, None] * split) / 6) ** 2) / 2)[np.newaxis]

    return {"simcc_x": axis(points[:, 0], WIDTH), "simcc_y": axis(points[:, 1], HEIGHT)}


def heatmaps(points: Any, stride: int = 4) -> dict[str, Any]:
    """A Gaussian of 2 cells around each keypoint."""
    across, down = np.meshgrid(np.arange(WIDTH // stride), np.arange(HEIGHT // stride))
    x, y = (points / stride).T[..., None, None]
    return {"maps": np.exp(-((across - x) ** 2 + (down - y) ** 2) / 8)[np.newaxis]}


@pytest.mark.parametrize(("outputs", "slack_px"), [(simcc, 0.26), (heatmaps, 0.05)])
def test_one_body_fills_the_frame(tmp_path: Path, outputs: Any, slack_px: float) -> None:
    points = spread()
    (person,) = made(tmp_path, outputs(points)).run([blank()], EMPTY).detections
    found = np.array(person.keypoints)
    assert np.abs(found[:, :2] * (WIDTH, HEIGHT) - points).max() < slack_px
    assert (found[:, 2] > 0.7).all()
    assert person.label == "person"
    assert person.box == pytest.approx((*found[:, :2].min(axis=0), *found[:, :2].max(axis=0)))


def test_simccs_outputs_in_the_other_order(tmp_path: Path) -> None:
    points = spread()
    outputs = simcc(points)
    turned = {"a": outputs["simcc_y"], "b": outputs["simcc_x"]}
    (person,) = made(tmp_path, turned).run([blank()], EMPTY).detections
    assert np.abs(np.array(person.keypoints)[:, :2] * (WIDTH, HEIGHT) - points).max() < 0.3


def test_keypoints_of_a_crop_lie_in_the_frame(tmp_path: Path) -> None:
    """The person's box, 60 x 80 with the proportions of the input, is all that the model sees."""
    points = spread()
    box = (100 / 400, 40 / 200, 160 / 400, 120 / 200)
    earlier = Outcome(
        (Detection(box, 0.9, "person", 0, track_id=7), Detection(box, 0.9, "dog", 16)), {"a": 1}
    )
    algorithm = made(tmp_path, simcc(points), margin=0)
    outcome = algorithm.run([blank(400, 200)], earlier)
    person, dog = outcome.detections
    wanted = points / (WIDTH, HEIGHT) * (60, 80) + (100, 40)
    assert np.abs(np.array(person.keypoints)[:, :2] * (400, 200) - wanted).max() < 0.3
    assert (person.box, person.track_id, dog) == (box, 7, earlier.detections[1])
    assert outcome.data == {"a": 1, "keypoint_names": list(COCO_KEYPOINTS)}
    assert algorithm.context.counters == {"keypoints.crops": 1}


def test_of_tells_whose_keypoints_and_margin_how_much_around_them(tmp_path: Path) -> None:
    """A margin of 0.25 on each side: the model sees 36 x 60 pixels around a box of 24 x 40."""
    points = spread()
    box = (100 / 400, 40 / 200, 124 / 400, 80 / 200)
    earlier = Outcome((Detection(box, 0.9, "person", 0), Detection(box, 0.9, "dog", 16)))

    def seen(**params: Any) -> list[bool]:
        found = made(tmp_path, simcc(points), **params).run([blank(400, 200)], earlier).detections
        return [bool(each.keypoints) for each in found]

    assert (seen(), seen(of=["dog"]), seen(of=None)) == ([True, False], [False, True], [True, True])
    algorithm = made(tmp_path, simcc(points), margin=0.25, resize="stretch")
    person = algorithm.run([blank(400, 200)], earlier).detections[0]
    wanted = points / (WIDTH, HEIGHT) * (36, 60) + (94, 30)
    assert np.abs(np.array(person.keypoints)[:, :2] * (400, 200) - wanted).max() < 0.3


def dots_model(path: Path, size: int = 64) -> Path:
    """Heatmaps of how red, green and blue each place is: three keypoints."""
    nodes = [helper.make_node("AveragePool", ["images"], ["maps"], kernel_shape=[4, 4], strides=[4, 4])]
    shapes = {"images": (FLOAT, ("n", 3, size, size))}, {"maps": (FLOAT, ("n", 3, size // 4, size // 4))}
    return model_of(path, nodes, *shapes)


def test_crops_are_cut_where_the_people_are(tmp_path: Path) -> None:
    """Two people of coloured dots, one at the frame's edge: each keypoint is where its dot is."""
    picture = np.zeros((200, 400, 3), dtype=np.uint8)
    dots = {0: [(20, 30), (60, 100), (30, 170)], 1: [(300, 50), (330, 120), (310, 180)]}
    for places in dots.values():
        for channel, (x, y) in zip((2, 1, 0), places, strict=True):
            picture[y - 6 : y + 6, x - 6 : x + 6, channel] = 255
    boxes = [(0, 10 / 200, 80 / 400, 190 / 200), (280 / 400, 30 / 200, 350 / 400, 1.0)]
    earlier = Outcome(tuple(Detection(box, 0.9, "person", 0) for box in boxes))
    dots_model(tmp_path / "dots.onnx")
    params = {"model": "dots.onnx", "normalize": "unit"}
    algorithm = opened(Keypoints, params, [tmp_path], counters=Counter())
    assert algorithm._batched
    found = algorithm.run([color_frame(picture)], earlier).detections
    for person, places in zip(found, dots.values(), strict=True):
        assert np.array(person.keypoints)[:, :2] * (400, 200) == pytest.approx(np.array(places), abs=11)
    alone = [
        algorithm.run([color_frame(picture)], Outcome((each,))).detections[0] for each in earlier.detections
    ]
    assert alone == list(found)


def test_the_surest_people_first_and_no_more_than_asked_for(tmp_path: Path) -> None:
    people = tuple(Detection((0, 0, 0.5, 1), score, "person") for score in (0.5, 0.9, 0.7))
    for batched in (False, True):
        algorithm = made(tmp_path, simcc(spread()), batched=batched, max_detections=2)
        found = algorithm.run([blank()], Outcome(people)).detections
        assert [bool(each.keypoints) for each in found] == [False, True, True]
    assert made(tmp_path, simcc(spread())).run([blank()], Outcome(())).detections == ()


def test_keypoints_not_seen_have_the_score_0_and_no_body_is_none(tmp_path: Path) -> None:
    maps = heatmaps(spread())["maps"]
    maps[0, 3] *= 0.1
    algorithm = made(tmp_path, {"maps": maps})
    (person,) = algorithm.run([blank()], EMPTY).detections
    assert [number for number, point in enumerate(person.keypoints) if point[2] == 0] == [3]
    assert made(tmp_path, {"maps": maps * 0.2}).run([blank()], EMPTY).detections == ()
    assert made(tmp_path, {"maps": maps * 0 - 1}).run([blank()], EMPTY).detections == ()


def test_movenet_tells_y_first_in_fractions(tmp_path: Path) -> None:
    points = spread()
    answer = np.column_stack((points[:, 1] / 192, points[:, 0] / 192, np.full(17, 0.8)))
    shape = (1, 192, 192, 3)
    algorithm = made(tmp_path, {"out": answer[np.newaxis, np.newaxis]}, input=shape)
    (person,) = algorithm.run([blank(192, 192)], EMPTY).detections
    assert np.array(person.keypoints)[:, :2] * 192 == pytest.approx(points, abs=0.01)
    assert person.score == pytest.approx(0.8)


def test_movenet_multipose_and_its_letterbox(tmp_path: Path) -> None:
    """The frame is twice as wide as high: it lies in the middle half of the square input."""
    answer = np.zeros((1, 6, 56))
    answer[0, :, :51] = np.tile([0.5, 0.25, 0.9], 17)
    answer[0, 2, 51:] = (0.25, 0.0, 0.75, 0.5, 0.8)
    algorithm = made(tmp_path, {"out": answer}, input=(1, 256, 256, 3))
    (person,) = algorithm.run([blank(256, 128)], EMPTY).detections
    assert person.box == pytest.approx((0, 0, 0.5, 1))
    assert person.keypoints[0] == pytest.approx((0.25, 0.5, 0.9))
    assert person.score == pytest.approx(0.8)


def yolo_answer(cells: int, bodies: list[tuple[tuple[float, ...], float]]) -> Any:
    """``(cells, 56)``: centre, size, score, then all keypoints in the centre."""
    answer = np.zeros((cells, 56))
    for place, (box, score) in enumerate(bodies):
        x, y, width, height = box
        answer[place * 7] = (x, y, width, height, score, *([x, y, 0.9] * 17))
    return answer


@pytest.mark.parametrize("transposed", [False, True])
def test_yolo_pose_finds_people_itself(tmp_path: Path, transposed: bool) -> None:
    bodies = [
        ((80, 80, 40, 60), 0.9),
        ((82, 80, 40, 60), 0.7),
        ((20, 20, 10, 10), 0.5),
        ((99, 99, 9, 9), 0.1),
    ]
    answer = yolo_answer(525, bodies)
    answer = answer if transposed else answer.T
    algorithm = made(tmp_path, {"out": answer[np.newaxis]}, input=(1, 3, 160, 160))
    earlier = Outcome((Detection((0, 0, 1, 1), 0.3, "dog"),))
    dog, first, second = algorithm.run([blank(160, 160)], earlier).detections
    assert (dog.label, first.label) == ("dog", "person")
    assert first.box == pytest.approx((60 / 160, 50 / 160, 100 / 160, 110 / 160))
    assert first.keypoints[16] == pytest.approx((0.5, 0.5, 0.9))
    assert second.score == pytest.approx(0.5)


def test_yolo_pose_with_suppression_inside(tmp_path: Path) -> None:
    answer = np.zeros((1, 300, 57))
    answer[0, 0] = (40, 40, 120, 120, 0.9, 0, *([80, 80, 0.9] * 17))
    algorithm = made(tmp_path, {"out": answer}, input=(1, 3, 160, 160))
    (person,) = algorithm.run([blank(160, 160)], EMPTY).detections
    assert person.box == pytest.approx((0.25, 0.25, 0.75, 0.75))
    assert person.keypoints[0] == pytest.approx((0.5, 0.5, 0.9))


def test_thousands_of_people_are_bounded(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    bodies = [((*rng.uniform(0, 640, 2), 8, 8), rng.uniform(0.5, 1)) for _ in range(1200)]
    answer = {"out": yolo_answer(8400, bodies).T[np.newaxis]}
    found = made(tmp_path, answer, input=(1, 3, 640, 640)).run([blank(256, 256)], EMPTY).detections
    assert len(found) == 20
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_outputs_that_are_not_known_say_what_would_be(tmp_path: Path) -> None:
    with pytest.raises(ParamsInvalid, match=r"outputs of pose\.onnx are 1x1000; known are movenet: "):
        made(tmp_path, {"out": np.zeros((1, 1000))})
    with pytest.raises(ParamsInvalid, match="are 1x17x32x24; known are simcc: "):
        made(tmp_path, heatmaps(spread()), head="simcc")
    with pytest.raises(ParamsInvalid, match="must be auto or one of"):
        made(tmp_path, heatmaps(spread()), head="openpose")
    with pytest.raises(ParamsInvalid, match="2 names are given, the model has 17 keypoints"):
        made(tmp_path, heatmaps(spread()), names=["a", "b"])
    with pytest.raises(ParamsInvalid, match="of: an empty list is none at all: say null for all"):
        made(tmp_path, heatmaps(spread()), of=[])
    with pytest.raises(ParamsInvalid, match="numbered 0 to 16"):
        made(tmp_path, heatmaps(spread()), skeleton=[(0, 17)])
    algorithm = made(tmp_path, {"maps": np.full((1, 17, 32, 24), np.nan)})
    with pytest.raises(AlgorithmError, match="NaN or infinite"):
        algorithm.run([blank()], EMPTY)


def test_names_come_from_a_list_or_a_file(tmp_path: Path) -> None:
    names = [f"point {number}" for number in range(17)]
    (tmp_path / "points.txt").write_text("\n".join(names))
    for given in (names, "points.txt"):
        assert made(tmp_path, heatmaps(spread()), names=given).run([blank()], EMPTY).data == {
            "keypoint_names": names
        }
    for wrong, message in (("/etc/passwd", "a file in a model folder"), ("none.txt", "no 'none.txt'")):
        with pytest.raises(ParamsInvalid, match=message) as raised:
            made(tmp_path, heatmaps(spread()), names=wrong)
        assert raised.value.path == "names"


def test_every_head_is_recognised_by_what_it_says(tmp_path: Path) -> None:
    shapes = {
        "movenet": (((1, 1, 17, 3),), 192, 192),
        "movenet_multi": (((1, 6, 56),), 256, 256),
        "simcc": (((1, 26, 384), (1, 26, 512)), 192, 256),
        "heatmap": (((1, 17, 64, 48),), 192, 256),
        "yolov8_pose": (((1, 56, 8400),), 640, 640),
        "yolov8_pose_nms": (((1, 300, 57),), 640, 640),
    }
    for name, (outputs, width, height) in shapes.items():
        fitting = [head.name for head in POSE_HEADS.values() if head.keypoints(outputs, width, height)]
        assert fitting == [name]


def test_the_skeleton_is_drawn_between_what_was_seen(tmp_path: Path) -> None:
    algorithm = made(tmp_path, heatmaps(spread()), skeleton=[(0, 1), (1, 2)])
    keypoints = ((0.1, 0.5, 0.9), (0.5, 0.5, 0.9), (0.9, 0.5, 0.0))
    picture = np.zeros((100, 200, 3), dtype=np.uint8)
    algorithm.draw(picture, Outcome((Detection((0, 0, 1, 1), 0.9, "person", 0, keypoints=keypoints),)))
    assert picture[50, 30:90].any(axis=1).all()
    assert not picture[:, 110:].any()
