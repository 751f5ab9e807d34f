"""What every topic may begin with: one rule for the file's reader and for whoever builds topics."""

from __future__ import annotations

import re

_LEVEL = re.compile(r"[^\x00-\x1f\x7f+#/$@][^\x00-\x1f\x7f+#/]*")
_MAX_BYTES = 256
DEFAULT_PREFIX = "edged/v1"


def check_prefix(prefix: str) -> str:
    """The prefix, when topics can be built on it. Raises ValueError that says what would be right."""
    if len(prefix.encode("utf-8", "surrogatepass")) > _MAX_BYTES:
        raise ValueError(f"is longer than {_MAX_BYTES} bytes; a short one such as {DEFAULT_PREFIX} is right")
    if not all(_LEVEL.fullmatch(level) for level in prefix.split("/")):
        raise ValueError(
            'should be levels joined by "/", without + # or control characters, '
            f"none of them empty or with a leading $ or @, for example {DEFAULT_PREFIX}"
        )
    return prefix
