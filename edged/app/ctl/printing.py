"""What `edged ctl` prints: answers on standard output, the rest on standard error; colours on a terminal."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

from edged.app.ctl.applying import Standing
from edged.app.ctl.asking import Reply
from edged.app.ctl.changes import Change
from edged.app.ctl.wording import (
    Piece,
    Place,
    answer_line,
    change_line,
    clean,
    news_line,
    problem_lines,
    recording_lines,
)
from edged.model.clock import rfc3339

_HANGING = 14
"""Columns: as wide as the time and what follows it."""


class Printer:
    """Whole lines, each written at once, so that whoever reads a pipe sees them as they come."""

    def __init__(self, out: TextIO, err: TextIO, *, as_json: bool) -> None:
        self._out = out
        self._err = err
        self._as_json = as_json

    def say(self, text: str) -> None:
        """Progress."""
        self._write(self._err, clean(text))

    def answer(self, reply: Reply) -> None:
        """That of the one device that was asked: its data, or what is wrong."""
        if self._as_json:
            self._write(self._out, _line(reply.content))
        elif not reply.ok:
            self._failure(f"{reply.device}: {reply.code}", reply.message, _errors(reply.data))
        elif isinstance(reply.data, Mapping) and isinstance(reply.data.get("recordings"), list):
            self._recordings(reply.data)
        elif reply.data:
            if reply.message:
                self.say(reply.message)
            self._write(self._out, _clean_lines(json.dumps(reply.data, indent=2, ensure_ascii=False)))
        else:
            self._write(self._out, clean(reply.message) or "ok")

    def one_of_many(self, reply: Reply) -> None:
        """A line for each device."""
        if self._as_json:
            self._write(self._out, _line({"device": reply.device, **reply.content}))
        else:
            code = "" if reply.ok else reply.code
            self._pieces(answer_line(reply.device, code, reply.message, reply.data))

    def standing(self, device: str, standing: Standing) -> int:
        """What became of a desired; the exit code."""
        if self._as_json:
            self._write(self._out, _line(standing.content))
        elif not standing.is_applied:
            self._failure(f"{device}: {standing.phase}", "", standing.content.get("errors"))
        else:
            self._write(self._out, f"{device} runs revision {standing.content.get('revision')}")
        return 0 if standing.is_applied else 1

    def news(self, *, with_device: bool) -> Callable[[Place, dict[str, Any], bytes], None]:
        """For results and events."""

        def show(place: Place, content: dict[str, Any], payload: bytes) -> None:
            if self._as_json:
                self._write(self._out, payload.decode("utf-8", "replace").replace("\n", " "))
            else:
                self._pieces(news_line(place, content, with_device=with_device))

        return show

    def changes(self, *, with_device: bool) -> Callable[[Change], None]:
        """For what became different, at the moment at which it is told."""

        def tell(change: Change) -> None:
            self._pieces(change_line(change, rfc3339(time.time_ns()), with_device=with_device))

        return tell

    def _recordings(self, data: Mapping[str, Any]) -> None:
        """The list as a table, and beside it where the files lie."""
        for line in recording_lines(data["recordings"]):
            self._write(self._out, line)
        more = f", and {data['more']} older ones: limit=1000, source=NAME" if data.get("more") else ""
        self.say(f"{len(data['recordings'])} in {data.get('folder', '?')}{more}")

    def _failure(self, what: str, message: str, errors: Any) -> None:
        lines = problem_lines(errors)
        self._write(self._err, clean(f"edged: {what}" + (f": {message}" if message and not lines else "")))
        for line in lines:
            self._write(self._err, f"  {line}")

    def _pieces(self, pieces: Sequence[Piece]) -> None:
        """On a terminal that is narrower wrapped between words, below what the time is about."""
        cleaned = [(clean(text), style) for text, style in pieces]
        if not self._out.isatty():
            self._write(self._out, "  ".join(text for text, _ in cleaned))
            return
        # importing rich takes longer than all of this program on a slow device
        from rich.text import Text

        from edged.app.terminal import console

        parts = [part for piece in cleaned for part in (piece, ("  ", ""))]
        line, screen = Text.assemble(*parts[:-1]), console()
        if screen.width > 2 * _HANGING and len(line) > screen.width:
            lines = line.wrap(screen, screen.width - _HANGING)
            line = Text("\n" + " " * _HANGING).join(lines)
        screen.print(line, soft_wrap=True)

    @staticmethod
    def _write(stream: TextIO, line: str) -> None:
        stream.write(f"{line}\n")
        stream.flush()


def _errors(data: Any) -> Any:
    return data.get("errors") if isinstance(data, Mapping) else None


def _line(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _clean_lines(text: str) -> str:
    return "\n".join(clean(line) for line in text.split("\n"))
