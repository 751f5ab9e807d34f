"""The algorithms of one job on one source, in order: each sees the frames and what came before."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.base import Algorithm
from edged.algorithm.batched import Batched, Prepared
from edged.algorithm.context import Context, TrackIds
from edged.algorithm.frame import Frame
from edged.errors import AlgorithmError
from edged.model.detection import Outcome
from edged.model.scene import Scene
from edged.worker.fault import describe_fault

_log = logging.getLogger(__name__)

MAX_EVENTS_PER_RUN = 256
"""More are dropped and counted: the algorithm runs wild."""

Emitted = tuple[str, dict[str, Any]]
"""Type and fields of an event."""


class Emissions:
    """What the links of a chain emitted since it was last emptied. Bounded; drops the newest."""

    def __init__(self) -> None:
        self._dropped = 0
        self._events: list[Emitted] = []
        self._kept = 0
        """So many, the first, hold whatever becomes of the run."""

    def add(self, kind: str, fields: dict[str, Any]) -> None:
        """The ``emit`` of a `Context`."""
        if len(self._events) >= MAX_EVENTS_PER_RUN:
            self._dropped += 1
            return
        self._events.append((kind, fields))

    def take(self) -> tuple[Emitted, ...]:
        """All of them, in order; none stays."""
        if not self._events:
            return ()
        events, self._events, self._kept = tuple(self._events), [], 0
        return events

    def keep(self) -> None:
        """What is there now is true also if the run fails: an epoch ended."""
        self._kept = len(self._events)

    def drop(self) -> None:
        """The run failed: forget what it emitted."""
        del self._events[self._kept :]

    def take_dropped(self) -> int:
        """How many were dropped since the last call."""
        dropped, self._dropped = self._dropped, 0
        return dropped


@dataclass(frozen=True, slots=True)
class Link:
    """One algorithm of a chain, opened."""

    name: str
    algorithm: Algorithm
    hidden: tuple[str, ...] = ()
    """What may be a secret in what its code raises."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said to one picture of a batch."""

    prepared: Prepared
    outputs: Sequence[NDArray[Any]]


class Chain:
    """State belongs to (job, source, epoch): the links are told when an epoch begins."""

    def __init__(self, links: Sequence[Link], emissions: Emissions, context: Context | None = None) -> None:
        """``context`` is what its links were given."""
        self.emissions = emissions
        self.counters: Counter[str] = Counter() if context is None else context.counters
        """What the links counted of their own work."""
        self.track_ids = TrackIds() if context is None else context.track_ids
        self._context = context
        self._links = tuple(links)
        self._epoch: int | None = None
        self._failed = False
        """Since the links were reset."""
        self._closed = False
        self._drawing = threading.Lock()
        """Held while the links draw or close; never by `run`, which waits for nobody's picture."""

    @property
    def scene(self) -> Scene | None:
        """Of its source, as it is now; None where nothing is known of it."""
        return None if self._context is None else self._context.scene

    @property
    def first(self) -> Batched | None:
        """Its first link, if that may share a run of its model with other cameras."""
        algorithm = self._links[0].algorithm if self._links else None
        return algorithm if isinstance(algorithm, Batched) else None

    @property
    def reads_pixels(self) -> bool:
        """Whether any link looks at the pixels of frames."""
        return any(link.algorithm.reads_pixels for link in self._links)

    @property
    def draws(self) -> bool:
        """Whether any link adds to pictures, maybe even to one on which nothing was found."""
        return any(link.algorithm.draws for link in self._links)

    def run(
        self, window: Sequence[Frame], answer: Answer | None = None, before: Outcome | None = None
    ) -> Outcome:
        """Run all links on ``window`` (oldest first). Raises what they raise, and `AlgorithmError`.

        ``answer`` is what the model of the `first` link said to this window already; ``before`` what links
        found that stand before this chain, where it is a part of a job's.
        """
        epoch = window[-1].header.epoch
        if epoch != self._epoch:
            self._begin(epoch)
        outcome = before or Outcome()
        for place, link in enumerate(self._links):
            if place == 0 and answer is not None and isinstance(link.algorithm, Batched):
                outcome = link.algorithm.conclude(answer.prepared, answer.outputs, window, outcome)
            else:
                outcome = link.algorithm.run(window, outcome)
            if not isinstance(outcome, Outcome):
                kind = type(outcome).__name__
                raise AlgorithmError(f"{link.name}: run() returned a {kind}; return an Outcome")
        return outcome

    def restart(self) -> None:
        """After an error nobody knows in which state the links are: reset them before the next run."""
        self._epoch, self._failed = None, True
        self.emissions.drop()

    def draw(self, picture: NDArray[np.uint8], outcome: Outcome) -> None:
        """Let the links add to a picture, unless closed; maybe beside `run`. Raises what they raise."""
        with self._drawing:
            for link in () if self._closed else self._links:
                link.algorithm.draw(picture, outcome)

    def close(self) -> None:
        """Close all links, the last first; one that raises does not keep the others open.

        Whoever calls it runs the chain no more; a picture that is being drawn is waited for.
        """
        with self._drawing:
            self._closed = True
            for link in reversed(self._links):
                try:
                    link.algorithm.close()
                except Exception as error:  # noqa: BLE001 — somebody else's code, whose job is gone already
                    _log.error("%s failed to close: %s", link.name, describe_fault(error, link.hidden))

    def _begin(self, epoch: int) -> None:
        if self._epoch is not None or self._failed or epoch > 1:
            for link in self._links:
                link.algorithm.reset()
        self._epoch, self._failed = epoch, False
        self.emissions.keep()
