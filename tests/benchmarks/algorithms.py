"""What algorithms cost beside their models, at 1080p with 20 objects, on one core.

A detector (YOLOX's outputs), tracker, zones and lines, and encoding together at most 1.5 ms a frame, the
tracker alone at most 0.3 ms: the model's own run is left out, its answers were written before. Then what is
gained by several pictures in one run: four cameras with YuNet at least as fast as four runs, or they do not
share one; all crops of a frame in one run of a classifier. Drawing has figures of its own.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from algos.classifier import Classifier
from algos.detector import Detector
from algos.tracker import Tracker
from algos.zones import Zones
from edged.algorithm import Algorithm, Frame, ImageInput, Session, Sessions
from edged.algorithm.batched import BATCH, run_together, try_batches
from edged.algorithm.drawing import Canvas, Sketchbook, draw_scene
from edged.algorithm.trails import Trail, Trails
from edged.app.bench.figures import Figure, median_figure
from edged.model.detection import Detection, Outcome
from edged.model.frame import FrameFormat
from edged.model.scene import Scene
from edged.worker.chain import Emissions
from edged.worker.encoding import Latency, Origin, count, encode_counts, encode_event, encode_result
from tests.benchmarks.setting import ASSETS, finish, machine, parse
from tests.pictures import constant_model, header_of, noise_frame, opened, save_model

MOST_MS, TRACKER_MOST_MS = 1.5, 0.3
OBJECTS = 20
LAYOUT = FrameFormat(1920, 1080)
SIDE, STRIDES = 416, (8, 16, 32)
"""Of YOLOX-nano."""
SCENE = Scene(
    zones={
        f"zone-{number}": ((left, 0.4), (left + 0.2, 0.4), (left + 0.22, 0.95), (left - 0.02, 0.95))
        for number, left in enumerate((0.03, 0.27, 0.51, 0.75))
    },
    lines={"entry": ((0.33, 0.1), (0.35, 0.95)), "exit": ((0.66, 0.95), (0.68, 0.1))},
)
_FRAMES, _ROUNDS = 200, 20
_ORIGIN = Origin("gate-01", "people", "gate", "boot")
Numbers = NDArray[np.float32]


# ---- a model whose answers were written before ----


class Scripted(Session):
    """A session that gives the answer it was told, without a run; counts how often it is asked."""

    def __init__(self, real: Session) -> None:
        self.__dict__.update(real.__dict__)
        self.answer: list[Numbers] | None = None
        """None: it runs the model."""
        self.asked = 0
        self._real = real

    def run(self, feeds: Any) -> list[NDArray[Any]]:
        self.asked += 1
        return self._real.run(feeds) if self.answer is None else self.answer


class Watched(Sessions):
    """Gives out `Scripted` ones, of one thread each."""

    def __init__(self, folder: Path) -> None:
        super().__init__([folder], threads=1)
        self.given: list[Scripted] = []

    def get(self, name: str, *, provider: str = "auto", threads: int | None = None) -> Session:
        self.given.append(Scripted(super().get(name, provider=provider, threads=threads)))
        return self.given[-1]


# ---- twenty people who walk ----


def walkers(frame: int) -> Numbers:
    """Boxes of frame ``frame``, ``(n, 4)`` in fractions: each walks to and fro, and its box jitters."""
    rng = np.random.default_rng(frame)
    number = np.arange(OBJECTS)
    x = 0.05 + 0.9 * np.abs(((number * 0.137 + frame * 0.004 * (1 + number % 3)) % 2) - 1)
    y = 0.2 + 0.6 * (number % 5) / 4
    size = np.stack((0.025 + 0.02 * (number % 4), 0.12 + 0.05 * (number % 3)), axis=1)
    middle = np.stack((x, y), axis=1)
    boxes = np.concatenate((middle - size / 2, middle + size / 2), axis=1)
    return np.clip(boxes + rng.normal(0, 0.001, boxes.shape), 0, 1).astype(np.float32)


def yolox_answer(boxes: Numbers) -> Numbers:
    """What YOLOX would give for ``boxes``: four cells for each of them, and noise below any threshold."""
    answer = np.random.default_rng(1).uniform(0, 0.05, (sum((SIDE // s) ** 2 for s in STRIDES), 85))
    corners = _in_input(boxes)
    stride, first = 16, (SIDE // 8) ** 2
    across = SIDE // stride
    for left, top, right, bottom in corners.tolist():
        middle = np.array([left + right, top + bottom]) / 2 / stride
        size = np.log(np.maximum([right - left, bottom - top], 1) / stride)
        for cell in itertools.product(*((int(c - 0.5), int(c + 0.5)) for c in middle)):
            column, row = (min(max(place, 0), across - 1) for place in cell)
            place = first + row * across + column
            answer[place, :4] = (*(middle - (column, row)), *size)
            answer[place, 4:6] = 0.9, 0.95
    return answer[np.newaxis].astype(np.float32)


def _in_input(boxes: Numbers) -> Numbers:
    """In pixels of the model's input, into which a frame is letterboxed at the upper left."""
    ratio = min(SIDE / LAYOUT.width, SIDE / LAYOUT.height)
    return boxes * np.float32(ratio) * np.array([LAYOUT.width, LAYOUT.height] * 2, dtype=np.float32)


