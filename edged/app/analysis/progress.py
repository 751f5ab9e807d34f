"""How far `edged analyze` is: bars on a terminal, plain lines now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import typer

from edged.app.analysis.pace import Pace, clock_time
from edged.model.analyzing import VideoBegan, VideoEnded, VideoFile, VideoProgress

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_SAY_EVERY_S = 5.0


class Show(Protocol):
    """Told of what happens."""

    def began(self, began: VideoBegan) -> None: ...
    def progress(self, progress: VideoProgress) -> None: ...
    def ended(self, ended: VideoEnded) -> None: ...
    def say(self, line: str) -> None:
        """A line that stays."""


@contextmanager
def progress_of(videos: Sequence[VideoFile], *, quiet: bool, results_are_shown: bool) -> Iterator[Show]:
    """On standard error. ``results_are_shown``: on the same terminal, where a bar would be in their way."""
    if quiet or results_are_shown:
        yield Silent()
    elif sys.stderr.isatty():
        with _bars() as bars:
            yield Bars(videos, bars)
    else:
        yield Lines(videos)


class Silent:
    """Says only what stays."""

    def began(self, began: VideoBegan) -> None: ...
    def progress(self, progress: VideoProgress) -> None: ...
    def ended(self, ended: VideoEnded) -> None: ...
    def say(self, line: str) -> None:
        typer.echo(line, err=True)


class Lines:
    """A line every few seconds."""

    def __init__(self, videos: Sequence[VideoFile]) -> None:
        self._videos = videos
        self._pace = Pace()
        self._begun_s = self._said_s = time.monotonic()

    def began(self, began: VideoBegan) -> None:
        self._pace = Pace()

    def progress(self, progress: VideoProgress) -> None:
        now_s = time.monotonic()
        self._pace.duration_us = progress.duration_us
        self._pace.note(now_s, progress.frames, progress.at_us)
        if now_s - self._said_s >= _SAY_EVERY_S:
            self._said_s = now_s
            video = self._videos[progress.place].name
            of = f" ({progress.place + 1} of {len(self._videos)})" if len(self._videos) > 1 else ""
            parts = ", ".join(told(self._pace, progress))
            self.say(f"{now_s - self._begun_s:.0f} s: {video}{of}: {parts}")

    def ended(self, ended: VideoEnded) -> None: ...

    def say(self, line: str) -> None:
        typer.echo(line, err=True)


class Bars:
    """One bar for the video, and one for all of them where there are several."""

    def __init__(self, videos: Sequence[VideoFile], bars: Progress) -> None:
        self._videos = videos
        self._bars = bars
        self._pace = Pace()
        self._results = 0
        many = len(videos) > 1
        self._all: TaskID | None = bars.add_task("all", total=len(videos), told="") if many else None
        self._one = bars.add_task("loading", total=None, told="")

    def began(self, began: VideoBegan) -> None:
        self._pace = Pace()
        name = self._videos[began.place].name.rpartition("/")[2]
        self._bars.reset(self._one, total=None, description=name, told="")
        self._show_all(began.place)

    def progress(self, progress: VideoProgress) -> None:
        pace = self._pace
        pace.duration_us = progress.duration_us
        pace.note(time.monotonic(), progress.frames, progress.at_us)
        text = " ".join(told(pace, progress))
        total = 1.0 if pace.share is not None else None
        self._bars.update(self._one, total=total, completed=pace.share or 0.0, told=text)
        self._show_all(progress.place + (pace.share or 0.0), progress.results)

    def ended(self, ended: VideoEnded) -> None:
        self._results += ended.results
        self._show_all(ended.place + 1)

    def say(self, line: str) -> None:
        from rich.text import Text

        self._bars.console.print(Text(line), soft_wrap=True)

    def _show_all(self, completed: float, results: int = 0) -> None:
        if self._all is not None:
            done = f"{int(completed)} of {len(self._videos)} videos, {self._results + results} results"
            self._bars.update(self._all, completed=completed, told=done)


def told(pace: Pace, progress: VideoProgress) -> Iterator[str]:
    """Where it is, how fast, what it found, and how long it will take or what it waits for."""
    of = f" of {clock_time(pace.duration_us / 1e6)}" if pace.duration_us else ""
    yield clock_time(progress.at_us / 1e6) + of
    yield f"{pace.frames_per_s:.0f} frames/s"
    yield f"{pace.times_realtime:.1f}x"
    yield f"{progress.results} results"
    if progress.waits_for:
        yield f"waits for job {progress.waits_for}, {progress.waits_s:.0f} s"
    elif pace.left_s is not None:
        yield f"{clock_time(pace.left_s)} left"


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(20),
        TextColumn("{task.fields[told]}"),
    )
    return Progress(*columns, console=Console(stderr=True, highlight=False), transient=True)
