"""A film of which the disk took a part only."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path

import av.error

from edged.capture.recording.boxes import whole_bytes
from edged.capture.recording.whole import duration_of
from edged.model.trying import part_of

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class FilmCut(OSError):
    """Its ``strerror`` says what stands; ``filename`` is what the whole film would be called."""

    def __init__(self, error: OSError | av.error.FFmpegError, output: Path, plays_s: float) -> None:
        """``plays_s`` of it are in its part; 0: there is none."""
        part = Path(part_of(str(output)))
        stands = f"; its first {plays_s:.1f} s play, in {part.name}" if plays_s else ""
        super().__init__(error.errno, f"{error.strerror}{stands}", str(output))
        self.plays_s = plays_s
        self.kept = part if plays_s else None
        """Where what stands is."""

    @property
    def is_for_lack_of_room(self) -> bool:
        """Else the disk is broken, or whatever it says."""
        return self.errno in NO_ROOM


def cut_to_what_plays(part: Path) -> float:
    """Take off what is not whole at the end of a film that was broken off; how many seconds are left.

    What does not play at all goes: 0. Nothing is raised.
    """
    plays_s = 0.0
    with contextlib.suppress(OSError, av.error.FFmpegError, IndexError):
        if part.suffix == ".mp4":  # players of Matroska do without
            with part.open("r+b") as file:
                file.truncate(whole_bytes(file))
        plays_s = duration_of(part)
    if not plays_s:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return plays_s
