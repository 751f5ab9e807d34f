"""Sees the same thing in every frame: for tests of pictures."""

import time
from pathlib import Path

from edged import BaseAlgo


class Framing(BaseAlgo):
    """A box around the middle; with ``hold``, runs no more once that file is there."""

    def init(self, hold=""):
        self.hold = Path(hold) if hold else None

    def run(self, frames):
        height, width = frames[-1].shape[:2]
        while self.hold is not None and self.hold.exists():
            time.sleep(0.01)
        return {"detections": [{"box": [width / 4, height / 4, 3 * width / 4, 3 * height / 4]}]}
