"""A clip while it is written."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edged.capture.recording.failing import why
from edged.capture.recording.film import Film, open_film
from edged.capture.recording.kept import Kept
from edged.capture.recording.moment import wall_of
from edged.capture.recording.note import remove_note, write_note
from edged.capture.recording.part_file import part_of, sync_folder
from edged.capture.recording.whole import rewrite, sha256_of
from edged.model.capturing import ClipReport, ClipRequest
from edged.model.recordings import note_of

_MOST_LATE_NS = 1_000_000_000
"""How long at most a clip waits for pictures that are shown before one that it has."""


def the_run(backlog: Sequence[Kept], at_ns: int) -> tuple[Sequence[Kept], bool]:
    """Of what is kept: the packets of one shape that are about this moment; and whether others follow."""
    if not backlog:
        return (), False
    shape = next((kept.shape for kept in reversed(backlog) if kept.at_ns <= at_ns), backlog[0].shape)
    run = tuple(kept for kept in backlog if kept.shape is shape)
    return run, backlog[-1].shape is not shape


class Clip:
    """Takes packets until it is over; then `finish` makes a file of it. All wait for the disk."""

    def __init__(self, request: ClipRequest) -> None:
        self.request = request
        self.is_over = False
        self._film: Film | None = None
        self._known = ClipReport(request.id, cause=request.cause)
        """What there is to report so far."""
        self._failure = ""

    @property
    def end_ns(self) -> int:
        return self.request.at_ns + int(self.request.after_s * 1e9)

    def prolong(self, request: ClipRequest) -> None:
        """The same one, longer."""
        self.request = request
        self._known = replace(self._known, cause=request.cause)
        if self._film is not None and request.cause is not None:
            with contextlib.suppress(OSError):  # what stands there is true, too
                write_note(self._known)

    def begin(self, backlog: Sequence[Kept]) -> None:
        """With what was kept of the time before."""
        run, broke_off = the_run(backlog, self.request.at_ns)
        for kept in run:
            self.take(kept)
        self.is_over = self.is_over or broke_off

    def take(self, kept: Kept) -> None:
        """The next packet; no harm when it is over."""
        if self.is_over:
            return
        if self._ends_before(kept):
            self.is_over = True
            return
        try:
            self._write(kept)
        except OSError as error:
            self.is_over = True
            self._failure = f"{self.request.path} cannot be written: {why(error)}"

    def finish(self) -> ClipReport:
        """It is over, for whatever reason: what became of it."""
        self.is_over = True
        film = self._film
        if film is None:
            reason = self._failure or "no keyframe came in its time: ask for more seconds before"
            return self._failed(reason, "internal" if self._failure else "source_failed")
        if not self._failure:
            try:
                return self._finished(film)
            except OSError as error:
                self._failure = f"{film.path} cannot be written: {why(error)}"
        film.abandon()
        return self._failed(self._failure, "internal")

    def sync_if_due(self, now_ns: int) -> None:
        """Have what was written outlive a power cut."""
        if self._film is None or self.is_over:
            return
        try:
            self._film.sync_if_due(now_ns)
        except OSError as error:
            self.is_over = True
            self._failure = f"{self.request.path} cannot be written: {why(error)}"

    def _ends_before(self, kept: Kept) -> bool:
        film = self._film
        if film is not None and kept.shape is not film.shape:
            return True
        late_ns = kept.at_ns - self.end_ns
        return late_ns > 0 and (film is None or late_ns > _MOST_LATE_NS or not film.lacks(kept))

    def _write(self, kept: Kept) -> None:
        if self._film is None:
            if not kept.keyframe:
                return
            self._film = self._open(kept)
        self._film.write(kept)

    def _open(self, first: Kept) -> Film:
        """And before it a note, so that there never is a film without."""
        path = Path(self.request.path).with_suffix(first.shape.suffix)
        self._known = replace(
            self._known,
            path=str(path),
            start_wall_ns=wall_of(first.at_ns),
            before_s=max(self.request.at_ns - first.at_ns, 0) / 1e9,
            codec=first.shape.codec,
        )
        if self._known.cause is not None:
            write_note(self._known)
        return open_film(path, first)

    def _finished(self, film: Film) -> ClipReport:
        film.end()
        _put_index_in_front(film)
        film.put_in_place()
        return replace(
            self._known,
            bytes=film.path.stat().st_size,
            sha256=sha256_of(film.path),
            duration_s=film.duration_s,
        )

    def _failed(self, error: str, code: str) -> ClipReport:
        if self._known.path and self._known.cause is not None:
            remove_note(note_of(Path(self._known.path)))
        return ClipReport(self.request.id, code, error, cause=self.request.cause)


def _put_index_in_front(film: Film) -> None:
    """Where there is no room for a second copy, the fragments stay as they are: they play, too."""
    if film.path.suffix != ".mp4":
        return
    part = part_of(film.path)
    whole = part.with_suffix(".whole")
    try:
        rewrite(part, whole, film.packets, film.shape.codec)
        whole.replace(part)
        sync_folder(part.parent)
    except OSError:
        with contextlib.suppress(OSError):
            whole.unlink()
