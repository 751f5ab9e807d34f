"""How long an engine may take to build, and how whoever watches is told so."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext

from edged.algorithm.runtime import OnBuild
from edged.supervise.heartbeat import BUILDING, Heartbeat

BUILD_DEADLINE_S = 1800.0
"""For one engine: as long as a change of the spec may prepare itself."""


def build_on(heartbeat: Heartbeat, *, lane: int) -> OnBuild:
    """The ``on_build`` for models that the calling thread opens: its lane is in the phase `BUILDING` then.

    The lane is that thread's own: what an algorithm loads in another thread keeps to the deadline of whoever
    waits for it.
    """
    owner = threading.get_ident()

    def on_build(what: str) -> AbstractContextManager[None]:
        if threading.get_ident() != owner:
            return nullcontext()
        return heartbeat.meanwhile(BUILDING, BUILD_DEADLINE_S, lane=lane)

    return on_build
