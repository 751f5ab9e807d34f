"""Which frame tracks exist, who reads them, and the offers that tell both ends.

Main makes the memory and the eventfds and never looks into them. It keeps its descriptors so that a
worker that was replaced can be given the same track again without the capture noticing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from edged.control.capacity import track_limit_bytes
from edged.control.hardware import available_bytes
from edged.errors import TrackError
from edged.model.capturing import Demand, TrackOffer
from edged.model.frame import FrameFormat
from edged.planning.plan import slots_for
from edged.track.memory import allocate


@dataclass(frozen=True, slots=True)
class FrameTrack:
    """One generation of a source's track, and main's descriptors of it."""

    offer: TrackOffer
    memfd: int
    wakes: Mapping[str, int]
    """One eventfd per reading worker."""

    def capture_fds(self) -> tuple[int, ...]:
        return (self.memfd, *self.wakes.values())

    def worker_fds(self, worker: str) -> tuple[int, int]:
        return (self.memfd, self.wakes[worker])

    def close(self) -> None:
        for fd in self.capture_fds():
            os.close(fd)


class FrameTrackDesk:
    """The present track of one source. A new one is made when the format or the readers ask for it."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._generation = 0
        self._reaches: Mapping[str, int] = {}
        self._demand = Demand()
        self.format: FrameFormat | None = None
        self.track: FrameTrack | None = None
        self.error = ""
        """Why there is no track although there should be; `retry` may help."""

    def set_readers(self, reaches: Mapping[str, int], demand: Demand) -> bool:
        """Say which workers read, the deepest window of each, and which frames they need.

        True: the track is another now, or gone.
        """
        if (reaches, demand) == (self._reaches, self._demand):
            return False
        self._reaches, self._demand = dict(reaches), demand
        track = self.track
        fits = (
            track is not None
            and set(reaches) == set(track.wakes)
            and slots_for(reaches, demand) <= track.offer.slots
        )
        return not fits and (self._remake() or track is not None)

    def set_format(self, frame_format: FrameFormat) -> bool:
        """The frames that will come. True: there is a new track (always, unless nobody reads)."""
        self.format = frame_format
        return self._remake()

    def retry(self) -> bool:
        """Try again what `error` tells of. True: there is a track now."""
        return bool(self.error) and self._remake()

    def close(self) -> None:
        """Let go of the memory; it is freed when the other ends have let go as well."""
        if self.track is not None:
            self.track.close()
            self.track = None

    def forget_format(self) -> None:
        """The capture ended: what comes next may look different."""
        self.format = None
        self.close()

    def _remake(self) -> bool:
        self.close()
        self.error = ""
        if self.format is None or not self._reaches:
            return False
        slots = slots_for(self._reaches, self._demand)
        self._generation += 1
        offer = TrackOffer(self._source, self._generation, slots, self.format)
        try:
            self.track = _make(offer, self._reaches)
        except TrackError as error:
            self.error = f"no frame track: {error}"
            return False
        return True


def _make(offer: TrackOffer, workers: Iterable[str]) -> FrameTrack:
    """Raises TrackError, and leaves nothing open, when its memory or descriptors cannot be had."""
    memfd = _allocate(offer.format, offer.slots)
    wakes: dict[str, int] = {}
    track = FrameTrack(offer, memfd, wakes)
    try:
        for worker in workers:
            wakes[worker] = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    except OSError as error:
        track.close()
        raise TrackError(f"no eventfd: {error.strerror}") from error
    return track


def _allocate(frame_format: FrameFormat, slots: int) -> int:
    """As `allocate`, within `track_limit_bytes`: who takes the last memory has the kernel kill somebody."""
    wanted = frame_format.frame_bytes * slots
    try:
        limit_bytes = track_limit_bytes(available_bytes())
    except OSError as error:
        raise TrackError(f"no memory: {error.strerror}") from error
    if wanted > limit_bytes:
        raise TrackError(
            f"{slots} frames of {frame_format.width}x{frame_format.height} take {wanted >> 20} MB, more than "
            f"{limit_bytes >> 20}: set a smaller size on the source, or a smaller count or step on its jobs"
        )
    return allocate(frame_format, slots)
