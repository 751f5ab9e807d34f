"""Draws for itself, in every frame the same: for tests of pictures."""

from pathlib import Path

from edged import BaseAlgo

RED, BLUE = (0, 0, 200), (200, 0, 0)


class Painting(BaseAlgo):
    """A red rectangle in the upper left; with ``pause``, finds and draws nothing while that file is there."""

    def init(self, pause=""):
        self.pause = Path(pause) if pause else None

    def run(self, frames):
        is_paused = self.pause is not None and self.pause.exists()
        return {"paints": not is_paused}

    def draw(self, picture, result):
        height, width = picture.shape[:2]
        if result["paints"]:
            picture[height // 4 : height // 2, width // 4 : width // 2] = RED


class Veiling(BaseAlgo):
    """Half a blue over the right half."""

    def run(self, frames):
        return {}

    def draw(self, picture, result):
        half = picture[:, picture.shape[1] // 2 :]
        half[:] = half // 2 + [each // 2 for each in BLUE]


class Clumsy(BaseAlgo):
    """Paints its rectangle, then fails."""

    def init(self):
        self.runs = 0

    def run(self, frames):
        self.runs += 1
        return {"runs": self.runs}

    def draw(self, picture, result):
        height, width = picture.shape[:2]
        picture[height // 4 : height // 2, width // 4 : width // 2] = RED
        raise ValueError("out of paint")
