"""What the overlay becomes when a command patches what runs: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edged.control.commands.request import CommandFailed
from edged.model.patching import apply_ops, check_bounds, compose, difference
from edged.model.patching import merge as merged


def overlay_after(
    overlay: Mapping[str, Any],
    base: Mapping[str, Any],
    *,
    merge: Mapping[str, Any] | None,
    ops: Sequence[Any] | None,
) -> dict[str, Any]:
    """The overlay on ``base`` with one more patch: RFC 7396, or RFC 6902 with paths from the spec's root.

    Raises `CommandFailed` (``invalid``, ``too_large``) for one that cannot be done, or kept.
    """
    if (merge is None) == (ops is None):
        raise CommandFailed("invalid", "give either spec (a merge patch) or ops (RFC 6902)")
    try:
        if merge is not None:
            found = _with_merge(overlay, base, merge)
        else:
            found = _mapping(difference(base, apply_ops(merged(base, overlay), ops or ())))
    except ValueError as error:
        raise CommandFailed("invalid", str(error)) from None
    try:
        check_bounds(found)
    except ValueError as error:
        message = f"all local patches together: {error}; send the whole spec as a desired instead"
        raise CommandFailed("too_large", message) from None
    return found


def _with_merge(
    overlay: Mapping[str, Any], base: Mapping[str, Any], patch: Mapping[str, Any]
) -> dict[str, Any]:
    """Two patches as one; where no two are one, by what they come to on this base."""
    try:
        return _mapping(compose(overlay, patch))
    except ValueError:
        return _mapping(difference(base, merged(merged(base, overlay), patch)))


def _mapping(patch: Any) -> dict[str, Any]:
    if not isinstance(patch, dict):
        raise ValueError("a spec is a mapping with the keys sources and jobs")
    return patch
