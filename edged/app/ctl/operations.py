"""The words that may stand as OP. Light on purpose: the shell's completion asks for them at each Tab.

Deadlines and names are those of `edged.control.commands.table`, which a test compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_MINUTE_S = 60.0
SLACK_S = 5.0
"""For the way there and back, beyond the device's own deadline."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One command of the contract, for people."""

    deadline_s: float
    """In which the device answers."""
    help: str


OPERATIONS: Mapping[str, Operation] = {
    "ping": Operation(5, "is it there"),
    "get": Operation(10, "what=spec, schema, info, stats, logs or recordings"),
    "validate": Operation(30 * _MINUTE_S, "spec=@FILE: all checks, without effect"),
    "patch": Operation(31 * _MINUTE_S, "spec=@FILE (merge patch) or ops=@FILE: change what runs"),
    "pause": Operation(31 * _MINUTE_S, "job=NAME or source=NAME"),
    "resume": Operation(31 * _MINUTE_S, "job=NAME or source=NAME"),
    "snapshot": Operation(20, "source=NAME, job=NAME to draw its boxes; -o FILE.jpg keeps it"),
    "record": Operation(7 * _MINUTE_S, "source=NAME before=5 after=10: a clip of the seconds around now"),
    "probe": Operation(3 * _MINUTE_S, "url=URL: what the device sees there"),
    "restart": Operation(30, "source=NAME, job=NAME, worker=NAME or daemon=true"),
    "rebirth": Operation(5, "publish all retained topics again"),
}
APPLY, WAIT, WATCH = "apply", "wait", "watch"
OWN: Mapping[str, str] = {
    APPLY: "FILE: the whole spec from now on; follows it until it is applied or not",
    WAIT: "revision=N: until it is applied or not",
    WATCH: "results and events as they come, what dies and what fails; job=NAME, source=NAME",
}
"""What is no command to the device but a way to use its other topics."""


def complete(incomplete: str) -> list[tuple[str, str]]:
    """Words that begin so, with their help."""
    words = {**{op: each.help for op, each in OPERATIONS.items()}, **OWN}
    return [(word, text) for word, text in words.items() if word.startswith(incomplete)]


def timeout_for(op: str) -> float:
    """How long to wait for the answer; an op that a newer device may know gets half a minute."""
    known = OPERATIONS.get(op)
    return (known.deadline_s if known is not None else 30.0) + SLACK_S
