"""Whether a job that looks only where something moves has to look now."""

from __future__ import annotations

from edged.algorithm.background import Background
from edged.algorithm.frame import Frame
from edged.model.messages import MotionGate

_MEMORY_S = 2.0
"""What stays for so long is background: short, for here what moves now counts, not what is new."""


class Watchman:
    """Of one lane. All times are those of the source's own clock."""

    def __init__(self, gate: MotionGate) -> None:
        self._gate = gate
        self._epoch: int | None = None
        self._background = Background(gate.threshold, _MEMORY_S)
        self._moved_us: int | None = None
        self._looked_us: int | None = None

    def lets_pass(self, frame: Frame) -> bool:
        """Something moves, or did just now, or nobody looked for long. Call it with each due frame once."""
        header, gate = frame.header, self._gate
        if header.epoch != self._epoch:
            self._epoch, self._moved_us, self._looked_us = header.epoch, None, None
            self._background = Background(gate.threshold, _MEMORY_S)
        now_us = header.pts_us
        movement = self._background.observe(frame.y, now_us)
        if movement is not None and movement.share > 0 and movement.share >= gate.min_area:
            self._moved_us = now_us
        is_moving = self._moved_us is not None and now_us - self._moved_us <= gate.hold_s * 1e6
        is_overdue = self._looked_us is None or now_us - self._looked_us >= gate.every_s * 1e6
        if is_moving or is_overdue:
            self._looked_us = now_us
        return is_moving or is_overdue
