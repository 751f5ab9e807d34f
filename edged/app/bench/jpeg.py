"""`edged bench jpeg`: asks the child, and shows what it measured as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from edged.app.ask import ask_until
from edged.app.processes import BENCH_JPEG
from edged.app.trial_progress import progress
from edged.errors import EdgedError
from edged.model.jpeg_bench import JpegReport, JpegRequest, JpegRow, JpegUpdate, Likeness

_ANSWER_WITHIN_S = 150.0
"""Between two signs of life; the child's own deadline is a little shorter."""


def measure(request: JpegRequest, *, quiet: bool) -> JpegReport:
    """Its progress is shown meanwhile. Raises `EdgedError`."""
    updates = ask_until(BENCH_JPEG.module, request, JpegUpdate, within_s=_ANSWER_WITHIN_S)
    with ExitStack() as ending:
        tell = ending.enter_context(progress(quiet=quiet))
        ending.enter_context(closing(updates))
        while (update := next(updates)).report is None:
            tell(update.done, update.total)
    if update.report.error:
        raise EdgedError(update.report.error, code=update.report.code)
    return update.report


def markdown(report: JpegReport, request: JpegRequest) -> str:
    """Bytes and time by quality, then each model's boxes by quality."""
    parts = [_about(report, request), _bytes_table(report.rows)]
    parts += [_model_table(Path(model), place, report.rows) for place, model in enumerate(request.models)]
    return "\n\n".join(parts) + "\n"


def _about(report: JpegReport, request: JpegRequest) -> str:
    names = ", ".join(Path(path).name for path in request.footage)
    of = f"{report.frames} frames of {names}, scaled to" if names else f"{report.frames} made pictures of"
    text = f"JPEG of {of} 1920x1080; one thread."
    if not request.models:
        text += " No --model was given, so nothing is said of detections."
    return text


def _bytes_table(rows: Sequence[JpegRow]) -> str:
    lines = [
        "| quality | 4:2:0: kB a frame (least–most) | ms to encode | 4:4:4: kB (least–most) | ms to encode |",
        "|---|---|---|---|---|",
    ]
    for quality, pair in _by_quality(rows):
        cells = [f"{_kilobytes(row)} | {row.encode_ms:.1f}" for row in pair]
        lines.append(f"| {quality} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _kilobytes(row: JpegRow) -> str:
    return f"{row.bytes / 1e3:.0f} ({row.least_bytes / 1e3:.0f}–{row.most_bytes / 1e3:.0f})"


def _model_table(model: Path, place: int, rows: Sequence[JpegRow]) -> str:
    boxes = rows[0].likeness[place].boxes
    lines = [
        f"**{model.name}**, {boxes} boxes in the frames themselves:",
        "",
        "| quality | 4:2:0: kept at IoU ≥ .9 | ≥ .5 | extra | score moves | 4:4:4: ≥ .9 | ≥ .5 | extra "
        "| score moves |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for quality, pair in _by_quality(rows):
        cells = (_likeness(row.likeness[place]) for row in pair)
        lines.append(f"| {quality} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _likeness(likeness: Likeness) -> str:
    if not likeness.boxes:
        return f"– | – | {likeness.extra} boxes | –"
    kept_well, kept, extra = (
        f"{number / likeness.boxes:.0%}" for number in (likeness.kept_well, likeness.kept, likeness.extra)
    )
    return f"{kept_well} | {kept} | {extra} | {likeness.score_change:.3f}"


def _by_quality(rows: Sequence[JpegRow]) -> Iterator[tuple[int, list[JpegRow]]]:
    for quality in sorted({row.quality for row in rows}):
        yield quality, [row for row in rows if row.quality == quality]
