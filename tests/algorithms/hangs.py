"""Hangs as a driver does: in C, holding the interpreter, deaf to signals of Python."""

import ctypes
from pathlib import Path

from edged import BaseAlgo


class Hang(BaseAlgo):
    """Runs ``after`` times, makes the file ``mark``, then never comes back."""

    def init(self, mark, after=2):
        self.mark = Path(mark)
        self.left = after

    def run(self, frames):
        self.left -= 1
        if self.left < 0:
            self.mark.touch()
            ctypes.PyDLL(None).sleep(3600)
        return {"left": self.left}
