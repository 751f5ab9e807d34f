"""Emits events, many a run: for tests of what becomes of them."""

import time
from pathlib import Path

from edged import BaseAlgo


class Burst(BaseAlgo):
    """``per_run`` events each run until ``total`` were made (0: without end); each carries its number.

    In the folder ``ledger`` it notes, after each run, the monotonic time and how many it has made: a line
    that was written outlives every kill.
    """

    def init(self, per_run=10, total=0, ledger=""):
        self.per_run = per_run
        self.total = total
        self.ledger = Path(ledger) if ledger else None
        self.book = None
        self.made = 0

    def run(self, frames):
        for _ in range(self.per_run):
            if self.total and self.made >= self.total:
                break
            self.made += 1
            self.emit("tick", number=self.made)
        if self.ledger is not None:
            self.note()
        return {"made": self.made}

    def note(self):
        now_ns = time.monotonic_ns()
        if self.book is None:
            self.book = (self.ledger / f"{self.name}-{now_ns}").open("w", buffering=1)
        self.book.write(f"{now_ns} {self.made}\n")
