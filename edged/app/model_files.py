"""The model files of this machine, and getting one more: for ``edged models``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from edged.app.ask import ChildSilent, ask_each
from edged.app.processes import FETCH
from edged.errors import EdgedError
from edged.model.fetching import FetchReport, FetchRequest, FetchState, ModelFile
from edged.modelstore.catalogue import known_as, of_file
from edged.modelstore.hashing import sha256_of
from edged.modelstore.patience import Patience
from edged.modelstore.store import ModelStore
from edged.settings import Loaded
from edged.settings.defaults import default_storage

PATIENCE_S = 60.0
"""In which nothing comes, before somebody who waits at a terminal is told that it does not."""
_MOST_TRIES = 6
"""On end, in which nothing came, of a server that says when to ask again: then that long is waited for."""
_SILENCE_S = 120.0
"""The fetcher tells how it goes far more often, but for one that verifies gigabytes on a slow card."""
_MOST_REPORTS = 1_000_000


class Standing(StrEnum):
    """What can be said of a file by its hash."""

    KNOWN = "known"
    """A model of the catalogue, or the one that the spec means."""
    UNKNOWN = "unknown"
    WRONG = "wrong"
    """By its name, or its place, it should be another file."""


@dataclass(frozen=True, slots=True)
class FileFound:
    """One model file."""

    path: Path
    size_bytes: int
    sha256: str
    standing: Standing
    remark: str
    """What it is, or should be."""


def folders_of(loaded: Loaded | None) -> tuple[Path, ...]:
    """Where jobs look models up by name; without a config those of a device that says nothing."""
    return loaded.settings.models if loaded is not None else (default_storage() / "models",)


def store_of(loaded: Loaded | None) -> ModelStore:
    return ModelStore.below(Path(loaded.settings.storage.path) if loaded is not None else default_storage())


def examine(loaded: Loaded | None) -> Iterator[FileFound]:
    """Every model in the folders, then what specs brought. Reads all of each file. Raises OSError."""
    brought = {} if loaded is None else {n: m.sha256 for n, m in loaded.settings.spec.models.items()}
    for folder in dict.fromkeys(folders_of(loaded)):
        for path in sorted(folder.glob("*.onnx")) if folder.is_dir() else ():
            yield _judged(path, brought)
    for stored in store_of(loaded).files():
        found = sha256_of(stored.path)
        is_right = found == stored.sha256
        remark = (
            "brought by a spec" if is_right else "damaged; delete it, and restart the daemon: it comes anew"
        )
        standing = Standing.KNOWN if is_right else Standing.WRONG
        yield FileFound(stored.path, stored.size_bytes, found, standing, remark)


def _judged(path: Path, brought: dict[str, str]) -> FileFound:
    found, size_bytes = sha256_of(path), path.stat().st_size
    known, named = known_as(found), of_file(path.name)
    if brought.get(path.name, found) != found:
        remark = "not what spec.models means by this name: jobs get that one"
    elif known is not None:
        remark = f"{known.name} of the catalogue"
    elif named is not None:
        mend = f"remove it, and `edged models pull {named.name} --to {path.parent}`"
        return FileFound(
            path, size_bytes, found, Standing.WRONG, f"is not {named.name}, as its name says: {mend}"
        )
    else:
        remark = "as the spec has it" if path.name in brought else ""
    return FileFound(path, size_bytes, found, Standing.KNOWN if known else Standing.UNKNOWN, remark)


def pull(
    model: ModelFile,
    on_report: Callable[[FetchReport], None],
    *,
    folders: tuple[Path, ...] = (),
    patience_s: float = PATIENCE_S,
) -> FetchReport:
    """Have it where ``model.path`` says; tries again while that may help, for ``patience_s`` in which nothing
    comes.

    Raises `EdgedError` with why it is not there; what has come is kept.
    """
    place = Path(model.path)
    partial = place.with_name(f".{place.name}.part")
    request = FetchRequest(model, str(partial), tuple(map(str, folders)))
    patience, fruitless, received, came_s = Patience(), 0, 0, time.monotonic()
    while True:
        report = _attempt(request, on_report)
        if report.state is FetchState.THERE:
            return report
        now_s = time.monotonic()
        if report.received > received:
            fruitless, came_s = 0, now_s
        fruitless, received = fruitless + 1, report.received
        delay_s = patience.after(report)
        if delay_s is None:
            raise EdgedError(f"{model.shown}: {report.error}", code=report.code)
        if fruitless >= _MOST_TRIES if report.wait_s else now_s + delay_s - came_s > patience_s:
            raise EdgedError(
                f"{model.shown}: {report.error}; tried for {now_s - came_s:.0f} s: the same command goes on"
                " with what has come",
                code=report.code,
            )
        on_report(report)
        time.sleep(delay_s)


def _attempt(request: FetchRequest, on_report: Callable[[FetchReport], None]) -> FetchReport:
    replies = ask_each(FETCH.module, request, FetchReport, number=_MOST_REPORTS, within_s=_SILENCE_S)
    try:
        with closing(replies):
            return _last(replies, on_report)
    except ChildSilent as silent:
        return FetchReport(FetchState.BROKEN, code=silent.code, error=str(silent), about="url")


def _last(reports: Iterator[FetchReport], on_report: Callable[[FetchReport], None]) -> FetchReport:
    for report in reports:
        if report.state is not FetchState.COMING:
            return report
        on_report(report)
    raise EdgedError("the fetcher never came to an end")
