"""Pictures of results: what they show, what they say that they are about, and that nobody waits for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edged.algorithm import Frame
from edged.algorithm.jpeg import comments_in
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat
from edged.model.messages import ImageOrder, LinkSpec
from edged.model.output import Output, OutputKind
from edged.worker.images import MOST_CROPS, with_surroundings
from edged.worker.studio import MOST_LATER
from tests.integration.worker_rig import GATED, GATES, Camera, Gate, Rig, job, worker
from tests.pictures import header_of

LAYOUT = FrameFormat(641, 361, ColorRange.FULL, ColorMatrix.BT709)
BOXES = """
from edged import Algorithm, AlgorithmParams, Detection, Outcome

class Params(AlgorithmParams):
    boxes: tuple[tuple[float, float, float, float], ...] = ()

class Boxes(Algorithm):
    Params = Params
    def run(self, window, before):
        boxes = enumerate(self.params.boxes)
        return Outcome(tuple(Detection(box, 0.9 - n / 100, "thing", track_id=n + 1) for n, box in boxes))
"""
SLOW_TO_DRAW = """
from edged import BaseAlgo
from tests.integration.worker_rig import GATES

class Slow(BaseAlgo):
    def run(self, frames):
        return {"detections": [{"box": [0, 0, 20, 20]}]}
    def draw(self, picture, result):
        GATES["draw"].pass_through()
