"""Which results are wanted, and what is new in one for those who want changes only: who is there, not
where to the pixel. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from edged.model.detection import Detection, Outcome


def is_wanted(when: str, outcome: Outcome, sent: object = None) -> bool:
    """Whether ``publish: {when: …}`` asks for this result; ``sent`` is the `discrete` of the last one that
    it asked for, None where there is none.
    """
    match when:
        case "change":
            return sent is None or sent != discrete(outcome)
        case "detections":
            return bool(outcome.detections)
    return when == "always"


def discrete(outcome: Outcome) -> object:
    """All that makes two results different: equal for those that differ in jitter only.

    Of detections their number, labels, track ids, zones and the labels of their attributes, in any order; of
    ``data`` everything but numbers with a fraction, and lists that hold nothing else.
    """
    found = outcome.detections
    seen = None if found is None else sorted(map(repr, map(_detection, found)))
    return seen, _steady(outcome.data)


def _detection(found: Detection) -> tuple[object, ...]:
    return found.label, found.track_id, sorted(found.zones), _steady(found.attributes)


def _steady(value: Any) -> object:
    """Without the numbers that differ from frame to frame; None where nothing is left."""
    if isinstance(value, Mapping):
        kept = ((str(key), _steady(item)) for key, item in value.items())
        return sorted((key, item) for key, item in kept if item is not None) or None
    if isinstance(value, np.ndarray):
        return None if value.dtype.kind == "f" else value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return None
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        items = [_steady(item) for item in value]
        return items if any(item is not None for item in items) else None
    return value
