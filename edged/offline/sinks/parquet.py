"""Lines of JSON as a Parquet file, with the columns of `edged.offline.sinks.rows`, typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from edged.errors import EdgedError
from edged.offline.sinks.rows import COLUMNS, Row, rows_of

GROUP_ROWS = 65_536
"""Rows of one group: what is in memory at a time, here and where it is read."""
_TYPES = {
    "seq": "int64", "index": "int64", "pts": "float64", "width": "int32", "height": "int32",
    "label_id": "int64", "score": "float64", "track_id": "int64",
    "x_min": "float64", "y_min": "float64", "x_max": "float64", "y_max": "float64",
}  # fmt: skip
"""All others are text."""


def require_pyarrow() -> Any:
    """Raises `EdgedError` with the mend where it is not installed."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise EdgedError(
            "Parquet needs pyarrow: pip install 'edged[parquet]', or choose --format jsonl or csv"
        ) from None
    return pyarrow


def write_parquet(lines: Path, target: Path) -> None:
    """Replace ``target``; until it is whole it has another name. Raises OSError."""
    pyarrow = require_pyarrow()
    kinds = [(name, pyarrow.type_for_alias(_TYPES.get(name, "string"))) for name in COLUMNS]
    schema = pyarrow.schema(kinds)
    part = target.with_name(f".{target.name}.part")
    try:
        with lines.open("rb") as file, pyarrow.parquet.ParquetWriter(part, schema) as writer:
            rows = _rows(file)
            while group := list(islice(rows, GROUP_ROWS)):
                writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror or str(error), str(target)) from None


def _rows(lines: Iterator[bytes]) -> Iterator[Row]:
    for line in lines:
        if not line.endswith(b"\n"):
            return  # torn
        body = json.loads(line)
        if "type" not in body:
            yield from rows_of(body)
