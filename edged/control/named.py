"""What to say when something is asked of a name that cannot do it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from edged.control.commands.request import CommandFailed
from edged.planning.plan import Failure
from edged.settings.nearest import did_you_mean


def not_there(kind: str, name: str, there: Collection[str], failed: Mapping[str, Failure]) -> CommandFailed:
    """Nothing runs of that name: there is none, or it cannot be started as it stands."""
    failure = failed.get(name)
    if failure is not None:
        return CommandFailed(failure.code, f"{name} cannot be started as it stands: {failure.message}")
    known = (*there, *failed)
    hint = did_you_mean(name, known)
    listed = hint or f"; there {'is' if len(known) == 1 else 'are'} {', '.join(known) or 'none'}"
    return CommandFailed("not_found", f'there is no {kind} "{name}"{listed}')
