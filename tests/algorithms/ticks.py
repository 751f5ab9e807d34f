"""Costs nothing: for tests of everything but algorithms."""

from edged import BaseAlgo


class Tick(BaseAlgo):
    """Counts its runs."""

    def init(self):
        self.runs = 0

    def run(self, frames):
        self.runs += 1
        return {"runs": self.runs}
