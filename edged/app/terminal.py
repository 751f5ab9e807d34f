"""How commands print tables: for people on a terminal, and whole lines for everybody else."""

from __future__ import annotations

import sys

from rich.console import Console

_NO_TERMINAL_WIDTH = 400
"""So that nothing is wrapped or cut in a pipe."""


def console() -> Console:
    """Standard output; colours only on a terminal and without NO_COLOR."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _NO_TERMINAL_WIDTH)
