from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edged.algorithm import AlgorithmError, BaseAlgo, ParamsInvalid, adapt, parse_params
from edged.model.detection import Detection, Outcome
from edged.model.frame import FrameFormat
from tests.pictures import gray_frame, noise_frame, opened

EMPTY = Outcome()


class Recorder(BaseAlgo):
    """Keeps what it sees."""

    def init(self, threshold: float = 0.5, labels: list[str] | None = None, *, copy: bool = False) -> None:
        self.given = {"threshold": threshold, "labels": labels, "copy": copy}

    def run(self, frames: list[NDArray[np.uint8]]) -> Any:
        self.frames = frames
        return {"heads": len(frames)}


def made(algo_class: type[BaseAlgo], params: dict[str, Any] | None = None, **context: Any) -> Any:
    return opened(adapt(algo_class), params or {}, **context)


def answering(answer: Any) -> Any:
    """An algorithm whose run gives ``answer``."""

    class Answering(BaseAlgo):
        def run(self, frames: list[NDArray[np.uint8]]) -> Any:
            return answer

    return made(Answering)


def test_it_gets_name_params_and_bgr_frames_oldest_first() -> None:
    algorithm = made(Recorder, {"threshold": 0.7})
    window = [gray_frame(np.full((48, 64), level, dtype=np.uint8), n) for n, level in enumerate((16, 235))]
    outcome = algorithm.run(window, EMPTY)
    user = algorithm._algo
    assert outcome == Outcome(None, {"heads": 2})
    assert user.name == "people"
    assert user.params == {"threshold": 0.7, "labels": None, "copy": False}
    assert user.given == {"threshold": 0.7, "labels": None, "copy": False}
    assert [frame.shape for frame in user.frames] == [(48, 64, 3)] * 2
    assert [int(frame.mean()) for frame in user.frames] == [0, 255]
    assert all(frame.flags.writeable and frame.flags.c_contiguous for frame in user.frames)
    assert (user.frame.source, user.frame.index, user.frame.pts) == ("gate", 1, 0.1)
    assert user.frame.time == datetime(2023, 11, 14, 22, 13, 20, 250_000, tzinfo=UTC)


def test_what_it_draws_on_a_frame_nobody_else_sees() -> None:
    class Scribbler(BaseAlgo):
        def run(self, frames: list[NDArray[np.uint8]]) -> Any:
            cv2.rectangle(frames[0], (0, 0), (64, 48), (255, 255, 255), -1)

    frame = noise_frame(FrameFormat(64, 48))
    before = frame.bgr()
    made(Scribbler).run([frame], EMPTY)
    assert np.array_equal(frame.bgr(), before)


def test_an_algorithm_of_stream_infer_works_with_only_its_import_changed() -> None:
    class HeadDetectionAlgo(BaseAlgo):
        def init(self):  # type: ignore[no-untyped-def]
            self.model_id = "damo/cv_tinynas_head-detection_damoyolo"

        def run(self, frames):  # type: ignore[no-untyped-def]
            return {"scores": np.array([0.5, np.nan]), "boxes": [(1, 2, 3, 4)], "model": self.model_id}

    class Named(HeadDetectionAlgo):
        def __init__(self) -> None:
            super().__init__("head")

    outcome = made(HeadDetectionAlgo).run([noise_frame(FrameFormat(64, 48))], EMPTY)
    assert outcome.data["scores"] == [0.5, None]
    assert outcome.data["boxes"] == [[1, 2, 3, 4]]
    assert made(Named)._algo.name == "people"


def test_one_that_forgets_to_call_its_base_works() -> None:
    class Forgetful(Recorder):
        def __init__(self) -> None:
            self.mine = 1

    assert made(Forgetful).run([noise_frame(FrameFormat(64, 48))], EMPTY).data == {"heads": 1}


