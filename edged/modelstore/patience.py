"""Whether a fetch that failed is tried again, and when. Pure, but for the draw of the delay."""

from __future__ import annotations

from dataclasses import dataclass, field

from edged.model.fetching import FetchReport, FetchState
from edged.supervise.backoff import Backoff

MOST_MISMATCHES = 2
"""The whole file came and was another one: once it may have been a cache, or a power cut."""


def _fresh() -> Backoff:
    return Backoff(2.0, 60.0, floor_s=0.5)


@dataclass
class Patience:
    """With one file. What was received since the last try counts as success: the wait begins anew."""

    backoff: Backoff = field(default_factory=_fresh)
    mismatches: int = 0
    _received: int = 0

    def after(self, report: FetchReport) -> float | None:
        """Seconds until the next try; None: there is no use in one."""
        if report.state is not FetchState.BROKEN:
            return None
        if report.is_mismatch:
            self.mismatches += 1
            if self.mismatches >= MOST_MISMATCHES:
                return None
        if report.received > self._received:
            self.backoff.reset()
        self._received = report.received
        return max(self.backoff.next_delay_s(), report.wait_s)
