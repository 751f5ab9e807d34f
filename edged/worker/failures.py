"""When one (job, source) that failed is tried again. Pure."""

from __future__ import annotations

_FIRST_DELAY_NS = 1_000_000_000
_LONGEST_DELAY_NS = 60_000_000_000
_STABLE_NS = 60_000_000_000


class Failures:
    """1 s after the first failure, then twice as long each time up to 60 s.

    A success alone does not make it forget, or an algorithm that fails at every second frame would
    flap for ever: only a minute without a failure does.
    """

    def __init__(self) -> None:
        self.failing = False
        """Whether the last try failed."""
        self.delay_ns = 0
        self._failed_ns = 0

    @property
    def again_ns(self) -> int:
        """Monotonic: from when on it is tried again; 0: it does not wait."""
        return self._failed_ns + self.delay_ns if self.failing else 0

    def failed(self, now_ns: int) -> None:
        """It failed just now."""
        if not self.failing and now_ns - self._failed_ns > _STABLE_NS + self.delay_ns:
            self.delay_ns = 0
        self.failing = True
        self.delay_ns = min(_LONGEST_DELAY_NS, max(_FIRST_DELAY_NS, 2 * self.delay_ns))
        self._failed_ns = now_ns

    def succeeded(self) -> None:
        """The last try went well."""
        self.failing = False

    def may_try(self, now_ns: int) -> bool:
        """Whether it is not backing off."""
        return not self.failing or now_ns - self._failed_ns >= self.delay_ns