def film() -> list[Frame]:
    """Ten a second; as many pictures as a track has, so that none stays in the cache."""
    pictures = [noise_frame(LAYOUT, seed) for seed in range(6)]
    return [
        Frame(header_of(LAYOUT, number), picture.pixels)
        for number, picture in zip(range(_FRAMES), itertools.cycle(pictures), strict=False)
    ]


# ---- everything but the model ----


@dataclass
class Spent:
    """Milliseconds of each frame, by what they were spent on."""

    detector: list[float] = field(default_factory=list)
    tracker: list[float] = field(default_factory=list)
    zones: list[float] = field(default_factory=list)
    encoding: list[float] = field(default_factory=list)
    found: list[int] = field(default_factory=list)
    events: int = 0

    @property
    def together(self) -> list[float]:
        parts = (self.detector, self.tracker, self.zones, self.encoding)
        return [sum(each) for each in zip(*parts, strict=True)]


def chain_without_its_model(folder: Path) -> Spent:
    """What the worker does with each frame: run the links, encode the result, the counts and the events."""
    constant_model(folder / "yolox.onnx", yolox_answer(walkers(0)), input_shape=(1, 3, SIDE, SIDE))
    sessions, emissions = Watched(folder), Emissions()
    around: dict[str, Any] = {"sessions": sessions, "emit": emissions.add, "scenes": {"gate": SCENE}}
    detector = opened(Detector, {"model": "yolox.onnx", "score": 0.4}, **around)
    tracker, zones = opened(Tracker, {}, **around), opened(Zones, {}, **around)
    spent = Spent()
    for number, frame in enumerate(film()):
        sessions.given[0].answer = [yolox_answer(walkers(number))]
        detected = _timed(spent.detector, detector, frame, Outcome())
        tracked = _timed(spent.tracker, tracker, frame, detected)
        located = _timed(spent.zones, zones, frame, tracked)
        begun = time.perf_counter()
        encode_result(_ORIGIN, number, frame.header, Latency(1, 2, 3), located)
        encode_counts(count(located), frame.header)
        events = emissions.take()
        for kind, fields in events:
            encode_event(_ORIGIN, number, frame.header, kind, fields)
        spent.encoding.append(_ms_since(begun))
        spent.events += len(events)
        spent.found.append(len(located.detections or ()))
    return spent


def _timed(spent: list[float], link: Algorithm, frame: Frame, before: Outcome) -> Outcome:
    begun = time.perf_counter()
    outcome = link.run([frame], before)
    spent.append(_ms_since(begun))
    return outcome


def _ms_since(begun: float) -> float:
    return 1000 * (time.perf_counter() - begun)


def chain_figures(spent: Sequence[Spent]) -> list[Figure]:
    seen = f"{statistics.median(spent[-1].found):.0f} objects, {spent[-1].events} events in {_FRAMES} frames"

    def figure(name: str, part: Callable[[Spent], Iterable[float]], at_most: float | None = None) -> Figure:
        return median_figure(name, (statistics.median(part(one)) for one in spent), "ms", at_most=at_most)

    return [
        figure("detector, less its model", lambda one: one.detector),
        figure("tracker", lambda one: one.tracker, TRACKER_MOST_MS),
        figure("zones and lines", lambda one: one.zones),
        figure("encoding", lambda one: one.encoding),
        replace(figure("all of it, less the model", lambda one: one.together, MOST_MS), note=seen),
    ]


# ---- several pictures in one run ----


def yunet_figures(repeats: int) -> list[Figure]:
    """Four cameras beside four runs, and whether the worker lets them share one."""
    path = ASSETS / "yunet_n_dynamic.onnx"
    if not path.is_file():
        return []
    session = Sessions([ASSETS], threads=1).get(path.name)
    image = ImageInput.of(session, (640, 384))
    pictures = [noise_frame(LAYOUT, seed).picture(image.width, image.height).pixels for seed in range(BATCH)]
    feeds = [image.feed([picture]) for picture in pictures]
    gains = [_gain(session, feeds) for _ in range(repeats)]
    try_batches(session, feeds[0])
    shared = session.batch is not None and session.batch > 1
    verdict = "cameras share runs" if shared else "measured when it is opened: cameras do not share runs"
    name = f"{BATCH} YuNet at once / {BATCH} runs"
    return [median_figure(name, gains, "x as fast", at_least=1.0 if shared else None, note=verdict)]


def _gain(session: Session, feeds: Sequence[NDArray[Any]]) -> float:
    alone, together = [], []
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        for feed in feeds:
            session.run(feed)
        alone.append(_ms_since(begun))
        begun = time.perf_counter()
        run_together(session, feeds)
        together.append(_ms_since(begun))
    return min(alone) / min(together)


