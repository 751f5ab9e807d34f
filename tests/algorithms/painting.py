"""Algorithms that draw for themselves, in every frame the same: for tests of pictures."""

import contextlib
import sys
import time
from pathlib import Path

from edged import BaseAlgo

RED, BLUE = (0, 0, 200), (200, 0, 0)


class Painting(BaseAlgo):
    """A red rectangle in the upper left. While the file ``blank`` is there it draws nothing, while ``hold``
    is it does not run on."""

    def init(self, blank="", hold=""):
        self.blank, self.hold = blank, hold
        self.drawn = 0

    def run(self, frames):
        while self.hold and Path(self.hold).exists():
            time.sleep(0.01)
        return {"paints": not (self.blank and Path(self.blank).exists()), "drawn": self.drawn}

    def draw(self, picture, result):
        self.drawn += 1  # for tests: nobody else should
        height, width = picture.shape[:2]
        if result["paints"]:
            picture[height // 4 : height // 2, width // 4 : width // 2] = RED


class Veiling(BaseAlgo):
    """Half a blue over the right third."""

    def run(self, frames):
        return {}

    def draw(self, picture, result):
        part = picture[:, picture.shape[1] * 2 // 3 :]
        part[:] = part // 2 + [each // 2 for each in BLUE]


class Clumsy(BaseAlgo):
    """Paints its rectangle, then fails."""

    def init(self):
        self.runs = 0

    def run(self, frames):
        self.runs += 1
        return {"runs": self.runs, "paints": True}

    def draw(self, picture, result):
        height, width = picture.shape[:2]
        picture[height // 4 : height // 2, width // 4 : width // 2] = RED
        raise ValueError("out of paint")


class Leaving(Clumsy):
    """Paints its rectangle, then would end its process."""

    def draw(self, picture, result):
        with contextlib.suppress(ValueError):
            super().draw(picture, result)
        sys.exit(3)


class Dawdling(BaseAlgo):
    """Draws for longer than anybody waits for a first picture."""

    def run(self, frames):
        return {}

    def draw(self, picture, result):
        time.sleep(2)
        picture[:] = RED
