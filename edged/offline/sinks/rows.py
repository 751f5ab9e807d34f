"""Results as the rows of a table: the columns of CSV and Parquet. Pure.

One row for each detection; a result without any has one row, whose columns of a detection are empty.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

COLUMNS = (
    "source", "job", "seq", "index", "pts", "width", "height",
    "label", "label_id", "score", "x_min", "y_min", "x_max", "y_max", "track_id",
    "zones", "attributes", "keypoints", "data",
)  # fmt: skip
"""``pts`` in seconds, the box in fractions of the frame; ``zones`` with spaces between their names;
``attributes``, ``keypoints`` and ``data`` as JSON; ``data``, which is the result's, in its first row."""

Row = dict[str, Any]
"""By column; what does not apply is left out."""


def rows_of(result: Mapping[str, Any]) -> Iterator[Row]:
    """The rows of one result, given as the contract has it."""
    frame = result["frame"]
    head: Row = {key: result[key] for key in ("source", "job", "seq")}
    head |= {key: frame[key] for key in ("index", "pts", "width", "height")}
    data = {"data": _json(result["data"])} if result.get("data") else {}
    detections: Sequence[Mapping[str, Any]] = result.get("detections") or ({},)
    for detection in detections:
        yield {**head, **_detection(detection), **data}
        data = {}


def _detection(detection: Mapping[str, Any]) -> Row:
    row: Row = {key: detection[key] for key in ("label", "label_id", "score", "track_id") if key in detection}
    if "box" in detection:
        row |= zip(("x_min", "y_min", "x_max", "y_max"), detection["box"], strict=True)
    if detection.get("zones"):
        row["zones"] = " ".join(detection["zones"])
    row |= {key: _json(detection[key]) for key in ("attributes", "keypoints") if detection.get(key)}
    return row


def csv_header() -> bytes:
    """The first line of every file."""
    return _csv([COLUMNS])


def csv_rows(result: Mapping[str, Any]) -> bytes:
    """The rows of one result as CSV (RFC 4180: lines end with CR LF)."""
    return _csv([row.get(column, "") for column in COLUMNS] for row in rows_of(result))


def _csv(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
