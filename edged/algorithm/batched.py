"""Algorithms of one picture and one model: cameras that are due together can share a run of it.

Whether that pays is measured, not assumed: on one thread of a CPU four pictures at once take as long as four
runs, on a GPU or several threads often less. Nobody waits for others to come: a batch is made of what waits
anyway.
"""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.base import Algorithm
from edged.algorithm.frame import Frame, Picture
from edged.algorithm.session import Session
from edged.errors import AlgorithmError
from edged.model.detection import Outcome

_log = logging.getLogger(__name__)

BATCH = 4
"""Pictures at once, at most: more would make the first of them wait for the last."""
_ROUNDS = 5
_LEAST_GAIN = 1.03
"""Less may be the noise of the measurement."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What one frame becomes for the model."""

    feed: NDArray[Any]
    """``(1, …)``: its input."""
    picture: Picture


class Batched(Algorithm):
    """`prepare`, one run of ``session``, `conclude`. The worker may put several cameras into one run."""

    keeps_state = False
    session: Session
    """From `open` on."""

    @abstractmethod
    def prepare(self, window: Sequence[Frame]) -> Prepared:
        """The model's input for the newest frame. Must not change any state."""

    @abstractmethod
    def conclude(
        self,
        prepared: Prepared,
        outputs: Sequence[NDArray[Any]],
        window: Sequence[Frame],
        before: Outcome,
    ) -> Outcome:
        """From what the model answered, in the order of its outputs, to what `run` returns."""

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        prepared = self.prepare(window)
        return self.conclude(prepared, self.session.run(prepared.feed), window, before)


def run_together(session: Session, feeds: Sequence[NDArray[Any]]) -> list[list[NDArray[Any]]]:
    """One run on all ``feeds``, ``(1, …)`` of one shape each; the outputs of each, as if it had run alone.

    Raises `AlgorithmError`. Only for a session that `try_batches` found to answer each on its own.
    """
    outputs = session.run(np.concatenate(feeds))
    shares = [np.split(output, len(feeds)) for output in outputs]
    return [[share[place] for share in shares] for place in range(len(feeds))]


def try_batches(session: Session, feed: NDArray[Any]) -> None:
    """Measure, once for a session, whether several pictures at once pay; ``feed`` is one, of any content.

    Afterwards ``session.batch`` says how many to take, and the log why.
    """
    if session.batch is not None:
        return
    name = session.path.name
    reason = _why_not(session, feed)
    if reason:
        session.batch = 1
        _log.info("%s: cameras do not share its runs: %s", name, reason)
        return
    alone_s, together_s = _times(session, feed)
    gain = BATCH * alone_s / together_s
    session.batch = BATCH if gain >= _LEAST_GAIN else 1
    verdict = (
        "cameras share its runs" if session.batch > 1 else "cameras do not share its runs: it does not pay"
    )
    _log.info("%s: %d pictures at once are %.2f times as fast as one by one; %s", name, BATCH, gain, verdict)


def _why_not(session: Session, feed: NDArray[Any]) -> str:
    """Why it cannot be; empty: it can."""
    if len(session.inputs) != 1 or session.inputs[0].shape[0] is not None:
        return "it takes one picture at a time"
    if session.builds_each_size:
        return "an engine would be built for each number of them"
    try:
        alone = session.run(feed)
        shares = run_together(session, [feed, np.zeros_like(feed)])
    except (AlgorithmError, ValueError) as error:
        return f"two at once fail: {error}"
    same = all(
        one.shape == share.shape and np.allclose(one, share, rtol=1e-3, atol=1e-4, equal_nan=True)
        for one, share in zip(alone, shares[0], strict=True)
    )
    return "" if same else "its outputs are not one for each picture"


def _times(session: Session, feed: NDArray[Any]) -> tuple[float, float]:
    """The quickest of some runs with one picture, and with `BATCH`, in seconds."""
    many = np.concatenate([feed] * BATCH)
    alone, together = [], []
    for _ in range(_ROUNDS):
        alone.append(_seconds(lambda: session.run(feed)))
        together.append(_seconds(lambda: session.run(many)))
    return min(alone), min(together)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