"""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with worker(tmp_path) as rig:
        rig.algorithm("boxes", BOXES)
        rig.algorithm("slow", SLOW_TO_DRAW)
        yield rig


@pytest.fixture
def camera(rig: Rig) -> Iterator[Camera]:
    """Shows a landscape of soft colours, odd in width and height."""
    rows, columns = np.mgrid[0 : LAYOUT.height, 0 : LAYOUT.width]
    planes = [30 + (columns + rows) * 200 // 1002, 60 + columns[::2, ::2] // 5, 200 - rows[::2, ::2] // 3]
    pixels = np.concatenate([plane.astype(np.uint8).ravel() for plane in planes])
    camera = Camera(format=LAYOUT, slots=4, show=pixels)
    camera.offer(rig.channel)
    yield camera
    camera.close()


def scenery(camera: Camera) -> NDArray[np.uint8]:
    assert camera.show is not None
    return Frame(header_of(camera.format), camera.show).bgr()


def about(output: Output) -> dict[str, Any]:
    [comment] = comments_in(output.payload)
    said = json.loads(comment)
    assert isinstance(said, dict)
    return said


def picture_of(output: Output) -> NDArray[np.uint8]:
    decoded = cv2.imdecode(np.frombuffer(output.payload, dtype=np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(decoded, dtype=np.uint8)


def shoot_until_pictured(
    rig: Rig, camera: Camera, kind: OutputKind, number: int, name: str = "boxes"
) -> None:
    camera.shoot()
    rig.until(lambda: len(rig.of(kind, name)) >= number)


def test_a_crop_is_that_part_of_the_frame_and_says_of_what(rig: Rig, camera: Camera) -> None:
    boxes = [[0.2, 0.3, 0.5, 0.8], [0.9, 0.9, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]]
    order = ImageOrder("crops", quality=95)
    rig.apply(job("boxes", "boxes", params={"boxes": boxes}, image=order))
    rig.running("boxes")
    shoot_until_pictured(rig, camera, OutputKind.CROP, 3)
    rig.until(lambda: rig.results("boxes"))
    [result] = rig.results("boxes")
    for output, found in zip(rig.of(OutputKind.CROP, "boxes"), result["detections"], strict=True):
        said = about(output)
        assert {key: said[key] for key in found if key != "label_id"} == {
            key: value for key, value in found.items() if key != "label_id"
        }
        for key in ("v", "device", "job", "source", "boot", "seq", "time", "frame"):
            assert said[key] == result[key]
        assert (output.seq, output.qos, output.retain) == (result["seq"], 0, False)
        shown = Frame(header_of(LAYOUT), np.zeros(LAYOUT.frame_bytes, np.uint8)).whole_chroma(
            with_surroundings(tuple(found["box"]))
        )
        left, top, right, bottom = shown
        picture = picture_of(output)
        assert picture.shape == (bottom - top, right - left, 3)
        cut = np.ascontiguousarray(scenery(camera)[top:bottom, left:right])
        assert cv2.PSNR(picture, cut) >= 38
    widths = [picture_of(output).shape[1] for output in rig.of(OutputKind.CROP, "boxes")]
    assert widths[0] == pytest.approx(0.3 * 1.2 * 641, abs=3), "a tenth of the box on each side"
    assert widths[2] == 641, "never more than the frame"


def test_the_best_crops_only_and_no_wider_than_asked(rig: Rig, camera: Camera) -> None:
    boxes = [[0.1, 0.1, 0.6, 0.6]] * (MOST_CROPS + 5)
    order = ImageOrder("crops", max_width=100)
    rig.apply(job("boxes", "boxes", params={"boxes": boxes}, image=order))
    rig.running("boxes")
    shoot_until_pictured(rig, camera, OutputKind.CROP, MOST_CROPS)
    shoot_until_pictured(rig, camera, OutputKind.CROP, 2 * MOST_CROPS)
    crops = rig.of(OutputKind.CROP, "boxes")
    assert [crop.seq for crop in crops] == [1] * MOST_CROPS + [2] * MOST_CROPS
    assert [about(crop)["track_id"] for crop in crops[:MOST_CROPS]] == list(range(1, MOST_CROPS + 1))
    assert {picture_of(crop).shape[1] for crop in crops} == {100}


def test_a_whole_picture_has_its_boxes_drawn_and_says_of_which_result(rig: Rig, camera: Camera) -> None:
    box = [0.25, 0.25, 0.75, 0.75]
    rig.apply(job("boxes", "boxes", params={"boxes": [box]}, image=ImageOrder("full", quality=95)))
    rig.running("boxes")
    for number in range(1, 4):
        shoot_until_pictured(rig, camera, OutputKind.IMAGE, number)
    rig.until(lambda: len(rig.results("boxes")) == 3)
    for output, result in zip(rig.of(OutputKind.IMAGE, "boxes"), rig.results("boxes"), strict=True):
        said = about(output)
        assert said == {key: result[key] for key in said}
        assert "box" not in said
        difference = np.abs(picture_of(output).astype(int) - scenery(camera))
        edge = difference[180, 160 - 3 : 160 + 4].max()
        assert edge > 60, "the box is drawn"
        assert difference[180, 300:340].max() < 12


def test_a_picture_on_which_nothing_is_drawn_is_the_frame(rig: Rig, camera: Camera) -> None:
    rig.apply(job("boxes", "boxes", image=ImageOrder("full", quality=95)))
    rig.running("boxes")
    shoot_until_pictured(rig, camera, OutputKind.IMAGE, 1)
    assert cv2.PSNR(picture_of(rig.of(OutputKind.IMAGE, "boxes")[0]), scenery(camera)) >= 38


def test_an_order_may_change_while_the_job_runs(rig: Rig, camera: Camera) -> None:
    params = {"boxes": [[0.25, 0.25, 0.75, 0.75]]}
    sizes: list[int] = []
    orders = [ImageOrder("full", quality=90), ImageOrder("full", quality=20), ImageOrder("full", 20, 320)]
    for version, order in enumerate(orders):
        rig.apply(job("boxes", "boxes", params=params, image=order, version=version))
        rig.until(lambda version=version: rig.reports[-1:] and rig.reports[-1].version == version)
        rig.running("boxes")
        shoot_until_pictured(rig, camera, OutputKind.IMAGE, version + 1)
        sizes.append(len(rig.of(OutputKind.IMAGE, "boxes")[-1].payload))
    assert sizes[0] > sizes[1] > sizes[2]
    assert picture_of(rig.of(OutputKind.IMAGE, "boxes")[-1]).shape == (180, 320, 3)
    rig.apply(job("boxes", "boxes", params=params, version=9))
    rig.until(lambda: rig.reports[-1].version == 9)
    camera.shoot()
    rig.until(lambda: len(rig.results("boxes")) == len(orders) + 1)
    rig.stop()
    assert len(rig.of(OutputKind.IMAGE, "boxes")) == len(orders)


def test_only_results_that_are_published_have_pictures(rig: Rig, camera: Camera) -> None:
    full = ImageOrder("full")
    rig.apply(
        job("boxes", "boxes", publish_when="detections", image=full),
        job("silent", "boxes", params={"boxes": [[0, 0, 1, 1]]}, publish_when="never", image=full),
        job("told", "boxes", image=full),
    )
    rig.running("boxes", "silent", "told")
    shoot_until_pictured(rig, camera, OutputKind.IMAGE, 1, "told")
    rig.counted("boxes", lambda stats: stats.runs == 1)
    rig.counted("silent", lambda stats: stats.runs == 1)
    rig.stop()
    assert {output.job for output in rig.outputs if output.kind is OutputKind.IMAGE} == {"told"}


def test_results_do_not_wait_for_pictures_and_those_left_out_are_counted(rig: Rig, camera: Camera) -> None:
    GATES["draw"] = gate = Gate()
    rig.apply(job("slow", "slow", image=ImageOrder("full", quality=30)))
    rig.running("slow")
    camera.shoot()
    gate.wait_until_entered()  # the studio stands still from here on
    runs = 1
    while runs <= MOST_LATER + 30:
        camera.shoot()
        runs += 1
        rig.until(lambda wanted=runs: len(rig.results("slow")) >= wanted)
    stats = rig.counted("slow", lambda stats: stats.runs == runs)
    left_out = stats.skipped["unpictured"]
    assert left_out >= 30 - 1
    gate.let(runs)
    rig.until(lambda: len(rig.of(OutputKind.IMAGE, "slow")) == runs - left_out)
    assert [result["seq"] for result in rig.results("slow")] == list(range(1, runs + 1))
    seqs = [output.seq for output in rig.of(OutputKind.IMAGE, "slow")]
    assert seqs == sorted(set(seqs))


def test_pictures_leave_room_for_results_when_main_does_not_read(rig: Rig, camera: Camera) -> None:
    boxes, shots = [[0.0, 0.0, 1.0, 1.0]] * 8, 40
    GATES["run"] = gate = Gate()
    gate.let(shots)
    rig.algorithm("gated", GATED)
    order, after = ImageOrder("crops", quality=90), (LinkSpec("gated", {"gate": "run"}),)
    rig.apply(job("boxes", "boxes", params={"boxes": boxes}, then=after, image=order))
    rig.running("boxes")
    for _ in range(shots):
        camera.shoot()
        gate.wait_until_entered()  # and nobody reads the channel
    rig.until(lambda: len(rig.results("boxes")) == shots)
    stats = rig.counted("boxes", lambda stats: stats.runs == shots)
    assert not stats.skipped.get("unsent"), "no result was refused for the sake of a picture"
    rig.until(lambda: pictures_and_those_left_out(rig) == shots * len(boxes))


def pictures_and_those_left_out(rig: Rig) -> int:
    return len(rig.of(OutputKind.CROP, "boxes")) + rig.stats["boxes"].skipped.get("unpictured", 0)