@pytest.mark.parametrize(
    ("params", "path", "message"),
    [
        ({"treshold": 1}, "treshold", "did you mean 'threshold'?"),
        ({"threshold": "high"}, "threshold", "should be a number"),
        ({"labels": "person"}, "labels", "should be a list"),
    ],
)
def test_params_are_checked_against_init(params: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(ParamsInvalid, match=message.replace("?", r"\?")) as raised:
        parse_params(adapt(Recorder), params)
    assert raised.value.path == path


def test_init_may_take_names_that_pydantic_knows_and_any_keyword() -> None:
    class Odd(BaseAlgo):
        def init(self, model_config, schema=1, _x=2, **rest) -> None:  # type: ignore[no-untyped-def]
            self.got = (model_config, schema, _x, rest)

        def run(self, frames: list[NDArray[np.uint8]]) -> Any:
            return None

    assert made(Odd, {"model_config": {}, "_x": 3, "more": [4]})._algo.got == ({}, 1, 3, {"more": [4]})
    with pytest.raises(ParamsInvalid, match="model_config: must be given"):
        parse_params(adapt(Odd), {})


@dataclass(frozen=True)
class Limits:
    low: float
    high: float = 1.0


def test_values_arrive_as_what_init_declares() -> None:
    anything = object()

    class Typed(BaseAlgo):
        def init(self, limits: Limits = Limits(0.5), path: Path = Path("x"), other: Any = anything) -> None:
            self.got = (limits, path, other)

        def run(self, frames: list[NDArray[np.uint8]]) -> Any:
            return None

    assert made(Typed)._algo.got == (Limits(0.5), Path("x"), anything)
    assert made(Typed, {"limits": {"low": 0.1}, "path": "y"})._algo.got == (Limits(0.1), Path("y"), anything)
    with pytest.raises(ParamsInvalid, match=r"limits\.low: "):
        parse_params(adapt(Typed), {"limits": {"low": "deep"}})


def test_annotations_that_cannot_be_read_do_not_matter() -> None:
    class Annotated(BaseAlgo):
        def init(self, size: NoSuchType = 3) -> None:  # type: ignore[name-defined]  # noqa: F821
            self.size = size

        def run(self, frames: list[NDArray[np.uint8]]) -> Any:
            return {"size": self.size}

    assert made(Annotated, {"size": "x"}).run([noise_frame(FrameFormat(64, 48))], EMPTY).data == {"size": "x"}


def test_boxes_in_pixels_become_fractions() -> None:
    found = {
        "box": np.array([16, 12, 100, 24]),
        "score": np.float32(0.5),
        "label": "head",
        "label_id": np.int64(2),
    }
    point = {"box": (0, 0, 64, 48), "keypoints": [[32, 24], (64, 48, 0.5)], "attributes": {"hat": np.True_}}
    outcome = answering({"detections": [found, point], "n": np.int8(2)}).run(
        [noise_frame(FrameFormat(64, 48))], EMPTY
    )
    assert outcome.detections == (
        Detection((0.25, 0.25, 1.0, 0.5), 0.5, "head", 2),
        Detection(
            (0.0, 0.0, 1.0, 1.0), 1.0, attributes={"hat": True}, keypoints=((0.5, 0.5, 1.0), (1.0, 1.0, 0.5))
        ),
    )
    assert outcome.data == {"n": 2}


@pytest.mark.parametrize(
    ("answer", "detections", "data"),
    [
        (None, None, {}),
        ({}, None, {}),
        ({"detections": []}, (), {}),
        ({"detections": None}, None, {}),
        ([1, np.float64(2)], None, {"result": [1, 2.0]}),
        (True, None, {"result": True}),
    ],
)
def test_other_answers(answer: Any, detections: Any, data: Any) -> None:
    outcome = answering(answer).run([noise_frame(FrameFormat(64, 48))], EMPTY)
    assert (outcome.detections, outcome.data) == (detections, data)


def test_what_came_before_in_the_chain_stays() -> None:
    earlier = Outcome((Detection((0, 0, 1, 1), 0.9),), {"a": 1, "b": 1})
    outcome = answering({"detections": [{"box": [0, 0, 32, 24]}], "b": 2}).run(
        [noise_frame(FrameFormat(64, 48))], earlier
    )
    assert outcome.detections == (*(earlier.detections or ()), Detection((0, 0, 0.5, 0.5), 1.0))
    assert outcome.data == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"zones": {1, 2}}, r"data\.zones: a set is no JSON; return sorted\(value\)"),
        ({"detections": {"box": [1, 2, 3, 4]}}, "a list of dicts is wanted, not a dict"),
        ({"detections": 3}, "a list of dicts is wanted, not a int"),
        ({"detections": [[1, 2, 3, 4]]}, r"detections\[0\]: a dict with 'box'"),
        ({"detections": [{"score": 1}]}, r"detections\[0\]: 'box' is missing"),
        ({"detections": [{"box": [1, 2, 3]}]}, "4 numbers are wanted"),
        ({"detections": [{"box": [10, 10, 5, 20]}]}, "ends before it begins"),
        ({"detections": [{"box": [1, 2, 3, np.nan]}]}, "nan is not a finite number"),
        ({"detections": [{"box": [1, 2, 3, 4], "score": "high"}]}, r"detections\[0\]\.score: 'high' is not"),
        ({"detections": [{"bbox": [1, 2, 3, 4]}]}, "unknown key 'bbox': did you mean 'box'"),
        ({"detections": [{"box": [1, 2, 3, 4], "hat": 1}]}, "put it into 'attributes'"),
        ({"detections": [{"box": "1234"}]}, "a list of numbers is wanted, not a str"),
        ({"detections": [{"box": [1, 2, 3, 4], "keypoints": [[1]]}]}, r"keypoints\[0\]: x, y in pixels"),
    ],
)
def test_answers_that_cannot_be_say_the_mend(answer: Any, message: str) -> None:
    with pytest.raises(AlgorithmError, match=message):
        answering(answer).run([noise_frame(FrameFormat(64, 48))], EMPTY)


