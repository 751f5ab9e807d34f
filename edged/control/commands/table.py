"""Every command, on one page: what it takes, how long it may take, which lane it runs in, what it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edged.control.commands import arguments, operations
from edged.control.commands.context import Context
from edged.settings.fields import Section
from edged.settings.job_section import MOST_AFTER_S

Run = Callable[[Any, Context], Awaitable[Mapping[str, Any]]]
"""Arguments of the command's own model in, ``data`` of the answer out; raises an `EdgedError`."""


class LaneName(StrEnum):
    """Commands of one lane wait for each other."""

    LIGHT = "light"
    SPEC = "spec"
    VALIDATE = "validate"
    SNAPSHOT = "snapshot"
    PROBE = "probe"
    RECORD = "record"


LANES: Mapping[LaneName, tuple[int, int]] = {
    LaneName.LIGHT: (8, 56),
    LaneName.SPEC: (1, 7),
    LaneName.VALIDATE: (1, 3),
    LaneName.SNAPSHOT: (4, 8),
    LaneName.PROBE: (2, 4),
    LaneName.RECORD: (8, 0),
}
"""How many of a lane run at once, and how many wait; whoever comes then is `busy`."""


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table."""

    op: str
    arguments: type[Section]
    deadline_s: float
    """From its arrival to its answer."""
    run: Run
    lane: LaneName = LaneName.LIGHT
    has_effect: bool = False
    """Running it twice is not the same as running it once; so its id is never forgotten early."""
    is_order_to_end: Callable[[Any], bool] = lambda arguments: False
    """With these arguments it ends the daemon, once it was answered."""


_MINUTE_S = 60.0
_PATCH_S = 31 * _MINUTE_S
"""The 30 minutes of proving, and the default gate's one."""
_RECORD_S = MOST_AFTER_S + 120.0
"""The longest clip there may be; of a shorter one it is known sooner."""

TABLE: Mapping[str, Command] = {
    command.op: command
    for command in (
        Command("ping", arguments.Nothing, 5.0, operations.ping),
        Command("get", arguments.Get, 10.0, operations.get),
        Command("validate", arguments.Validate, 30 * _MINUTE_S, operations.validate, LaneName.VALIDATE),
        Command("patch", arguments.Patch, _PATCH_S, operations.patch, LaneName.SPEC, has_effect=True),
        Command("pause", arguments.Pause, _PATCH_S, operations.pause, LaneName.SPEC, has_effect=True),
        Command("resume", arguments.Resume, _PATCH_S, operations.resume, LaneName.SPEC, has_effect=True),
        Command("snapshot", arguments.Snapshot, 20.0, operations.snapshot, LaneName.SNAPSHOT),
        Command("record", arguments.Record, _RECORD_S, operations.record, LaneName.RECORD, has_effect=True),
        Command("probe", arguments.Probe, 3 * _MINUTE_S, operations.probe, LaneName.PROBE),
        Command(
            "restart",
            arguments.Restart,
            30.0,
            operations.restart,
            has_effect=True,
            is_order_to_end=operations.ends_daemon,
        ),
        Command("rebirth", arguments.Nothing, 5.0, operations.rebirth),
    )
}
WITHOUT_EFFECT = frozenset(op for op, command in TABLE.items() if not command.has_effect)
