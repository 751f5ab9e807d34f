"""What each place of the newest frame shows: segmentation by an ONNX model.

DeepLab, BiSeNet, SegFormer, U-Net and their like: scores of each class for each place, classes first or
last, or the classes' numbers themselves. And YOLOv8-seg, which tells each object apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from edged.algorithm import (
    Algorithm,
    AlgorithmError,
    Detection,
    Frame,
    ImageInput,
    Outcome,
    ParamsInvalid,
    Picture,
    blame,
)
from edged.algorithm.class_map import (
    MOST_CLASSES,
    ClassMap,
    best_classes,
    layout_of,
    mask_of,
    planes_of,
    polygons_of,
    runs_of,
)
from edged.algorithm.instances import instance_classes, instances_of
from edged.algorithm.labels import WantedLabels, label_ids, labels_for, metadata_labels, read_labels
from edged.algorithm.picture_params import Normalize, PictureParams, Resize, picture_for
from edged.algorithm.segment_labels import SEGMENT_LABELS

_MOST_RUNS = 10_000
_BACKGROUND = ("background", "_background_", "__background__", "unlabeled", "void")
_COLORS = ((0, 159, 230), (233, 180, 86), (115, 158, 0), (66, 228, 240), (167, 121, 204), (0, 94, 213))
"""BGR, of Okabe and Ito: orange, sky blue, green, yellow, purple, vermilion."""
_OPACITY = 0.45


class SegmentationParams(PictureParams):
    normalize: Normalize = Field(
        Normalize.AUTO,
        description="what its numbers are: none 0-255, unit 0-1, signed -1-1, imagenet; auto: signed where"
        " the channels come last, as TensorFlow's do, else imagenet, unit for YOLO",
    )
    resize: Resize = Field(
        "auto", description="how frames fill the input; auto: stretch, letterbox for YOLO; crop: the middle"
    )
    layout: Literal["auto", "chw", "hwc", "map"] = Field(
        "auto", description="how its output lies: scores with the classes first or last, or a map of classes"
    )
    names: list[str] | str | None = Field(
        None, description="what classes are called: a list, or a text file in a model folder, one per line"
    )
    labels: WantedLabels | None = Field(None, description="only these; default: all but the background")
    score: float = Field(
        0.5, ge=0, le=1, description="what a mask of the only class begins at; the least of an object"
    )
    iou: float = Field(0.5, ge=0, le=1, description="objects of a class whose boxes overlap more are one")
    max_detections: int = Field(100, ge=1, le=1000, description="the surest objects of a frame")
    min_area: float = Field(
        0.001, ge=0, le=1, description="share of the frame; classes and regions with less are left out"
    )
    mask: Literal["polygons", "rle", "none"] = Field("polygons", description="what tells where a class is")
    simplify: float = Field(
        0.005, ge=0, le=0.5, description="how far a polygon may leave the border, share of the longer side"
    )
    max_points: int = Field(100, ge=3, le=1000, description="points of one polygon")
    max_polygons: int = Field(50, ge=1, le=1000, description="of one class: the largest")
    cells: int = Field(
        512, ge=16, le=4096, description="cells along the longer side; a finer output is thinned out"
    )


class Segmentation(Algorithm):
    """What each place shows: area, polygons or masks of each class, by an ONNX model."""

    Params = SegmentationParams
    params: SegmentationParams
    keeps_state = False
    returns = (
        "data.segments, largest first: label, label_id, area (share of the frame) and polygons (fractions)"
        " or rle (COCO's, column by column); of objects detections, too, and segments with score and box"
    )
    sends: ClassVar = {}

    def open(self) -> None:
        params = self.params
        with blame("names"):
            folders = self.context.sessions.folders
            given = None if params.names is None else read_labels(params.names, folders)
        with blame("model"):
            self._session = self.context.model(params.model, provider=params.provider)
            self._input = ImageInput.of(self._session, params.input_size)
            self._input.check_single(params.model)
            if len(self._session.inputs) != 1:
                inputs = ", ".join(map(str, self._session.inputs))
                raise AlgorithmError(f"{params.model} takes more than a picture: {inputs}")
        outputs = self._warm_up()
        shapes = [output.shape for output in outputs]
        self._objects = instance_classes(shapes, self._input.width, self._input.height)
        auto = Normalize.SIGNED if self._input.channels_last else Normalize.IMAGENET
        auto = auto if self._objects is None else Normalize.UNIT
        self._scaling = params.scaling(self._input.channels, auto)
        best: Resize = "stretch" if self._objects is None else "letterbox"
        self._resize = best if params.resize == "auto" else params.resize
        if self._objects is None:
            self._layout = self._told_layout(outputs[0])
        self._labels = self._named(outputs[0], given)
        with blame("labels"):
            ids = None if params.labels is None else label_ids(params.labels, self._labels)
        if ids is None:
            names = enumerate(self._labels)
            ids = frozenset(number for number, name in names if name.lower() not in _BACKGROUND)
        self._wanted = ids

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        picture = picture_for(window[-1], self._input, self._resize, self.params.color)
        outputs = self._session.run(self._input.feed([picture.pixels], self._scaling))
        if self._objects is None:
            segments = self._segments(self._classes(outputs[0], picture))
            return Outcome(before.detections, {**before.data, "segments": segments}, before.counts)
        found, segments = self._instances(outputs, picture)
        detections = (*(before.detections or ()), *found)
        return Outcome(detections, {**before.data, "segments": segments}, before.counts)

    def draw(self, picture: NDArray[np.uint8], outcome: Outcome) -> None:
        """Lay each class's mask over the picture, half transparent."""
        paint = np.zeros_like(picture)
        for segment in outcome.data.get("segments", ()):
            color = _COLORS[segment["label_id"] % len(_COLORS)]
            _paint(paint, segment, color)
        painted = paint.any(axis=2)
        mixed = cv2.addWeighted(picture, 1 - _OPACITY, paint, _OPACITY, 0)
        picture[painted] = mixed[painted]

    def _warm_up(self) -> list[NDArray[Any]]:
        size = (self._input.height, self._input.width)
        blank = np.zeros(size if self._input.channels == 1 else (*size, 3), dtype=np.uint8)
        with blame("model"):
            return [np.asarray(output) for output in self._session.run(self._input.feed([blank]))]

    def _told_layout(self, output: NDArray[Any]) -> str:
        params, sizes = self.params, "x".join(map(str, output.shape))
        layout = layout_of(output.shape, self._input.width, self._input.height)
        if params.layout != "auto":
            wanted = (2, 3, 4) if params.layout == "map" else (3, 4)
            if output.ndim not in wanted:
                raise ParamsInvalid(f"the output is {sizes}: no {params.layout}", path="layout")
            return params.layout
        if layout is None:
            raise ParamsInvalid(
                f"{params.model}: its first output is {sizes}, for an input of"
                f" {self._input.width}x{self._input.height}: no 1 x classes x H x W, 1 x H x W x classes or"
                " 1 x H x W; say `layout: chw`, `hwc` or `map`, or use the algorithm onnx",
                path="model",
            )
        return _of_one_plane(output, layout)

    def _named(self, output: NDArray[Any], given: Sequence[str] | None) -> tuple[str, ...]:
        own = metadata_labels(self._session.metadata)
        if self._objects is not None:
            with blame("names"):
                return labels_for(self._objects, given, own)
        classes = planes_of(output, self._layout).shape[0]
        with blame("model"):
            if classes > MOST_CLASSES:
                raise AlgorithmError(
                    f"{self.params.model} has {classes} classes; {MOST_CLASSES} are the most"
                )
        if self._layout == "map":
            names = given or own or [f"class_{number}" for number in range(MOST_CLASSES)]
            return tuple(names)
        if classes == 1:
            return ("background", *(given or own or ("foreground",)))[:2]
        with blame("names"):
            return labels_for(classes, given, own or SEGMENT_LABELS.get(classes))

    def _classes(self, output: NDArray[Any], picture: Picture) -> ClassMap:
        """The class of each place of the frame, what a letterbox leaves free cut off."""
        planes = self._inside(planes_of(output, self._layout), picture)
        step = -(-max(planes.shape[1:]) // self.params.cells)
        if step > 1:
            planes = planes[:, ::step, ::step]
        if self._layout == "map":
            return np.asarray(np.clip(planes[0], 0, MOST_CLASSES - 1), dtype=np.uint8)
        if len(planes) > 1:
            return best_classes(planes)
        scores = planes[0]
        if not np.isfinite(scores).all():
            raise AlgorithmError(
                f"{self.params.model} returned NaN or infinite scores: check scale, mean and std, try "
                "`provider: cpu`, or export it in float32"
            )
        if scores.min() < 0 or scores.max() > 1:
            scores = 1 / (1 + np.exp(-scores))
        return np.asarray(scores >= self.params.score, dtype=np.uint8)

    def _inside(self, planes: NDArray[Any], picture: Picture) -> NDArray[Any]:
        rows, columns = planes.shape[1:]
        down, across = rows / self._input.height, columns / self._input.width
        top, left = round(picture.top_px * down), round(picture.left_px * across)
        bottom = round((picture.top_px + picture.inner_height_px) * down)
        right = round((picture.left_px + picture.inner_width_px) * across)
        return planes[:, top : max(bottom, top + 1), left : max(right, left + 1)]

    def _segments(self, classes: ClassMap) -> list[dict[str, Any]]:
        counts = np.bincount(classes.reshape(-1), minlength=len(self._labels))
        least = max(1.0, self.params.min_area * classes.size)
        found = [number for number in np.flatnonzero(counts >= least).tolist() if number in self._wanted]
        found.sort(key=lambda number: -int(counts[number]))
        return [
            {
                "label": self._labels[number],
                "label_id": number,
                "area": round(int(counts[number]) / classes.size, 4),
                **self._where(np.asarray(cv2.inRange(classes, number, number), dtype=np.uint8)),
            }
            for number in found
        ]

    def _instances(
        self, outputs: Sequence[NDArray[Any]], picture: Picture
    ) -> tuple[list[Detection], list[dict[str, Any]]]:
        """Each object as a detection and as a segment, the surest and the largest first."""
        params, width, height = self.params, self._input.width, self._input.height
        detections, segments = [], []
        for found in instances_of(
            outputs, width, height, score=params.score, iou=params.iou, most=params.max_detections
        ):
            mask = self._inside(found.mask[np.newaxis], picture)[0]
            area = int(np.count_nonzero(mask)) / mask.size
            if found.label_id not in self._wanted or area < max(params.min_area, 1 / mask.size):
                continue
            x_min, y_min, x_max, y_max = picture.to_frame(found.box)[0].tolist()
            label = self._labels[found.label_id]
            detections.append(Detection((x_min, y_min, x_max, y_max), found.score, label, found.label_id))
            told = {"label": label, "label_id": found.label_id, "area": round(area, 4)}
            told |= {"score": round(found.score, 4), "box": [x_min, y_min, x_max, y_max]}
            segments.append({**told, **self._where(np.ascontiguousarray(mask))})
        return detections, sorted(segments, key=lambda segment: -segment["area"])

    def _where(self, mask: NDArray[np.uint8]) -> dict[str, Any]:
        params = self.params
        if params.mask == "rle":
            return {"rle": runs_of(mask > 0, _MOST_RUNS)}
        if params.mask == "none":
            return {}
        polygons = polygons_of(
            mask, min_area=params.min_area, simplify=params.simplify, most_points=params.max_points
        )
        return {"polygons": [np.round(each, 4).tolist() for each in polygons[: params.max_polygons]]}


def _of_one_plane(output: NDArray[Any], layout: str) -> str:
    """Tell classes' numbers from the scores of a single class: whole numbers are the former."""
    planes = planes_of(output, layout)
    if planes.shape[0] != 1:
        return layout
    if planes.dtype.kind in "iu" or (layout == "map" and np.array_equal(planes, np.rint(planes))):
        return "map"
    return "chw" if layout == "map" else layout


def _paint(paint: NDArray[np.uint8], segment: Mapping[str, Any], color: tuple[int, int, int]) -> None:
    height, width = paint.shape[:2]
    if "rle" in segment:
        mask = cv2.resize(mask_of(segment["rle"]), (width, height), interpolation=cv2.INTER_NEAREST)
        paint[mask > 0] = color
    for polygon in segment.get("polygons", ()):
        points = np.rint(np.array(polygon) * (width, height)).astype(np.int32)
        cv2.fillPoly(paint, [points], color, cv2.LINE_8)
