"""The statuses of what cannot be started as it stands: nothing runs that could tell them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container, Mapping

from edged.planning.plan import Failure

log = logging.getLogger("edged.device")


class Unplanned:
    """The sources, or the jobs, that failed when the plan was made. Told once, cleared when gone."""

    def __init__(self, publish: Callable[[str, Failure, int], None], clear: Callable[[str], None]) -> None:
        """``publish`` takes the name, the failure, and since when it has failed (wall, ns)."""
        self._publish = publish
        self._clear = clear
        self._told: dict[str, tuple[Failure, int]] = {}

    def apply(self, failed: Mapping[str, Failure], planned: Container[str]) -> None:
        """Tell what is new of ``failed``; what is ``planned`` now tells its status itself."""
        for name in [name for name in self._told if name not in failed]:
            del self._told[name]
            if name not in planned:
                self._clear(name)
        for name, failure in failed.items():
            told, since_ns = self._told.get(name, (None, time.time_ns()))
            if failure != told:
                log.warning("%s: failed: %s", name, failure.message)
                self._told[name] = (failure, since_ns)
                self._publish(name, failure, since_ns)