def crop_figures(folder: Path, repeats: int) -> list[Figure]:
    """A classifier on all objects of a frame: its model takes any number of pictures, or one."""
    times: dict[str, list[float]] = {}
    runs: dict[str, float] = {}
    frames = [Frame(frame.header, frame.pixels) for frame in film()[:20]]
    seen = [Outcome(tuple(Detection(tuple(box), 0.9, "person") for box in walkers(0).tolist()))] * len(frames)
    for batch in ("N", 1):
        model = f"classes-{batch}.onnx"
        small_classifier(folder / model, batch)
        sessions = Watched(folder)
        classifier = opened(Classifier, {"model": model, "every": 0, "min_pixels": 1}, sessions=sessions)
        sessions.given[0].asked = 0
        for _ in range(repeats):
            spent: list[float] = []
            for frame, before in zip(frames, seen, strict=True):
                _timed(spent, classifier, frame, before)
            times.setdefault(model, []).append(min(spent))
        runs[model] = sessions.given[0].asked / repeats / len(frames)
    at_once, one_by_one = times.values()
    gain = [slow / fast for slow, fast in zip(one_by_one, at_once, strict=True)]
    return [
        Figure("model runs for 20 crops", runs["classes-N.onnx"], at_most=1.0, note="a frame; of any batch"),
        median_figure("20 crops in one run", at_once, "ms", note="the small model included"),
        median_figure("20 crops in one run / in 20", gain, "x as fast", at_least=1.0),
    ]


def small_classifier(path: Path, batch: int | str) -> None:
    """Two convolutions and a layer of ten classes, on 64 x 64."""
    rng = np.random.default_rng(0)
    weights = {
        "first": rng.normal(0, 0.1, (16, 3, 3, 3)),
        "second": rng.normal(0, 0.1, (32, 16, 3, 3)),
        "classes": rng.normal(0, 0.1, (32, 10)),
    }
    nodes = [
        helper.make_node("Conv", ["images", "first"], ["a"], strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "second"], ["c"], strides=[2, 2]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("GlobalAveragePool", ["d"], ["e"]),
        helper.make_node("Flatten", ["e"], ["f"]),
        helper.make_node("MatMul", ["f", "classes"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, 64, 64])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [batch, 10])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )
    save_model(path, graph)


# ---- drawing ----


def drawing_figures(repeats: int) -> list[Figure]:
    """What was found, with zones, lines and trails: on BGR, on planes, and on planes once more."""
    trails, sequence = Trails(), []
    for number, frame in enumerate(film()):
        found = tuple(
            Detection(tuple(box), 0.9, "person", track_id=track)
            for track, box in enumerate(walkers(number).tolist())
        )
        trails.saw(frame.header, found)
        if number >= _FRAMES - _ROUNDS:
            counts = {"zones": {"zone-0": 2, "zone-2": 1}, "lines": {"entry": {"in": 3, "out": 4}}}
            sequence.append((frame, Outcome(found, {}, counts), trails.now(frame.header, found)))
    book = Sketchbook()
    picture, planes = sequence[0][0].bgr(), sequence[0][0].copy()
    layers, layout = (planes.y, planes.u, planes.v), planes.header.format

    def spent(draw: Callable[[Outcome, Sequence[Trail]], None], times: int = 1) -> float:
        taken = []
        for _, outcome, ways in sequence:
            for _ in range(times):
                begun = time.perf_counter()
                draw(outcome, ways)
            taken.append(_ms_since(begun))
        return statistics.median(taken)

    def on_bgr(outcome: Outcome, ways: Sequence[Trail]) -> None:
        draw_scene(Canvas.of_picture(picture), SCENE, outcome, ways)

    def on_planes(outcome: Outcome, ways: Sequence[Trail]) -> None:
        book.draw(layers, layout, SCENE, outcome, ways)

    note = f"{OBJECTS} objects, 4 zones, 2 lines, {OBJECTS} trails"
    return [
        median_figure("drawing on BGR", [spent(on_bgr) for _ in range(repeats)], "ms", note=note),
        median_figure("drawing on planes", [spent(on_planes) for _ in range(repeats)], "ms"),
        median_figure("the same on the next frame", [spent(on_planes, 2) for _ in range(repeats)], "ms"),
    ]


def main() -> None:
    options: argparse.Namespace = parse(__doc__)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(prefix="edged-benchmark-") as name:
        folder = Path(name)
        figures = [
            *drawing_figures(options.repeats),
            *chain_figures([chain_without_its_model(folder) for _ in range(options.repeats)]),
            *yunet_figures(options.repeats),
            *crop_figures(folder, options.repeats),
        ]
    about = {**machine(), "film": "noise, 1080p", "repeats": options.repeats}
    sys.exit(0 if finish("algorithms", about, figures) else 1)


if __name__ == "__main__":
    main()
