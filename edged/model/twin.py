"""What is wanted of a device over MQTT, and what it says became of that (the rules 1-3 of the contract)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from edged.errors import Problem


class Phase(StrEnum):
    """What became of the last desired."""

    PREPARING = "preparing"
    """Its models are fetched and its algorithms proved, while what ran runs on."""
    TRIAL = "trial"
    """It runs, and is watched."""
    APPLIED = "applied"
    REJECTED = "rejected"
    """It never ran."""
    ROLLED_BACK = "rolled_back"
    """It ran, and what ran before runs again."""
    SUPERSEDED = "superseded"
    """A newer one came meanwhile."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a trial has to show before it is what the device starts from."""

    require: tuple[str, ...] = ("jobs",)
    """``jobs``, ``sources``."""
    stable_for_s: float = 0.0
    timeout_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Desired:
    """One ``…/desired``, its envelope checked and its spec not yet."""

    revision: int
    spec: Mapping[str, Any] = field(repr=False)
    digest: str
    """Of the spec as it was received: ``sha256:`` and 64 hex digits."""
    gate: Gate = field(default_factory=Gate)
    keep_local: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """How far a model is that a desired brings along."""

    received: int
    """Bytes."""
    total: int
    """Bytes; 0: not known."""
    error: str = ""
    """Why the last try failed; it is tried again."""


@dataclass(frozen=True, slots=True)
class Reported:
    """``…/reported``."""

    revision: int
    """Runs now; 0: the file's spec."""
    local: int
    """Patches on top of it."""
    boot: str
    since_ns: int
    """Wall time from which all this holds."""
    phase: Phase | None = None
    """None: there never was a desired."""
    desired_revision: int | None = None
    digest: str = ""
    """Of the last desired."""
    errors: tuple[Problem, ...] = ()
    """Their paths start at the spec's root."""
    highest_revision: int | None = None
    """Ever decided: a desired needs a higher one. Told where it is not the last desired."""
    progress: Mapping[str, Fetched] = field(default_factory=dict)
    """While models are fetched, by their names."""
