"""From what a `BaseAlgo` returns or emits, in pixels of its frame, to the model's values in fractions."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edged.algorithm.values import jsonable
from edged.errors import AlgorithmError
from edged.model.detection import Detection, Outcome

_DETECTION_KEYS = ("box", "score", "label", "label_id", "track_id", "zones", "attributes", "keypoints")
_EVENT_KEYS = ("id", "label", "score", "box", "track_id", "zone", "line", "direction")
_EVENT_TYPE = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Shown:
    """Where the frame lies in the picture that a `BaseAlgo` is given: all of it, but for a letterbox."""

    width_px: int
    height_px: int
    left_px: int = 0
    top_px: int = 0

    def x_share(self, x_px: float) -> float:
        """From a pixel of the picture to a fraction of the frame, 0-1."""
        return min(max((x_px - self.left_px) / self.width_px, 0.0), 1.0)

    def y_share(self, y_px: float) -> float:
        """As `x_share`."""
        return min(max((y_px - self.top_px) / self.height_px, 0.0), 1.0)


def outcome_of(returned: Any, shown: Shown) -> Outcome:
    """Read what ``run`` returned, boxes in pixels of the picture that it was given.

    A dict's ``detections`` become detections, its other keys ``data``; None is an empty outcome; any
    other value stands in ``data`` as ``result``. Raises `AlgorithmError` that says the mend.
    """
    if returned is None:
        return Outcome()
    if not isinstance(returned, Mapping):
        return Outcome(data={"result": jsonable(returned, "result")})
    data = jsonable({key: value for key, value in returned.items() if key != "detections"}, "data")
    if returned.get("detections") is None:
        return Outcome(data=data)
    return Outcome(detections_of(returned["detections"], shown), data)


def detections_of(items: Any, shown: Shown) -> tuple[Detection, ...]:
    """Read a list of dicts with boxes in pixels, or of `Detection` in fractions."""
    if isinstance(items, Mapping | str) or not isinstance(items, Iterable):
        raise AlgorithmError(f"detections: a list of dicts is wanted, not a {type(items).__name__}")
    return tuple(_detection(item, f"detections[{n}]", shown) for n, item in enumerate(items))


def in_pixels(found: Detection, shown: Shown) -> dict[str, Any]:
    """A detection as a `BaseAlgo` would return it: in pixels of its picture; only what is known of it."""
    size = (shown.width_px, shown.height_px)
    left, top = shown.left_px, shown.top_px
    x_min, y_min, x_max, y_max = found.box
    told: dict[str, Any] = {
        "box": [x_min * size[0] + left, y_min * size[1] + top, x_max * size[0] + left, y_max * size[1] + top],
        "score": found.score,
        "label": found.label,
    }
    known = {"label_id": found.label_id, "track_id": found.track_id}
    told |= {key: value for key, value in known.items() if value is not None}
    if found.zones:
        told["zones"] = list(found.zones)
    if found.attributes:
        told["attributes"] = dict(found.attributes)
    if found.keypoints:
        told["keypoints"] = [[x * size[0] + left, y * size[1] + top, sure] for x, y, sure in found.keypoints]
    return told


def event_fields(event: str, fields: Mapping[str, Any], shown: Shown) -> dict[str, Any]:
    """The fields of an event: its box in fractions, what the contract does not name in ``data``."""
    if not isinstance(event, str) or not _EVENT_TYPE.fullmatch(event):
        raise AlgorithmError(f"emit({event!r}): an event's type is 1-64 letters, digits, _ or -")
    known = {key: jsonable(fields[key], key) for key in _EVENT_KEYS if fields.get(key) is not None}
    if "box" in known:
        known["box"] = list(box_of(fields["box"], f"emit({event!r}): box", shown))
    extra = {key: value for key, value in fields.items() if key not in _EVENT_KEYS and key != "data"}
    data = fields.get("data")
    if isinstance(data, Mapping):
        extra = {**data, **extra}
    elif data is not None:
        extra["data"] = data
    if extra:
        known["data"] = jsonable(extra)
    return known


def box_of(box: Any, path: str, shown: Shown) -> tuple[float, float, float, float]:
    """Turn ``x_min, y_min, x_max, y_max`` in pixels into fractions, cut off at 0 and 1."""
    corners = _numbers(box, path)
    if len(corners) != 4:
        raise AlgorithmError(f"{path}: 4 numbers are wanted (x_min, y_min, x_max, y_max), not {len(corners)}")
    x_min, y_min, x_max, y_max = corners
    if x_min > x_max or y_min > y_max:
        raise AlgorithmError(
            f"{path}: {corners} ends before it begins; a box is x_min, y_min,"
            " x_max, y_max (from x, y, width, height: x, y, x + width, y + height)"
        )
    return (shown.x_share(x_min), shown.y_share(y_min), shown.x_share(x_max), shown.y_share(y_max))


def _detection(item: Any, path: str, shown: Shown) -> Detection:
    if isinstance(item, Detection):
        return item
    if not isinstance(item, Mapping):
        raise AlgorithmError(
            f"{path}: a dict with 'box' (pixels) is wanted, not a {type(item).__name__}:"
            " {'box': [x_min, y_min, x_max, y_max], 'score': 0.9, 'label': 'head'}"
        )
    for key in item:
        if key not in _DETECTION_KEYS:
            near = difflib.get_close_matches(str(key), _DETECTION_KEYS, n=1)
            mend = f"did you mean {near[0]!r}?" if near else "put it into 'attributes'"
            raise AlgorithmError(f"{path}: unknown key {key!r}: {mend}")
    if item.get("box") is None:
        raise AlgorithmError(f"{path}: 'box' is missing")
    return Detection(
        box=box_of(item["box"], f"{path}.box", shown),
        score=_number(item.get("score", 1.0), f"{path}.score"),
        label=str(jsonable(item.get("label", ""), f"{path}.label")),
        label_id=_whole(item.get("label_id"), f"{path}.label_id"),
        track_id=_whole(item.get("track_id"), f"{path}.track_id"),
        zones=tuple(str(zone) for zone in item.get("zones") or ()),
        attributes=jsonable(item.get("attributes") or {}, f"{path}.attributes"),
        keypoints=_keypoints(item.get("keypoints"), f"{path}.keypoints", shown),
    )


def _keypoints(points: Any, path: str, shown: Shown) -> tuple[tuple[float, float, float], ...]:
    if points is None:
        return ()
    read = []
    for place, point in enumerate(points):
        numbers = _numbers(point, f"{path}[{place}]")
        if len(numbers) not in (2, 3):
            raise AlgorithmError(f"{path}[{place}]: x, y in pixels and perhaps a score are wanted")
        score = numbers[2] if len(numbers) == 3 else 1.0
        read.append((shown.x_share(numbers[0]), shown.y_share(numbers[1]), score))
    return tuple(read)


def _numbers(values: Any, path: str) -> list[float]:
    if isinstance(values, np.ndarray):
        values = values.ravel().tolist()
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise AlgorithmError(f"{path}: a list of numbers is wanted, not a {type(values).__name__}")
    return [_number(value, path) for value in values]


def _number(value: Any, path: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise AlgorithmError(f"{path}: {value!r} is not a number") from None
    if not math.isfinite(number):
        raise AlgorithmError(f"{path}: {number} is not a finite number; leave such detections out")
    return number


def _whole(value: Any, path: str) -> int | None:
    return None if value is None else int(_number(value, path))
