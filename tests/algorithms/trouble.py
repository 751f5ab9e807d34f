"""Misbehaves as users' algorithms do: for tests of what becomes of the others."""

import ctypes

from edged import BaseAlgo


class Trouble(BaseAlgo):
    """Runs ``after`` times, then does ``what``; with ``times`` it is well again after as many."""

    def init(self, what, after=3, times=1_000_000):
        self.what = what
        self.left = after
        self.times = times
        if what.startswith("init-"):
            misbehave(what.removeprefix("init-"))

    def run(self, frames):
        self.left -= 1
        if -self.times <= self.left < 0:
            misbehave(self.what)
        return {"left": self.left}


def misbehave(what):
    if what == "raise":
        raise ValueError("the door is ajar")
    if what == "hang":
        ctypes.PyDLL(None).sleep(3600)  # in C and with the interpreter held: deaf to Python's signals
    if what == "segfault":
        ctypes.string_at(0)
    if what == "exit":
        raise SystemExit("I leave")
