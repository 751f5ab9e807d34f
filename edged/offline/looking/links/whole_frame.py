"""The whole frame as one detection: what stands in for a detector before algorithms that look at crops."""

from __future__ import annotations

from collections.abc import Sequence

from edged.algorithm import WHOLE, Algorithm, Detection, Frame, Outcome


class WholeFrame(Algorithm):
    """One detection that is the whole frame."""

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        return Outcome((*(before.detections or ()), Detection(WHOLE, 1.0, "frame", 0)), before.data)
