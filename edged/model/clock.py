"""Wall-clock times as the contract writes them."""

from __future__ import annotations

import time


def rfc3339(wall_ns: int) -> str:
    """``time.time_ns()`` as ``2026-11-20T09:00:00.123Z``: RFC 3339, UTC, milliseconds (cut, not rounded)."""
    seconds, ns = divmod(wall_ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{ns // 1_000_000:03d}Z"
