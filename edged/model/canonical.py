"""JSON in its one canonical form (RFC 8785), and the digest by which a spec is known."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785


def canonical(value: Any) -> bytes:
    """``value`` as RFC 8785 writes it: sorted keys, no spaces, numbers as JavaScript does.

    Raises ValueError for what it cannot hold: NaN, infinities, whole numbers beyond ±(2^53 - 1), lone
    surrogates, keys that are no text, values that are not JSON, or any nested hundreds of levels deep.
    """
    try:
        return rfc8785.dumps(value)
    except ValueError:
        raise
    except RecursionError:
        raise ValueError("is nested too deep to be canonical JSON") from None
    except (TypeError, AttributeError):
        raise ValueError("holds what JSON cannot") from None


def digest(value: Any) -> str:
    """``sha256:`` and the 64 hex digits of the canonical form's SHA-256. Raises as `canonical` does."""
    return f"sha256:{hashlib.sha256(canonical(value)).hexdigest()}"
