"""Says which frames it was given: for tests of sampling."""

from edged.algorithm import Algorithm, Outcome


class Windows(Algorithm):
    """The indexes of its frames, and whether each is a keyframe."""

    def run(self, window, before):
        headers = [frame.header for frame in window]
        indexes = [header.index for header in headers]
        return Outcome(data={"indexes": indexes, "keyframes": [header.keyframe for header in headers]})
