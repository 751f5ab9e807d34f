"""All that a source sends, in files of some minutes that begin at keyframes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from edged.capture.recording.failing import why
from edged.capture.recording.film import Film, open_film
from edged.capture.recording.kept import Kept
from edged.capture.recording.moment import wall_of
from edged.capture.recording.part_file import part_of
from edged.model.clock import rfc3339

_AGAIN_NS = 10_000_000_000
_MOST_OF_A_NAME = 9999


class Segments:
    """``say`` hears why nothing is recorded, and the empty text when all is again. Nothing is raised: what
    the disk refuses is tried again every 10 s.
    """

    def __init__(self, folder: Path, segment_s: float, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._segment_ns = int(segment_s * 1e9)
        self._say = say
        self._film: Film | None = None
        self._cut_ns = 0
        self._again_ns = 0
        self.lost = 0
        """Packets that the disk would not take."""

    @property
    def is_open(self) -> bool:
        return self._film is not None

    def take(self, kept: Kept) -> None:
        """The next packet."""
        if self._film is not None and self._ends_before(kept, self._film):
            self.cut()
        try:
            self._write(kept)
        except OSError as error:
            self._fail(error)
            self.lost += 1

    def cut(self) -> None:
        """What comes next, if anything does, goes into another file."""
        film, self._film = self._film, None
        if film is None:
            return
        try:
            film.finish()
        except OSError as error:
            film.abandon()
            self._fail(error)

    def sync_if_due(self, now_ns: int) -> None:
        """Have what was written outlive a power cut."""
        if self._film is None:
            return
        try:
            if self._film.sync_if_due(now_ns):
                self._say("")
        except OSError as error:
            self._fail(error)

    def _ends_before(self, kept: Kept, film: Film) -> bool:
        return kept.shape is not film.shape or (kept.keyframe and kept.at_ns >= self._cut_ns)

    def _write(self, kept: Kept) -> None:
        if self._film is None:
            if time.monotonic_ns() < self._again_ns:
                self.lost += 1
                return
            if not kept.keyframe:
                return
            self._film = self._begin(kept)
        self._film.write(kept)

    def _begin(self, kept: Kept) -> Film:
        wall_ns = wall_of(kept.at_ns)
        self._cut_ns = kept.at_ns + until_cut_ns(wall_ns, self._segment_ns)
        return open_film(free_path(self._folder, wall_ns, kept.shape.suffix), kept)

    def _fail(self, error: OSError) -> None:
        film, self._film = self._film, None
        self._again_ns = time.monotonic_ns() + _AGAIN_NS
        self._say(why(error))
        if film is not None:
            film.abandon()


def until_cut_ns(wall_ns: int, segment_ns: int) -> int:
    """From a moment to the next whole multiple of a segment on the wall clock: cameras are cut together."""
    return segment_ns - wall_ns % segment_ns


def free_path(folder: Path, wall_ns: int, suffix: str) -> Path:
    """``folder/2026-11-25/14-05-00.123Z.mp4``; with a number where the clock was set back."""
    day, _, clock = rfc3339(wall_ns).partition("T")
    name = clock.replace(":", "-")
    for number in range(2, _MOST_OF_A_NAME):
        path = folder / day / f"{name}{suffix}"
        if not path.exists() and not part_of(path).exists():
            return path
        name = f"{clock.replace(':', '-')}-{number}"
    return path
