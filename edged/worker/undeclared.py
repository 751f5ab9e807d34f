"""Events that an algorithm sends and has not declared: they go out like all others, and the log says so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from edged.algorithm.base import Algorithm
from edged.algorithm.declared import declared_by

_MOST_TOLD = 64
"""Types in one process; of more nobody would read."""

_log = logging.getLogger(__name__)

Emit = Callable[[str, dict[str, Any]], None]


class DeclaredEmit:
    """The ``emit`` of one algorithm that declares what it sends."""

    def __init__(self, name: str, emit: Emit, told: set[tuple[str, str]]) -> None:
        """``told`` is shared by all of a process: of each algorithm and type it is said once."""
        self._name = name
        self._emit = emit
        self._told = told
        self._types: frozenset[str] | None = None

    def hold_to(self, algorithm: Algorithm) -> None:
        """From now on say so of what it has not declared; before, it did not exist yet."""
        try:
            self._types = declared_by(algorithm)
        except Exception as error:  # noqa: BLE001 — somebody else's `may_send`, and nothing hangs on it
            _log.debug("%s: nobody knows what it sends: %s", self._name, type(error).__name__)

    def __call__(self, kind: str, fields: dict[str, Any]) -> None:
        if self._types is not None and kind not in self._types:
            self._tell(kind)
        self._emit(kind, fields)

    def _tell(self, kind: str) -> None:
        key = (self._name, kind)
        if key not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(key)
            _log.warning(
                "%s sends the event %s, which it does not declare: add it to its `sends`, or nobody can"
                " record it",
                self._name,
                kind,
            )
