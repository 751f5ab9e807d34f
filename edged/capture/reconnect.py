"""When a source that was lost is opened again."""

from __future__ import annotations

from edged.supervise.backoff import Backoff

INITIAL_S = 0.5
MAX_S = 30.0
STEADY_S = 10.0
"""Frames for so long, and the next loss counts as a new one."""


class Reconnect:
    """Back-off with full jitter that forgets what is long past.

    Its ceiling is the source's own timeout: whoever wants silence noticed after 3 s does not want
    a camera that is back to be found after 30.
    """

    def __init__(self) -> None:
        self._ceiling_s = 0.0
        self._backoff = Backoff(INITIAL_S, MAX_S)

    def delay_s(self, timeout_s: float, steady_s: float, *, refused: bool) -> float:
        """How long to wait now; ``steady_s`` is how long frames had come before the loss.

        A login that was refused is tried again slowly, because cameras lock users out.
        """
        ceiling_s = min(MAX_S, max(timeout_s, INITIAL_S))
        if ceiling_s != self._ceiling_s or steady_s >= STEADY_S:
            self._ceiling_s = ceiling_s
            self._backoff = Backoff(INITIAL_S, ceiling_s)
        delay_s = self._backoff.next_delay_s()
        return max(delay_s, MAX_S) if refused else delay_s
