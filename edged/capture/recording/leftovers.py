"""What a capture that was killed left behind: finished, as far as it goes."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

import av
import av.error

from edged.capture.recording.boxes import whole_bytes
from edged.capture.recording.part_file import whole_of

log = logging.getLogger("edged.capture")


def finish_leftovers(folder: Path) -> int:
    """Give the parts below the folder of a source, of which nobody writes any more, their names; those
    without a picture go. How many have a name now. Nothing is raised.
    """
    finished = 0
    with contextlib.suppress(OSError):
        for place in folder.iterdir():
            finished += _finish_in(place) if place.is_dir() and not place.is_symlink() else 0
    return finished


def _finish_in(place: Path) -> int:
    finished = 0
    with contextlib.suppress(OSError):
        for name in [name for name in os.listdir(place) if name.startswith(".")]:  # noqa: PTH208  # cheaper
            finished += finish_part(place / name)
    return finished


def finish_part(part: Path) -> bool:
    """Of a film that nobody writes any more. True: it has its name now. Raises OSError."""
    whole = whole_of(part)
    if part.name.endswith(".whole"):
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
