"""Emits events, many a run: for tests of what becomes of them."""

from edged import BaseAlgo


class Burst(BaseAlgo):
    """``per_run`` events each run until ``total`` were made; each carries its number."""

    def init(self, per_run=10, total=0):
        self.per_run = per_run
        self.total = total
        self.made = 0

    def run(self, frames):
        for _ in range(self.per_run):
            if self.total and self.made >= self.total:
                break
            self.made += 1
            self.emit("tick", number=self.made)
        return {"made": self.made}
