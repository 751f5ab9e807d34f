"""Where results go, and in which form: what ``-o`` and ``--format`` mean together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edged.model.analyzing import Form, Where

_BY_SUFFIX = {".jsonl": Form.JSONL, ".ndjson": Form.JSONL, ".csv": Form.CSV, ".parquet": Form.PARQUET}
BROKERS = ("mqtt://", "mqtts://", "ws://", "wss://")


@dataclass(frozen=True, slots=True)
class Target:
    """Decided."""

    where: Where
    form: Form
    path: str = ""
    """Absolute, of the file or folder; for a broker its URL."""


def find_target(output: str | None, form: str | None) -> Target:
    """Raises ValueError, saying what would be right."""
    chosen = Form(form) if form else None
    if output is None or output == "-":
        if chosen is Form.PARQUET:
            raise ValueError("Parquet needs a file to write to: -o results.parquet")
        return Target(Where.STREAM, chosen or Form.JSONL)
    if output.startswith(BROKERS):
        if chosen not in (None, Form.JSONL):
            raise ValueError("to a broker results go as JSON; leave --format out")
        return Target(Where.BROKER, Form.JSONL, output)
    if "://" in output:
        raise ValueError(f"results go to a file, a folder, or one of {' '.join(BROKERS)}, not to {output}")
    return _on_disk(output, chosen)


def _on_disk(output: str, chosen: Form | None) -> Target:
    path = Path(output)
    told = _BY_SUFFIX.get(path.suffix.lower())
    if path.is_dir() or output.endswith("/") or (told is None and not path.is_file() and not path.suffix):
        return Target(Where.FOLDER, chosen or Form.JSONL, str(path.absolute()))
    if chosen is None and told is None:
        raise ValueError(
            f"{output}: end its name with .jsonl, .csv or .parquet, say which with --format, or name a "
            f"folder as {output}/"
        )
    return Target(Where.FILE, chosen or told or Form.JSONL, str(path.absolute()))


def find_span(start: str | None, end: str | None) -> tuple[int, int | None]:
    """``--from`` and ``--to`` in microseconds. Raises ValueError."""
    start_us = parse_time(start) if start is not None else 0
    end_us = parse_time(end) if end is not None else None
    if end_us is not None and end_us <= start_us:
        raise ValueError("--to is not later than --from")
    return start_us, end_us


def parse_time(text: str) -> int:
    """``90``, ``1:30``, ``0:01:30.5`` in microseconds. Raises ValueError, saying what would be right."""
    parts = text.split(":")
    whole = all(part.isascii() and part.isdigit() for part in parts[:-1])
    seconds, _, fraction = parts[-1].partition(".")
    plain = (
        seconds.isascii()
        and seconds.isdigit()
        and (not fraction or (fraction.isascii() and fraction.isdigit()))
    )
    if len(parts) > 3 or not whole or not plain or len(text) > 32:
        raise ValueError(f"{text!r} is no time: seconds, mm:ss or hh:mm:ss, as in 90, 1:30 or 0:01:30.5")
    numbers = [int(part) for part in (*parts[:-1], seconds)]
    if any(number > 59 for number in numbers[1:]):
        raise ValueError(f"{text!r} is no time: behind a colon there are at most 59 minutes and 59 seconds")
    total = 0
    for number in numbers:
        total = total * 60 + number
    return total * 1_000_000 + int(fraction[:6].ljust(6, "0"))
