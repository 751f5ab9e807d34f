"""User and password of a URL, as the header that HTTP sends them in."""

from __future__ import annotations

import base64
from urllib.parse import unquote, urlsplit, urlunsplit


def without_credentials(url: str) -> tuple[str, str]:
    """The URL without user and password, and these as the value of ``Authorization``; empty: there are none.

    Raises ValueError for what is no URL with a host.
    """
    parts = urlsplit(url)
    if not parts.hostname or parts.port == 0:
        raise ValueError("cannot be read as a URL; write https://host/path")
    if "@" not in parts.netloc:
        return url, ""
    plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return plain, basic(f"{unquote(parts.username or '')}:{unquote(parts.password or '')}")


def basic(pair: str) -> str:
    """``user:password`` (RFC 7617)."""
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
