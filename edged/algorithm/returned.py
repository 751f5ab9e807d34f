"""From what a `BaseAlgo` returns or emits, in pixels of its frame, to the model's values in fractions."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from edged.algorithm.values import jsonable
from edged.errors import AlgorithmError
from edged.model.detection import Detection, Outcome

_DETECTION_KEYS = ("box", "score", "label", "label_id", "track_id", "zones", "attributes", "keypoints")
_EVENT_KEYS = ("id", "label", "score", "box", "track_id", "zone", "line", "direction")
_EVENT_TYPE = re.compile(r"[A-Za-z0-9_-]{1,64}")


def outcome_of(returned: Any, width: int, height: int) -> Outcome:
    """Read what ``run`` returned for a frame of ``width`` x ``height`` pixels.

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
    return Outcome(detections_of(returned["detections"], width, height), data)


def detections_of(items: Any, width: int, height: int) -> tuple[Detection, ...]:
    """Read a list of dicts with boxes in pixels, or of `Detection` in fractions."""
    if isinstance(items, Mapping | str) or not isinstance(items, Iterable):
        raise AlgorithmError(f"detections: a list of dicts is wanted, not a {type(items).__name__}")
    return tuple(_detection(item, f"detections[{n}]", width, height) for n, item in enumerate(items))


def event_fields(event: str, fields: Mapping[str, Any], width: int, height: int) -> dict[str, Any]:
    """The fields of an event: its box in fractions, what the contract does not name in ``data``."""
    if not isinstance(event, str) or not _EVENT_TYPE.fullmatch(event):
        raise AlgorithmError(f"emit({event!r}): an event's type is 1-64 letters, digits, _ or -")
    known = {key: jsonable(fields[key], key) for key in _EVENT_KEYS if fields.get(key) is not None}
    if "box" in known:
        known["box"] = list(box_of(fields["box"], f"emit({event!r}): box", width, height))
    extra = {key: value for key, value in fields.items() if key not in _EVENT_KEYS and key != "data"}
    data = fields.get("data")
    if isinstance(data, Mapping):
        extra = {**data, **extra}
    elif data is not None:
        extra["data"] = data
    if extra:
        known["data"] = jsonable(extra)
    return known


def box_of(box: Any, path: str, width: int, height: int) -> tuple[float, float, float, float]:
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
    return (_share(x_min, width), _share(y_min, height), _share(x_max, width), _share(y_max, height))


def _detection(item: Any, path: str, width: int, height: int) -> Detection:
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
        box=box_of(item["box"], f"{path}.box", width, height),
        score=_number(item.get("score", 1.0), f"{path}.score"),
        label=str(jsonable(item.get("label", ""), f"{path}.label")),
        label_id=_whole(item.get("label_id"), f"{path}.label_id"),
        track_id=_whole(item.get("track_id"), f"{path}.track_id"),
        zones=tuple(str(zone) for zone in item.get("zones") or ()),
        attributes=jsonable(item.get("attributes") or {}, f"{path}.attributes"),
        keypoints=_keypoints(item.get("keypoints"), f"{path}.keypoints", width, height),
    )


def _keypoints(points: Any, path: str, width: int, height: int) -> tuple[tuple[float, float, float], ...]:
    if points is None:
        return ()
    read = []
    for place, point in enumerate(points):
        numbers = _numbers(point, f"{path}[{place}]")
        if len(numbers) not in (2, 3):
            raise AlgorithmError(f"{path}[{place}]: x, y in pixels and perhaps a score are wanted")
        score = numbers[2] if len(numbers) == 3 else 1.0
        read.append((_share(numbers[0], width), _share(numbers[1], height), score))
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


def _share(pixels: float, size_px: int) -> float:
    return min(max(pixels / size_px, 0.0), 1.0)
