"""Hangs as a driver does: in C, holding the interpreter, deaf to signals of Python."""

import ctypes

from edged import BaseAlgo


class Hang(BaseAlgo):
    """Runs ``after`` times, then never comes back."""

    def init(self, after=2):
        self.left = after

    def run(self, frames):
        self.left -= 1
        if self.left < 0:
            ctypes.PyDLL(None).sleep(3600)
        return {"left": self.left}
