"""What is asked of the process that fetches a model file, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model that a spec brings along: whence, and where it lies once it is on this device."""

    name: str
    """As jobs name it: ``people.onnx``."""
    url: str = field(repr=False)
    """http(s), with secrets resolved and without user and password: never log it; log `shown`."""
    shown: str
    """The URL for people."""
    sha256: str
    """64 lower-case hex digits; empty: whatever comes is taken (``edged models pull`` alone)."""
    path: str
    """Absolute; where the file lies, or will."""
    authorization: str = field(default="", repr=False)
    """The value of that header; for the URL's own host alone, never for one it leads on to."""
    kept_mb: float = 0.0
    """Megabytes that something else may still come to need of the same disk: they stay free."""

    def is_same_file(self, other: ModelFile | None) -> bool:
        """By content and place, whatever the URL."""
        return other is not None and self.path == other.path


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """One attempt to have a file where it should lie."""

    model: ModelFile
    partial: str
    """Absolute; what has come so far. A later attempt goes on with it."""
    folders: tuple[str, ...] = ()
    """Where a file of the same name may lie that is the one already: then it is copied."""
    silence_s: float = 30.0
    """A server that says nothing for so long is left."""


class FetchState(StrEnum):
    COMING = "coming"
    THERE = "there"
    """Verified, and where it should lie."""
    BROKEN = "broken"
    """Trying again may help."""
    REFUSED = "refused"
    """Trying again would not."""


@dataclass(frozen=True, slots=True)
class FetchReport:
    """How an attempt goes, several times a second; the last one is not `COMING`."""

    state: FetchState
    received: int = 0
    """Bytes that are here, those of earlier attempts included."""
    total: int = 0
    """Bytes of the whole file; 0: not known."""
    sha256: str = ""
    """Of the file that is there."""
    source: str = ""
    """The folder whence it was copied; empty: it was downloaded, or was there."""
    code: str = ""
    error: str = ""
    about: str = ""
    """The key of the model that is to blame: ``url`` or ``sha256``."""
    wait_s: float = 0.0
    """The server asks to be left alone for so long."""
    again_ns: int = 0
    """On the monotonic clock: when main has it tried again; 0: now, or never."""

    @property
    def is_mismatch(self) -> bool:
        """The whole file came, and it was another one."""
        return self.state is FetchState.BROKEN and self.about == "sha256"
