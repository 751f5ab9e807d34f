"""Body pose: the joints of each person in the newest frame, by an ONNX model.

Models for one body (RTMPose, HRNet, MoveNet) look at the crop of each person that a detector before them
found, or at the whole frame where there is none; models for many (YOLOv8-pose, MoveNet MultiPose) find
the people themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from edged.algorithm import (
    Algorithm,
    AlgorithmError,
    Box,
    Detection,
    Frame,
    ImageInput,
    Outcome,
    ParamsInvalid,
    Picture,
    Scaling,
    blame,
)
from edged.algorithm.crops import widened
from edged.algorithm.drawing import color_of
from edged.algorithm.labels import read_labels, some_of
from edged.algorithm.picture_params import Normalize, PictureParams, Resize, picture_for
from edged.algorithm.poses import COCO_BONES, COCO_KEYPOINTS, POSE_HEADS, PoseHead, Poses, recognise_pose
from edged.algorithm.suppression import suppress

_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
_BATCH = 16
"""Crops that are run at once."""
_DARK = (24, 24, 24)


class KeypointsParams(PictureParams):
    resize: Resize = Field("letterbox", description="how a person or the frame fills the input")
    normalize: Normalize = Field(
        Normalize.AUTO, description="what its numbers are: none 0-255, unit, signed, imagenet; auto: by head"
    )
    head: str = Field("auto", description=f"what the outputs mean: auto, {', '.join(POSE_HEADS)}")
    of: Annotated[list[str], some_of("say null for all")] | None = Field(
        ["person"], description="labels of the detections before it that are looked at; null: all"
    )
    score: float = Field(
        0.4, ge=0, le=1, description="people that it finds itself and is less sure of are left out"
    )
    keypoint_score: float = Field(0.3, ge=0, le=1, description="keypoints below it get the score 0: not seen")
    margin: float = Field(
        0.125, ge=0, le=2, description="surroundings seen on each side, as a share of the box"
    )
    max_detections: int = Field(20, ge=1, le=1000, description="the surest people of a frame")
    iou: float = Field(0.6, ge=0, le=1, description="people that it finds itself and overlap more are one")
    names: list[str] | str | None = Field(
        None,
        description="what the keypoints are called: a list, or a text file in a model folder, one per line; "
        "default for 17: COCO's",
    )
    skeleton: list[tuple[int, int]] | None = Field(
        None, description="which keypoints are drawn joined; default for 17: COCO's"
    )

    @field_validator("head")
    @classmethod
    def _known_head(cls, head: str) -> str:
        if head != "auto" and head not in POSE_HEADS:
            raise ValueError(f"must be auto or one of {', '.join(POSE_HEADS)}")
        return head


class Keypoints(Algorithm):
    """Body pose: keypoints of each person, found by an ONNX model."""

    Params = KeypointsParams
    params: KeypointsParams
    keeps_state = False
    returns = (
        "detections: keypoints (x, y, score) of those before, or box, score and keypoints of its own;"
        " data.keypoint_names"
    )
    sends: ClassVar = {}

    _scaling = Scaling()

    def open(self) -> None:
        params = self.params
        with blame("names"):
            folders = self.context.sessions.folders
            given = None if params.names is None else read_labels(params.names, folders)
        with blame("model"):
            self._session = self.context.model(params.model, provider=params.provider)
            self._input = ImageInput.of(self._session, params.input_size)
            self._input.check_single(params.model)
            self._head, count = self._recognise()
            self._batched = self._head.single and self._takes_two()
        self._scaling = params.scaling(self._input.channels, self._head.normalize)
        self._names = _named(count, given)
        self._bones = self._joined(count)

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        frame = window[-1]
        earlier = before.detections
        if not self._head.single:
            found = (*(earlier or ()), *self._bodies(frame))
        elif earlier is None:
            found = self._one_body(frame)
        else:
            found = self._with_keypoints(frame, earlier)
        data = {**before.data, "keypoint_names": list(self._names)} if self._names else before.data
        return Outcome(found, data, before.counts)

    def draw(self, picture: NDArray[np.uint8], outcome: Outcome) -> None:
        """Join the keypoints that were seen, each person in the colour of its box."""
        height, width = picture.shape[:2]
        line = max(1, round((height * width) ** 0.5 / 400))
        for found in outcome.detections or ():
            for first, second in self._bones:
                if max(first, second) >= len(found.keypoints):
                    continue
                ends = [found.keypoints[number] for number in (first, second)]
                if min(end[2] for end in ends) > 0:
                    start, stop = ((round(x * width), round(y * height)) for x, y, _ in ends)
                    cv2.line(picture, start, stop, _DARK, line + 2, cv2.LINE_AA)
                    cv2.line(picture, start, stop, color_of(found), line, cv2.LINE_AA)

    def _recognise(self) -> tuple[PoseHead, int]:
        outputs = self._outputs([self._blank()])
        shapes = [output.shape for output in outputs]
        width, height = self._input.width, self._input.height
        told = self.params.head
        head = recognise_pose(shapes, width, height) if told == "auto" else POSE_HEADS[told]
        count = head.keypoints(shapes, width, height) if head else None
        if head is None or count is None:
            wanted = "; ".join(
                f"{each.name}: {each.output}" for each in ([head] if head else POSE_HEADS.values())
            )
            sizes = ", ".join("x".join(map(str, shape)) for shape in shapes)
            raise AlgorithmError(f"the outputs of {self.params.model} are {sizes}; known are {wanted}")
        return head, count

    def _takes_two(self) -> bool:
        """Whether crops go through the model together; some leave their batch open and mean one."""
        if self._input.batch is not None:
            return False
        try:
            return len(self._outputs([self._blank(), self._blank()])[0]) == 2
        except AlgorithmError:
            return False

    def _joined(self, count: int) -> tuple[tuple[int, int], ...]:
        bones = self.params.skeleton
        if bones is None:
            return COCO_BONES if count == len(COCO_KEYPOINTS) else ()
        if any(not 0 <= end < count for bone in bones for end in bone):
            raise ParamsInvalid(f"the keypoints are numbered 0 to {count - 1}", path="skeleton")
        return tuple(bones)

    def _bodies(self, frame: Frame) -> list[Detection]:
        """Everybody in the frame, from a model for many."""
        picture = self._picture(frame, _WHOLE)
        poses = self._poses([picture])
        if poses.boxes is None or poses.scores is None:
            return []
        labels = np.zeros(len(poses.scores), dtype=np.intp)
        iou = self.params.iou if poses.overlapping else 1.0
        kept = suppress(poses.boxes, poses.scores, labels, iou=iou, most=self.params.max_detections)
        boxes = picture.to_frame(poses.boxes[kept])
        return [
            Detection((x_min, y_min, x_max, y_max), float(min(poses.scores[place], 1.0)), "person", 0,
                      keypoints=self._told(poses.points[place], picture))
            for place, (x_min, y_min, x_max, y_max) in zip(kept.tolist(), boxes.tolist(), strict=True)
            if x_max > x_min and y_max > y_min
        ]  # fmt: skip

    def _one_body(self, frame: Frame) -> tuple[Detection, ...]:
        """The one person that the whole frame shows, if the model is sure enough of it."""
        picture = self._picture(frame, _WHOLE)
        points = self._poses([picture]).points[0]
        score = float(points[:, 2].mean())
        keypoints = self._told(points, picture)
        seen = [(x, y) for x, y, sure in keypoints if sure > 0]
        if score < self.params.score or not seen:
            return ()
        xs, ys = zip(*seen, strict=True)
        box = (min(xs), min(ys), max(xs), max(ys))
        return (Detection(box, score, "person", 0, keypoints=keypoints),)

    def _with_keypoints(self, frame: Frame, earlier: Sequence[Detection]) -> tuple[Detection, ...]:
        wanted, most = self.params.of, self.params.max_detections
        people = [place for place, found in enumerate(earlier) if wanted is None or found.label in wanted]
        people = sorted(people, key=lambda place: -earlier[place].score)[:most]
        pictures = [self._picture(frame, widened(earlier[place].box, self.params.margin)) for place in people]
        completed = list(earlier)
        size = _BATCH if self._batched else 1
        for begin in range(0, len(pictures), size):
            part = pictures[begin : begin + size]
            points = self._poses(part).points
            for place, picture, told in zip(people[begin : begin + size], part, points, strict=True):
                completed[place] = replace(earlier[place], keypoints=self._told(told, picture))
        self.context.count("keypoints.crops", len(pictures))
        return tuple(completed)

    def _picture(self, frame: Frame, region: Box) -> Picture:
        params = self.params
        return picture_for(frame, self._input, params.resize, params.color, region=region, pad=self._head.pad)

    def _poses(self, pictures: Sequence[Picture]) -> Poses:
        outputs = self._outputs([picture.pixels for picture in pictures])
        if not all(np.isfinite(output).all() for output in outputs):
            raise AlgorithmError(f"{self.params.model} returned NaN or infinite numbers")
        return self._head.decode(outputs, self._input.width, self._input.height, self.params.score)

    def _outputs(self, pictures: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        return self._session.run({self._input.name: self._input.feed(pictures, self._scaling)})

    def _blank(self) -> NDArray[np.uint8]:
        size = (self._input.height, self._input.width)
        return np.zeros(size if self._input.channels == 1 else (*size, 3), dtype=np.uint8)

    def _told(self, points: NDArray[np.float32], picture: Picture) -> tuple[tuple[float, float, float], ...]:
        """Keypoints in fractions of the frame."""
        places = picture.points_to_frame(points[:, :2])
        scores = np.clip(points[:, 2], 0, 1)
        scores = np.where(scores >= self.params.keypoint_score, scores, 0)
        return tuple((x, y, s) for (x, y), s in zip(places.tolist(), scores.tolist(), strict=True))


def _named(count: int, given: Sequence[str] | None) -> tuple[str, ...]:
    """What ``count`` keypoints are called; empty: nobody knows."""
    if given is None:
        return COCO_KEYPOINTS if count == len(COCO_KEYPOINTS) else ()
    if len(given) != count:
        raise ParamsInvalid(f"{len(given)} names are given, the model has {count} keypoints", path="names")
    return tuple(given)
