"""Says which session it was given: for tests of how models are shared."""

import os

from edged import BaseAlgo


class Sharing(BaseAlgo):
    """Asks for one model."""

    def init(self, model):
        self.session = self.model(model)

    def run(self, frames):
        return {"session": id(self.session), "process": os.getpid()}
