"""Results and events as they come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edged.app.ctl.address import Target
from edged.app.ctl.asking import read_object
from edged.app.ctl.session import Session
from edged.app.ctl.wording import Place

_LOOK_EVERY_S = 1.0


def topics_for(target: Target, *, job: str = "+", source: str = "+") -> list[str]:
    """Results and events of one device or, for @all, of all."""
    return [f"{target.roots}/job/{job}/{source}/{kind}" for kind in ("result", "event")]


async def watch(
    session: Session,
    target: Target,
    show: Callable[[Place, dict[str, Any], bytes], None],
    say: Callable[[str], None],
) -> None:
    """Until cancelled. ``say`` is told when the connection is lost or the broker refuses, and when all is
    well again.
    """
    trouble, dropped = "", 0
    while True:
        received = await session.receive(_LOOK_EVERY_S)
        if session.trouble != trouble:
            trouble = session.trouble
            say(trouble or "connected again")
        if session.dropped > dropped:
            say(f"{session.dropped - dropped} messages came too fast to be shown")
            dropped = session.dropped
        place = Place.of(target.prefix, received.topic) if received is not None else None
        if received is not None and place is not None:
            show(place, read_object(received.payload), received.payload)
