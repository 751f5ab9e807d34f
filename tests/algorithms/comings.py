"""Says at each run that some came into a zone, and that those of the run before left it."""

from edged import BaseAlgo

AT_ONCE = 20


class Comings(BaseAlgo):
    """Numbers whom it sees itself, anew in each process."""

    def init(self):
        self.last = 0
        self.inside = []

    def run(self, frames):
        for track_id in self.inside:
            self.emit("zone_exit", zone="room", track_id=track_id, data={"reason": None})
        self.inside = list(range(self.last + 1, self.last + 1 + AT_ONCE))
        self.last += AT_ONCE
        for track_id in self.inside:
            self.emit("zone_enter", zone="room", track_id=track_id)
        return {}
