"""What was found in all frames, by label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from edged.model.detection import Detection
from edged.model.trying import FoundCard

_MOST_BOXES = 20


@dataclass(slots=True)
class Tally:
    """Detections by label, over all frames."""

    frames: int = 0
    _labels: dict[str, FoundCard] = field(default_factory=dict)

    def add(self, detections: Sequence[Detection]) -> None:
        """Those of one frame."""
        self.frames += 1
        for label, found in _by_label(detections).items():
            known = self._labels.get(label, FoundCard(label, 0, 0, 0.0))
            best = max(one.score for one in found)
            if best > known.best or not known.boxes:
                ranked = sorted(found, key=lambda one: -one.score)[:_MOST_BOXES]
                known = replace(known, best=best, boxes=tuple(one.box for one in ranked))
            most = max(known.most, len(found))
            self._labels[label] = replace(known, number=known.number + 1, most=most)

    def cards(self) -> tuple[FoundCard, ...]:
        """The most frequent first."""
        return tuple(sorted(self._labels.values(), key=lambda card: (-card.number, -card.most, card.label)))


def _by_label(detections: Sequence[Detection]) -> dict[str, list[Detection]]:
    labels: dict[str, list[Detection]] = {}
    for found in detections:
        labels.setdefault(found.label, []).append(found)
    return labels
