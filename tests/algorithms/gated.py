"""Loads only once a file is there: for tests of what goes on meanwhile."""

import time
from pathlib import Path

from edged import BaseAlgo


class Gated(BaseAlgo):
    """Says which version it is and how often it ran."""

    def init(self, version, gate=""):
        while gate and not Path(gate).exists():
            time.sleep(0.01)
        self.version = version
        self.runs = 0

    def run(self, frames):
        self.runs += 1
        return {"version": self.version, "runs": self.runs}
