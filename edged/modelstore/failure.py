"""Why a file could not be fetched, and whether trying again may help."""

from __future__ import annotations

from edged.errors import EdgedError


class FetchFailed(EdgedError):
    """One attempt failed. ``passing``: another may do well."""

    code = "source_failed"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        about: str = "url",
        passing: bool = False,
        wait_s: float = 0.0,
    ) -> None:
        super().__init__(message, code=code)
        self.about = about
        """``url`` or ``sha256``."""
        self.passing = passing
        self.wait_s = wait_s
        """Not before so many seconds."""
