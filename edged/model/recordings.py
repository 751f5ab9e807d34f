"""What lies below the folder of recordings, by its names; and how much of it is kept. Pure.

::

    <source>/2026-11-25/14-05-00.123Z.mp4                  a segment of what is recorded without end
    <source>/clips/2026-11-25T14-05-00.123Z-people-7f3a.mp4  a clip: the moment, the job, four of the boot

While a file is written it has another name, which ends in ``.part``; in ``.whole`` while its index is put in
front. Beside a clip lies a ``.note`` until it was told of.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from edged.model.clock import rfc3339

CLIPS = "clips"
"""The folder, below that of the source."""
COMMAND = "command"
"""In place of a job in the name of a clip that a command asked for."""
_SOURCE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = r"(\d\d-\d\d-\d\d\.\d{3})Z"
_SEGMENT = re.compile(rf"{_TIME}(?:-\d{{1,4}})?\.(?:mp4|mkv)")
_CLIP = re.compile(rf"(\d{{4}}-\d\d-\d\d)T{_TIME}-([A-Za-z0-9_-]{{1,64}})-[0-9a-f]{{4}}\.(?:mp4|mkv)")
_PART = re.compile(r"\.?(.+?\.(?:mp4|mkv))\.(?:part|whole)")


class RecordingKind(StrEnum):
    CLIP = "clip"
    SEGMENT = "segment"


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """One file of a source."""

    path: str
    """Below the folder of recordings, with ``/``."""
    source: str
    kind: RecordingKind
    start_ns: int
    """Wall time, by its name: of its beginning, or of a clip the moment that it is about."""
    bytes: int
    changed_ns: int
    """Wall time at which it was last written to."""
    job: str = ""
    """Of a clip: of whose event it is, or `COMMAND`."""
    is_open: bool = False
    """It is being written, or was left behind by a process that was killed."""


@dataclass(frozen=True, slots=True)
class SourceKeeping:
    """How much is kept of one source; None: as of all."""

    max_mb: int | None = None
    max_days: float | None = None


@dataclass(frozen=True, slots=True)
class Keeping:
    """How much is kept, and where."""

    folder: str = ""
    """Absolute; empty: nothing is recorded."""
    max_mb: int = 4096
    max_days: float = 30.0
    sources: Mapping[str, SourceKeeping] = field(default_factory=dict)
    """Those with limits of their own."""


def clip_name(moment_wall_ns: int, job: str, boot: str) -> str:
    """The file of a clip, without its folder. ``boot`` makes it another after a clock was set back."""
    when = rfc3339(moment_wall_ns).replace(":", "-")
    return f"{when}-{job or COMMAND}-{boot[:4]}.mp4"


def note_of(film: Path) -> Path:
    """The name of the note beside a clip."""
    return film.with_name(f".{film.name}.note")


def is_source_folder(name: str) -> bool:
    return _SOURCE.fullmatch(name) is not None


def is_below_source(name: str) -> bool:
    """Whether a folder in that of a source is one of ours: a day, or the clips."""
    return name == CLIPS or _DATE.fullmatch(name) is not None


def recognise(source: str, folder: str, name: str, size_bytes: int, changed_ns: int) -> RecordedFile | None:
    """The file ``source/folder/name``; None: it is none of ours."""
    part = _PART.fullmatch(name)
    final = part[1] if part is not None else name
    kind, job = RecordingKind.SEGMENT, ""
    if folder == CLIPS:
        found = _CLIP.fullmatch(final)
        kind = RecordingKind.CLIP
        when = (found[1], found[2]) if found is not None else None
        job = found[3] if found is not None else ""
    else:
        found = _SEGMENT.fullmatch(final)
        when = (folder, found[1]) if found is not None else None
    start_ns = _wall_ns(*when) if when is not None else None
    if start_ns is None:
        return None
    path = f"{source}/{folder}/{name}"
    return RecordedFile(path, source, kind, start_ns, size_bytes, changed_ns, job, part is not None)


def _wall_ns(date: str, time: str) -> int | None:
    numbers = map(int, (*date.split("-"), *time[:8].split("-")))
    try:
        whole_s = int(datetime(*numbers, tzinfo=UTC).timestamp())  # type: ignore[misc, arg-type]
    except ValueError:
        return None
    return (whole_s * 1000 + int(time[9:])) * 1_000_000
