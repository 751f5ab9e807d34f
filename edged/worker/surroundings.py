"""What all algorithms of this process share: the scenes of their sources, and the track ids given out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from edged.algorithm.context import TrackIds
from edged.model.messages import JobSpec
from edged.model.scene import Scene


class Surroundings:
    """Brought up to date by the main thread; algorithms only read, from whichever thread."""

    def __init__(self) -> None:
        self.scenes: dict[str, Scene] = {}
        """By source. The same object as long as nothing of it changes."""
        self._track_ids: dict[tuple[str, str], TrackIds] = {}
        self._kept: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
        """With the number of the load that it belongs to."""

    def show(self, scenes: Mapping[str, Scene]) -> None:
        """These are the scenes now."""
        for source in self.scenes.keys() - scenes.keys():
            del self.scenes[source]
        for source, scene in scenes.items():
            if self.scenes.get(source) != scene:
                self.scenes[source] = scene

    def continue_numbers(self, jobs: Sequence[JobSpec]) -> None:
        """Give out no track id that another worker gave out before; count on where it got to."""
        for job in jobs:
            for source, numbers in job.numbering.items():
                self.track_ids(job.name, source).go_on_after(numbers.track_id)
                if numbers.counts and (job.name, source) not in self._kept:
                    self.kept(job, source)["lines"] = json.loads(numbers.counts).get("lines", {})

    def track_ids(self, job: str, source: str) -> TrackIds:
        """Of one (job, source): the same for a job that is loaded anew."""
        return self._track_ids.setdefault((job, source), TrackIds())

    def kept(self, job: JobSpec, source: str) -> dict[str, Any]:
        """What instances of one (job, source) leave to the next; a job that is restarted begins anew."""
        load, kept = self._kept.get((job.name, source), (job.load, {}))
        if load != job.load:
            kept = {}
        self._kept[job.name, source] = (job.load, kept)
        return kept
