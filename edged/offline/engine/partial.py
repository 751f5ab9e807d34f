"""Between the part of a job that any thread or machine can do, and the part that must go in order."""

from __future__ import annotations

from dataclasses import dataclass

from edged.algorithm.frame import Frame
from edged.model.detection import Outcome
from edged.model.frame import FrameHeader
from edged.worker.chain import Emitted


@dataclass(frozen=True, slots=True)
class Partial:
    """One due run of a job, after the links at its beginning that keep no state.

    Whoever makes them gives them in the order of the video, whatever the order in which they were made.
    """

    job: int
    """Its place among the jobs that are run together."""
    header: FrameHeader
    """Of the newest frame of its window."""
    outcome: Outcome
    """What the links at the beginning found; empty where there were none."""
    window: tuple[Frame, ...] = ()
    """Oldest first; empty where no later link reads pixels and nothing is drawn: `header` is enough then."""
    events: tuple[Emitted, ...] = ()
    """What the links at the beginning emitted."""

    @property
    def frames(self) -> tuple[Frame, ...]:
        """What the later links are given: the window, or what is left of it."""
        return self.window or (Unseen(self.header),)


class Unseen(Frame):
    """A frame of which only the header is left: whoever asks for its pixels meets an AttributeError."""

    def __init__(self, header: FrameHeader) -> None:
        self.header = header
