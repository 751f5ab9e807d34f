"""What a clip is about, in a file beside it until main has told of it: so the clip of a capture, or of a
daemon, that did not live to report it is told of all the same, by the next.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from edged.capture.recording.part_file import PartFile, sync_folder
from edged.model.capturing import ClipReport
from edged.model.recordings import CLIPS, note_of, recognise
from edged.supervise.wire import Decoder, encode

_DECODER = Decoder((ClipReport,))
_MOST_BYTES = 4096
_NEW = ".new"


def film_of(note: Path) -> Path | None:
    """The clip that a note is about; None: it is no note."""
    name = note.name
    return note.with_name(name[1:-5]) if name.startswith(".") and name.endswith(".note") else None


def write_note(report: ClipReport) -> None:
    """As far as the report is known; it outlives a power cut. Raises OSError."""
    film = Path(report.path)
    film.parent.mkdir(parents=True, exist_ok=True)
    note = note_of(film)
    new = note.with_name(note.name + _NEW)
    with contextlib.closing(PartFile(new)) as file:
        file.write(encode(report))
        file.sync()
    new.replace(note)
    sync_folder(note.parent)


def read_note(note: Path) -> ClipReport | None:
    """None: it says nothing, or of another job than the name of its clip does. Raises OSError."""
    film = film_of(note)
    with note.open("rb") as file:
        content = file.read(_MOST_BYTES)
    try:
        report = _DECODER.decode(content)
    except (ValueError, KeyError, TypeError):
        return None
    if film is None or not isinstance(report, ClipReport) or report.cause is None:
        return None
    named = recognise("", CLIPS, film.name, 0, 0)
    return report if named is not None and named.job == report.cause.job else None


def is_half_a_note(path: Path) -> bool:
    """Whoever wrote it was killed meanwhile."""
    return path.name.startswith(".") and path.name.endswith(f".note{_NEW}")


def remove_note(note: Path) -> None:
    """Harmless where there is none. A disk that refuses keeps it, and its clip is told of once more."""
    with contextlib.suppress(OSError):
        note.unlink()
