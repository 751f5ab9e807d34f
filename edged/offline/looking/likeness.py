"""How like two lists of detections are. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edged.model.detection import Detection
from edged.model.jpeg_bench import Likeness

WELL = 0.9
NEAR = 0.5


@dataclass(slots=True)
class LikenessTally:
    """Over many frames."""

    boxes: int = 0
    kept: int = 0
    kept_well: int = 0
    extra: int = 0
    _moved: float = 0.0

    def add(self, before: Sequence[Detection], after: Sequence[Detection]) -> None:
        """Each of ``before`` finds at most one of ``after``; the pair that overlaps most goes first."""
        pairs = pairs_of(before, after)
        self.boxes += len(before)
        self.kept += len(pairs)
        self.kept_well += sum(overlap >= WELL for _, _, overlap in pairs)
        self.extra += len(after) - len(pairs)
        self._moved += sum(abs(one.score - other.score) for one, other, _ in pairs)

    def told(self) -> Likeness:
        moved = self._moved / self.kept if self.kept else 0.0
        return Likeness(self.boxes, self.kept, self.kept_well, self.extra, round(moved, 4))


def pairs_of(
    before: Sequence[Detection], after: Sequence[Detection]
) -> list[tuple[Detection, Detection, float]]:
    """Those with the same label and an IoU of at least `NEAR`, with the IoU."""
    near = [
        (overlap, place, other_place)
        for place, one in enumerate(before)
        for other_place, other in enumerate(after)
        if one.label == other.label and (overlap := iou(one.box, other.box)) >= NEAR
    ]
    near.sort(key=lambda found: -found[0])
    taken: set[int] = set()
    found_again: set[int] = set()
    pairs = []
    for overlap, place, other_place in near:
        if place not in taken and other_place not in found_again:
            taken.add(place)
            found_again.add(other_place)
            pairs.append((before[place], after[other_place], overlap))
    return pairs


def iou(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes; 0 for one without area."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    both = max(across, 0.0) * max(down, 0.0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / (areas - both) if areas > both else float(both > 0)
