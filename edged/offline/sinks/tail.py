"""What an interrupted analysis left in a file: how much of it is whole, and where it goes on.

The frame that was written last may lack some of its results, and a line may be torn. So all of that frame
is taken back, and the analysis goes on with it: what comes then is what would have come without the
interruption, byte for byte.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from edged.model.analyzing import Form
from edged.model.ending import begins
from edged.offline.sinks.rows import COLUMNS, csv_header

_EVENT = "type"
_QUOTE = b'"'


@dataclass(slots=True)
class Tail:
    """Where to go on with the video that a file ends with."""

    keep: int
    """The file is cut to so many bytes."""
    at_us: int | None = None
    """The time of the frame to go on with; None: from the beginning."""
    seqs: dict[str, int] = field(default_factory=dict)
    """By job: the number of its last result that stays."""
    event_seqs: dict[str, int] = field(default_factory=dict)
    results: int = 0
    """That stay."""
    has_begun: bool = False
    """An event that stays began something: whoever goes on there would not know of it at the end."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A whole record."""

    source: str
    job: str
    seq: int
    index: int
    pts_us: int
    is_event: bool
    begins: bool = False
    """An event that another ends."""


def read_tail(file: BinaryIO, begin: int, form: Form, source: str) -> Tail:
    """Read what stands behind ``begin``, all of it of ``source``; what is not is torn."""
    file.seek(begin)
    tail, pending = Tail(begin), Tail(begin)
    frame: int | None = None
    for end, record in _records(file, begin, quoted=form is Form.CSV):
        if form is Form.CSV and end == len(csv_header()) and begin == 0:
            tail.keep = pending.keep = end
            continue
        entry = _entry(record, form)
        if entry is None or entry.source != source:
            break
        if entry.index != frame:
            frame = entry.index
            tail = replace(
                pending,
                at_us=entry.pts_us,
                seqs=dict(pending.seqs),
                event_seqs=dict(pending.event_seqs),
            )
        _count(pending, entry, end)
    return tail


def _count(pending: Tail, entry: _Entry, end: int) -> None:
    pending.keep = end
    pending.has_begun = pending.has_begun or entry.begins
    if entry.is_event:
        pending.event_seqs[entry.job] = entry.seq
        return
    pending.results += pending.seqs.get(entry.job) != entry.seq
    pending.seqs[entry.job] = entry.seq


def _records(lines: Iterable[bytes], begin: int, *, quoted: bool) -> Iterator[tuple[int, bytes]]:
    """(where it ends, its bytes) of each whole record. A line's end within quotes ends none."""
    end, record = begin, b""
    for line in lines:
        record += line
        end += len(line)
        if line.endswith(b"\n") and not (quoted and record.count(_QUOTE) % 2):
            yield end, record
            record = b""


def _entry(record: bytes, form: Form) -> _Entry | None:
    """None: it is no record that an analysis writes."""
    try:
        text = record.decode()
        return _csv_entry(text) if form is Form.CSV else _json_entry(json.loads(text))
    except (ValueError, KeyError, TypeError, csv.Error):
        return None


def _json_entry(body: dict[str, Any]) -> _Entry:
    frame, kind = body["frame"], body.get(_EVENT, "")
    at_us = round(frame["pts"] * 1e6)
    return _Entry(
        body["source"], body["job"], body["seq"], frame["index"], at_us, _EVENT in body, begins=begins(kind)
    )


def _csv_entry(text: str) -> _Entry:
    (cells,) = csv.reader([text])
    row = dict(zip(COLUMNS, cells, strict=True))
    index, seq = int(row["index"]), int(row["seq"])
    return _Entry(row["source"], row["job"], seq, index, round(float(row["pts"]) * 1e6), is_event=False)
