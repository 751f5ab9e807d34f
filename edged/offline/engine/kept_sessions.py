"""Models that stay loaded between videos."""

from __future__ import annotations

from pathlib import Path

from edged.algorithm.runtime import OnBuild
from edged.algorithm.session import Session, Sessions
from edged.model.messages import Library


class KeptSessions(Sessions):
    """Whatever was asked for stays, until nobody has these sessions any more."""

    kept: set[Session]

    @classmethod
    def of(cls, library: Library, threads: int, on_build: OnBuild) -> KeptSessions:
        """``threads`` of one run."""
        cache = Path(library.cache) if library.cache else None
        made = cls([Path(folder) for folder in library.models], threads, cache=cache, on_build=on_build)
        made.kept = set()
        return made

    def get(self, name: str, *, provider: str = "auto", threads: int | None = None) -> Session:
        session = super().get(name, provider=provider, threads=threads)
        self.kept.add(session)
        return session
