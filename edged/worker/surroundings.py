"""What all algorithms of this process share: the scenes of their sources, and the track ids given out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edged.algorithm.context import TrackIds
from edged.model.messages import JobSpec
from edged.model.scene import Scene


class Surroundings:
    """Brought up to date by the main thread; algorithms only read, from whichever thread."""

    def __init__(self) -> None:
        self.scenes: dict[str, Scene] = {}
        """By source. The same object as long as nothing of it changes."""
        self._track_ids: dict[tuple[str, str], TrackIds] = {}

    def show(self, scenes: Mapping[str, Scene]) -> None:
        """These are the scenes now."""
        for source in self.scenes.keys() - scenes.keys():
            del self.scenes[source]
        for source, scene in scenes.items():
            if self.scenes.get(source) != scene:
                self.scenes[source] = scene

    def continue_numbers(self, jobs: Sequence[JobSpec]) -> None:
        """Give out no track id that another worker gave out before."""
        for job in jobs:
            for source, numbers in job.numbering.items():
                self.track_ids(job.name, source).go_on_after(numbers.track_id)

    def track_ids(self, job: str, source: str) -> TrackIds:
        """Of one (job, source): the same for a job that is loaded anew."""
        return self._track_ids.setdefault((job, source), TrackIds())
