"""How bright each frame of a window is, and where it is brightest: for tests of what needs no state."""

import numpy as np

from edged.algorithm import Algorithm, AlgorithmParams, Detection, Outcome
from edged.errors import AlgorithmError


class MeansParams(AlgorithmParams):
    fail_at: int | None = None
    """The index of a frame at which it raises."""


class Means(Algorithm):
    Params = MeansParams
    params: MeansParams
    keeps_state = False

    def run(self, window, before):
        newest = window[-1]
        if newest.header.index == self.params.fail_at:
            raise AlgorithmError("told to fail here")
        means = [round(float(frame.y.mean()), 6) for frame in window]
        column = int(np.argmax(newest.y.mean(axis=0))) / newest.width
        box = (max(column - 0.1, 0.0), 0.2, min(column + 0.1, 1.0), 0.8)
        return Outcome((Detection(box=box, score=0.9, label="bright"),), {**before.data, "means": means})


class Burdened(Means):
    """So slow that a test can kill its process while it runs."""

    def run(self, window, before):
        for _ in range(20):
            np.sort(np.random.default_rng(0).random(100_000))
        return super().run(window, before)
