"""What an analysis asks of whatever takes its results."""

from __future__ import annotations

from typing import Protocol

from edged.model.analyzing import VideoFile
from edged.offline.journal import Done
from edged.offline.sinks.piece import Piece
from edged.offline.sinks.tail import Tail


class Sink(Protocol):
    """Takes the results of one video after the other. All of it may raise OSError."""

    def prepare(self) -> bool:
        """Before anything is read; changes nothing. Whether all begins anew: then `clear` comes before the
        first `begin`. Raises `EdgedError` with the mend where nothing can be written.
        """

    def clear(self) -> None:
        """The jobs are loaded: what is old goes now. Raises `EdgedError` with the mend."""

    def begin(self, video: VideoFile) -> Tail | Done:
        """Its results come next. What is there of it already; `Done`: all of it, and none are to come."""

    def begin_again(self) -> None:
        """What is there of the video is not gone on with: begin it anew."""

    def write(self, piece: Piece) -> None:
        """One more result or event of it."""

    def end(self, done: Done) -> None:
        """All results of the video came; ``done.end`` is not looked at."""

    def finish(self, *, all_done: bool) -> None:
        """Nothing more comes. ``all_done``: and nothing is left to go on with."""
