"""What a capture that was killed left behind: finished, as far as it goes."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import av.error

from edged.capture.recording.boxes import whole_bytes
from edged.capture.recording.note import film_of, is_half_a_note, read_note, remove_note, write_note
from edged.capture.recording.part_file import part_of, whole_of
from edged.capture.recording.whole import duration_of, sha256_of
from edged.model.capturing import ClipReport

log = logging.getLogger("edged.capture")


def finish_leftovers(folder: Path) -> Iterator[ClipReport]:
    """Give the parts below the folder of a source, of which nobody writes any more, their names; those
    without a picture go. What there is to tell of clips that nobody has told of. Nothing is raised.
    """
    places: list[Path] = []
    with contextlib.suppress(OSError):
        places = [place for place in folder.iterdir() if place.is_dir() and not place.is_symlink()]
    for place in places:
        yield from _finish_in(place)


def _finish_in(place: Path) -> Iterator[ClipReport]:
    left: list[Path] = []
    with contextlib.suppress(OSError):
        left = [place / name for name in os.listdir(place) if name.startswith(".")]  # noqa: PTH208  # cheaper
    notes = [path for path in left if film_of(path) is not None and not path.is_symlink()]
    for note in notes:
        with contextlib.suppress(OSError):
            _mark_if_cut(note)
    for path in left:
        with contextlib.suppress(OSError):
            finish_part(path)
    for note in notes:
        with contextlib.suppress(OSError, av.error.FFmpegError):
            if (report := _told_by(note)) is not None:
                yield report


def _mark_if_cut(note: Path) -> None:
    """Before its part has its name: so it is known whenever it is told. Raises OSError."""
    film, report = film_of(note), read_note(note)
    if film is not None and report is not None and not report.cut and part_of(film).exists():
        write_note(replace(report, path=str(film), cut=True))


def _told_by(note: Path) -> ClipReport | None:
    """Of the clip, as it lies there now. Without one, or when it says nothing, the note goes."""
    film, report = film_of(note), read_note(note)
    if film is None or report is None or not film.exists():
        remove_note(note)
        return None
    return replace(
        report,
        id=0,
        path=str(film),
        bytes=film.stat().st_size,
        sha256=sha256_of(film),
        duration_s=duration_of(film),
    )


def finish_part(part: Path) -> bool:
    """Of a film that nobody writes any more. True: it has its name now. Raises OSError."""
    whole = whole_of(part)
    if part.name.endswith(".whole") or is_half_a_note(part):
        part.unlink()
        return False
    if whole is None or part.is_symlink() or whole.exists():
        return False
    _take_off_what_is_not_whole(part, whole)
    if not _plays(part):
        part.unlink()
        return False
    part.replace(whole)
    log.info("%s was not finished: it goes as far as it was written", whole)
    return True


def _take_off_what_is_not_whole(part: Path, whole: Path) -> None:
    """Players of Matroska do without."""
    if whole.suffix != ".mp4":
        return
    with part.open("r+b") as file:
        end = whole_bytes(file)
        if end < file.seek(0, os.SEEK_END):
            file.truncate(end)


def _plays(part: Path) -> bool:
    """Whether there is a packet in it."""
    try:
        with av.open(str(part), options={"protocol_whitelist": "file"}) as container:
            return any(packet.size for packet in container.demux(video=0))
    except (av.error.FFmpegError, OSError, IndexError):
        return False