def test_events_have_boxes_in_fractions_and_other_fields_as_data() -> None:
    seen: list[tuple[str, dict[str, Any]]] = []

    class Faller(BaseAlgo):
        def run(self, frames: list[NDArray[np.uint8]]) -> Any:
            self.emit("fall", box=[0, 12, 32, 48], score=np.float32(0.5), angle=np.float64(80), label=None)
            self.emit("plain")

    made(Faller, emit=lambda kind, fields: seen.append((kind, fields))).run(
        [noise_frame(FrameFormat(64, 48))], EMPTY
    )
    assert seen == [
        ("fall", {"box": [0.0, 0.25, 0.5, 1.0], "score": 0.5, "data": {"angle": 80.0}}),
        ("plain", {}),
    ]


@pytest.mark.parametrize(
    ("event", "fields", "message"),
    [
        ("a b", {}, "1-64 letters"),
        ("", {}, "1-64 letters"),
        ("fall", {"box": [1]}, "4 numbers"),
        ("fall", {"who": {1}}, r"data\.who: a set is no JSON"),
    ],
)
def test_events_that_cannot_be(event: str, fields: dict[str, Any], message: str) -> None:
    class Emitting(BaseAlgo):
        def run(self, frames: list[NDArray[np.uint8]]) -> Any:
            self.emit(event, **fields)

    with pytest.raises(AlgorithmError, match=message):
        made(Emitting).run([noise_frame(FrameFormat(64, 48))], EMPTY)


def test_outside_a_job_it_says_what_is_missing() -> None:
    with pytest.raises(RuntimeError, match="inside a job"):
        Recorder().model("x.onnx")
    with pytest.raises(RuntimeError, match=r"inside run\(\)"):
        Recorder().emit("fall")


def test_draw_sees_the_result_in_pixels_of_the_picture() -> None:
    seen: list[Any] = []

    class Drawing(BaseAlgo):
        def run(self, frames: list[NDArray[np.uint8]]) -> Any:
            return {"detections": [{"box": [0, 0, 32, 24], "label": "x"}], "n": 1}

        def draw(self, picture: NDArray[np.uint8], result: dict[str, Any]) -> None:
            picture[:] = 7
            seen.append(result)

    algorithm = made(Drawing)
    picture = np.zeros((100, 200, 3), dtype=np.uint8)
    algorithm.draw(picture, algorithm.run([noise_frame(FrameFormat(64, 48))], EMPTY))
    assert (picture == 7).all()
    assert seen == [{"n": 1, "detections": [{"box": [0, 0, 100, 50], "score": 1.0, "label": "x"}]}]
    made(Recorder).draw(picture, EMPTY)
