"""Says what its model says: for tests of which model a job was given."""

import numpy as np

from edged import BaseAlgo


class Telling(BaseAlgo):
    """Runs a model of one number on it."""

    def init(self, model):
        self.session = self.model(model)
        self.runs = 0

    def run(self, frames):
        self.runs += 1
        (said,) = self.session.run(np.zeros(1, np.float32))
        return {"says": float(said[0]), "runs": self.runs}
