"""Results and events as they come, and what becomes different meanwhile on the device."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from edged.app.ctl.address import Target
from edged.app.ctl.asking import read_object
from edged.app.ctl.changes import Change, Changes, Now
from edged.app.ctl.session import Session
from edged.app.ctl.wording import Place

_LOOK_EVERY_S = 1.0


def topics_for(target: Target, *, job: str = "+", source: str = "+") -> list[str]:
    """Results and events of one device or, for @all, of all."""
    return [f"{target.roots}/job/{job}/{source}/{kind}" for kind in ("result", "event")]


def topics_of_changes(target: Target, *, job: str = "+", source: str = "+") -> list[str]:
    """What `Changes` takes. Outputs belong to no job, and to a source by the spec alone: who asks for one of
    these does not hear of them.
    """
    roots = target.roots
    outputs = [f"{roots}/output/+/status"] if (job, source) == ("+", "+") else []
    statuses = [f"{roots}/source/{source}/status", f"{roots}/job/{job}/status", *outputs]
    return [f"{roots}/state", f"{roots}/health", *statuses]


async def watch(
    session: Session,
    target: Target,
    show: Callable[[Place, dict[str, Any], bytes], None],
    say: Callable[[str], None],
    tell: Callable[[Change], None],
) -> None:
    """Until cancelled. ``say`` is told when the connection is lost or the broker refuses, and when all is
    well again; ``tell`` of what became different.
    """
    changes = Changes(target.prefix)
    trouble, dropped = "", 0
    while True:
        received = await session.receive(_LOOK_EVERY_S)
        if session.trouble != trouble:
            trouble = session.trouble
            changes.lost_sight()
            say(trouble or "connected again")
        if session.dropped > dropped:
            say(f"{session.dropped - dropped} messages came too fast to be shown")
            dropped = session.dropped
        if received is None:
            continue
        content = read_object(received.payload)
        for change in changes.take(received.topic, content, Now(time.time(), time.monotonic())):
            tell(change)
        place = Place.of(target.prefix, received.topic)
        if place is not None:
            show(place, content, received.payload)
