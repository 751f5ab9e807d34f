"""What events began that none has ended yet, as workers tell it: so that main can, should they die."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from edged.model.ending import Ending, unpack_ending
from edged.model.output import Output

MOST_UNENDED = 20_000
"""Of all jobs; what begins beyond that is not looked after."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who would have to say the end."""

    worker: str
    job: str
    source: str


class Unended:
    """Parses only what is beside the few events that begin or end something."""

    def __init__(self) -> None:
        self._endings: dict[Owner, dict[str, Ending]] = {}
        self._sights: dict[Owner, bytes] = {}

    def note(self, worker: str, output: Output) -> None:
        """An event was routed. Raises ValueError or TypeError for what no worker of ours says."""
        if not output.ending:
            return
        owner, ending = Owner(worker, output.job, output.source), unpack_ending(output.ending)
        endings = self._endings.setdefault(owner, {})
        endings.pop(ending.key, None)
        if ending.kind and sum(map(len, self._endings.values())) < MOST_UNENDED:
            endings[ending.key] = ending
        if not endings:
            del self._endings[owner]
            self._sights.pop(owner, None)

    def saw(self, worker: str, output: Output) -> None:
        """What was begun was seen since."""
        owner = Owner(worker, output.job, output.source)
        if owner in self._endings:
            self._sights[owner] = output.payload

    def take(self, is_wanted: Callable[[Owner], bool]) -> list[tuple[Owner, Ending]]:
        """All that somebody else has to end now, stays in zones before objects."""
        taken: list[tuple[Owner, Ending]] = []
        for owner in [owner for owner in self._endings if is_wanted(owner)]:
            seen = _fields(self._sights.pop(owner, b"{}"))
            endings = sorted(self._endings.pop(owner).values(), key=lambda ending: ending.kind != "zone_exit")
            taken += [(owner, replace(end, fields=seen.get(end.key, end.fields))) for end in endings]
        return taken


def _fields(payload: bytes) -> dict[str, dict[str, object]]:
    with contextlib.suppress(ValueError, RecursionError):
        said = json.loads(payload)
        if isinstance(said, dict):
            return {key: fields for key, fields in said.items() if isinstance(fields, dict)}
    return {}
