"""The size of a picture that is made of a frame. Pure."""

from __future__ import annotations

_LEAST_PX = 2


def fit_within(width: int, height: int, limit: tuple[int, int] | None) -> tuple[int, int]:
    """Width and height in pixels: the shape of ``width`` x ``height``, no larger than ``limit``, never
    scaled up, and even, as 4:2:0 needs it.
    """
    scale = 1.0 if limit is None else min(1.0, limit[0] / width, limit[1] / height)
    return _even(width * scale), _even(height * scale)


def _even(size_px: float) -> int:
    return max(_LEAST_PX, int(size_px + 1e-6) // 2 * 2)
