"""The live view of `edged run` on a terminal: a header, one line per source, job and output.

While it is open a standard error that was the terminal is a pipe that the view reads, so that log lines
(also those of children and of C libraries) scroll past above the view instead of tearing it. No thread:
whoever owns the loop calls `show` about twice a second and `relay` when `fileno` is readable.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edged.app.terminal import Screen
from edged.model.capturing import SourceState
from edged.model.messages import JobState
from edged.model.overview import JobLine, OutputLine, Overview, SourceLine

REFRESH_S = 0.5
_STDERR = 2
_RELAY_LIMIT = 64 * 1024
WIDE = 110
_SOURCE_COLUMNS = ("source", "state", "fps", "picture", "decoded", "copied", "dropped", "last frame", "")
_JOB_COLUMNS = ("job", "state", "runs/s", "p50 ms", "p95 ms", "runs", "missed", "sees", "")
_OUTPUT_COLUMNS = ("output", "state", "viewers", "fps", "picture", "encoder", "")
_WIDE_ONLY = {"decoded", "copied", "runs", "encoder"}
_COLORS = {
    "running": "green",
    "live": "green",
    "idle": "blue",
    "starting": "cyan",
    "retrying": "yellow",
    "paused": "blue",
    "ended": "blue",
    "failed": "red",
    "connected": "green",
    "connecting": "cyan",
    "refused": "red",
}


def wants_live_view(stream: TextIO) -> bool:
    """Whether a person watches ``stream``: a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


class LiveView:
    """Shows one `Overview` after another in place. A context manager: standard error is its own
    from ``with`` to the end, then is put back and what was still in the pipe is printed.

    A terminal that was closed is no error here: SIGHUP tells of it, and whoever owns the loop decides.

    The pipe holds 64 KiB and refuses more (whoever logs then loses its newest lines, not its time).
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=Screen.of(sys.stdout), highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, redirect_stderr=False, transient=False)
        self._read_fd = -1
        self._saved_stderr = -1
        self._partial = b""

    def __enter__(self) -> LiveView:
        self._read_fd, write_fd = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._saved_stderr = os.dup(_STDERR)
        if os.isatty(_STDERR):  # a redirected one disturbs nobody
            os.dup2(write_fd, _STDERR)
        os.close(write_fd)
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.dup2(self._saved_stderr, _STDERR)
        os.close(self._saved_stderr)
        self.relay()
        self._print(self._partial)
        with suppress(OSError):
            self._live.stop()
        os.close(self._read_fd)

    def fileno(self) -> int:
        """Readable when somebody wrote to standard error."""
        return self._read_fd

    def relay(self) -> None:
        """Print above the view what came on standard error, whole lines only. Never blocks."""
        with suppress(BlockingIOError):
            *lines, self._partial = (self._partial + os.read(self._read_fd, _RELAY_LIMIT)).split(b"\n")
            for line in lines:
                self._print(line)

    def show(self, overview: Overview) -> None:
        """Put ``overview`` in the place of the one before it."""
        with suppress(OSError):
            self._live.update(render(overview, self._console.width), refresh=True)

    def _print(self, line: bytes) -> None:
        if line:
            with suppress(OSError):
                self._console.print(Text(line.decode(errors="replace")))


def render(overview: Overview, width: int) -> RenderableType:
    """The view as rich draws it. Below ``WIDE`` columns the counters that matter least are left out."""
    parts: list[RenderableType] = [
        _header(overview),
        _table(_SOURCE_COLUMNS, (_source_cells(line) for line in overview.sources), width),
        *_errors(overview.sources),
        _table(_JOB_COLUMNS, (_job_cells(line) for line in overview.jobs), width),
        *_errors(overview.jobs),
    ]
    if overview.outputs:
        cells = (_output_cells(line) for line in overview.outputs)
        parts += [_table(_OUTPUT_COLUMNS, cells, width), *_errors(overview.outputs)]
    if overview.notice:
        parts.append(Text(overview.notice, style="yellow"))
    return Group(*parts)


def _header(overview: Overview) -> Text:
    state = overview.broker_state
    return Text.assemble(
        ("edged ", "bold"),
        (overview.device, "bold cyan"),
        f"  up {duration(overview.uptime_s)}  {overview.broker_url} ",
        (state, _COLORS.get(state, "yellow")),
        f"  {overview.published} published",
        no_wrap=True,
        overflow="ellipsis",
    )


def _source_cells(line: SourceLine) -> Iterator[Text]:
    yield Text(line.name)
    yield _state(line.state)
    yield Text(f"{line.fps:.1f}" if line.fps else "")
    yield Text(f"{line.width}x{line.height} {line.codec}" if line.width else "")
    yield Text(str(line.decoded))
    yield Text(str(line.copied))
    yield _count(line.dropped)
    yield Text("" if line.last_frame_age_s is None else f"{age(line.last_frame_age_s)} ago")
    yield _remark(line.url)


def _job_cells(line: JobLine) -> Iterator[Text]:
    yield Text(line.name)
    yield _state(line.state)
    yield Text(f"{line.rate:.1f}")
    yield Text(f"{line.p50_ms:.1f}")
    yield Text(f"{line.p95_ms:.1f}")
    yield Text(str(line.runs))
    yield _count(line.skipped)
    yield Text(str(line.detections))
    yield _remark(" → ".join(line.algorithms))


def _output_cells(line: OutputLine) -> Iterator[Text]:
    yield Text(line.name)
    yield Text(line.state, style=_COLORS.get(line.state, ""))
    yield Text(str(line.viewers))
    yield Text(f"{line.fps:.1f}" if line.fps else "")
    yield Text(f"{line.size[0]}x{line.size[1]}" if line.size else "")
    yield Text(line.encoder)
    yield _remark(line.url)


def _table(columns: tuple[str, ...], rows: Iterable[Iterable[Text]], width: int) -> Table:
    """The first two columns and the last are text, the others numbers; only the last gives way."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    shown = [place for place, header in enumerate(columns) if width >= WIDE or header not in _WIDE_ONLY]
    for place in shown:
        is_last = place == len(columns) - 1
        is_number = place >= 2 and not is_last
        table.add_column(columns[place], justify="right" if is_number else "left", no_wrap=not is_last)
    for row in rows:
        cells = list(row)
        table.add_row(*(cells[place] for place in shown))
    return table


def _errors(lines: Iterable[SourceLine | JobLine | OutputLine]) -> Iterator[Text]:
    """Below the table, where an error can be read to its end."""
    return (Text(f"  {line.name}: {line.error}{_again(line)}", style="red") for line in lines if line.error)


def _again(line: SourceLine | JobLine | OutputLine) -> str:
    return "" if line.again_s is None else f"; again in {age(line.again_s)}"


def _state(state: SourceState | JobState) -> Text:
    return Text(state.value, style=_COLORS.get(state.value, ""))


def _remark(text: str) -> Text:
    return Text(text, style="dim", no_wrap=True, overflow="ellipsis")


def _count(number: int) -> Text:
    return Text(str(number), style="yellow" if number else "dim")


def duration(seconds: float) -> str:
    """``3d 4h``, ``2h 5m``, ``7m 12s`` or ``9s``."""
    whole = int(seconds)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes}m"
    return f"{minutes}m {whole % 60}s" if minutes else f"{whole}s"


def age(seconds: float) -> str:
    """``40 ms``, ``2.1 s``, then as `duration`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)
