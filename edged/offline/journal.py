"""What of an analysis is done, kept beside its results so that `edged analyze --resume` goes on.

The first line is what was asked, and each video that is done adds a line, after its results are on the disk:
a journal of many thousand videos costs no more for each than one of a few. A last line that is torn was
never written. How far the video after the last one came is not here but in the results themselves
(`edged.offline.sinks.tail`).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edged.errors import EdgedError
from edged.model.analyzing import AnalysisRequest, Where
from edged.model.intake import Intake

_VERSION = 1
_IN_FOLDER = "analysis.resume"


@dataclass(frozen=True, slots=True)
class Done:
    """A video that had its turn."""

    source: str
    end: int
    """So long was its file then, in bytes."""
    results: int
    frames: int
    error: str = ""


@dataclass(slots=True)
class Journal:
    """One file; one writer at a time."""

    path: Path
    asked: dict[str, Any]
    """What tells this analysis from another; no secret can be read from it."""
    done: dict[str, Done] = field(default_factory=dict)
    """By source, in the order of the videos."""

    @property
    def exists(self) -> bool:
        return self.path.exists()

    def read(self) -> None:
        """Take over what is done. Raises `EdgedError` where it is of another analysis; OSError."""
        first, *others = self.path.read_bytes().split(b"\n")
        try:
            head = json.loads(first)
            if head["v"] != _VERSION:
                raise ValueError
            done = [Done(**json.loads(line)) for line in others[:-1]]
            differences = list(_differences(head["asked"], self.asked))
        except (ValueError, KeyError, TypeError):
            raise EdgedError(
                f"{self.path} cannot be understood: remove it, and begin anew with --overwrite"
            ) from None
        if differences:
            raise EdgedError(
                f"{self.path} is of another analysis: {'; '.join(differences)}. Ask for the same again to go "
                "on with it, or begin anew with --overwrite"
            )
        self.done = {one.source: one for one in done}
        if others and others[-1]:
            os.truncate(self.path, self.path.stat().st_size - len(others[-1]))

    def begin(self) -> None:
        """Nothing is done yet. On the disk when it returns; before, the old one stands. Raises OSError."""
        self.done = {}
        _write_whole(self.path, _line({"v": _VERSION, "asked": self.asked}))

    def add(self, done: Done) -> None:
        """On the disk when it returns. Raises OSError; then it is not there."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        try:
            end = os.fstat(descriptor).st_size
            try:
                write_all(descriptor, _line(asdict(done)))
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, end)
                raise
        finally:
            os.close(descriptor)
        self.done[done.source] = done

    def remove(self) -> None:
        """All is done."""
        self.path.unlink(missing_ok=True)


def journal_of(request: AnalysisRequest) -> Journal:
    """The one beside the results; whether it is there is another question."""
    output = Path(request.output)
    folder = request.where is Where.FOLDER
    path = output / _IN_FOLDER if folder else output.with_name(f"{output.name}.resume")
    asked = {
        "videos": {
            video.source: [video.name, _hash([video.url, video.identity])] for video in request.videos
        },
        "jobs": {job.name: _hash(_meaning(job)) for job in request.jobs},
        "scenes": {video.source: _hash(video.scene) for video in request.videos if video.scene},
        "sizes and rates": {
            video.source: [video.intake.size, video.intake.fps]
            for video in request.videos
            if video.intake != Intake()
        },
        "for each video": {video.source: list(video.jobs) for video in request.videos},
        "records": {video.source: video.record for video in request.videos if video.record},
        "from, to": [request.start_us, request.end_us],
        "format": request.form.value,
        "device": request.device,
        "folders": list(request.library.algorithms) + list(request.library.models),
    }
    return Journal(path, asked)


def write_all(descriptor: int, content: bytes) -> None:
    """However many writes that takes. Raises OSError, with a part of it written."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _line(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def _write_whole(path: Path, content: bytes) -> None:
    """Replace a small file, only for its owner to read. Raises OSError; then the old one stands."""
    temporary = path.with_name(f".{path.name}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """So that the names in it outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _meaning(job: Any) -> dict[str, Any]:
    """What of a job its results hang on."""
    return {key: value for key, value in asdict(job).items() if key not in ("numbering", "version", "load")}


def _hash(value: Any) -> str:
    plain = value if isinstance(value, (list, dict)) else asdict(value)
    text = json.dumps(plain, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """In words, for people."""
    for what, value in json.loads(json.dumps(now)).items():
        earlier = was.get(what)
        if earlier == value:
            continue
        if isinstance(value, dict) and isinstance(earlier, dict):
            names = [name for name in {**earlier, **value} if earlier.get(name) != value.get(name)]
            yield f"{what} differ ({', '.join(names[:5])}{', …' if len(names) > 5 else ''})"
        else:
            yield f"{what} was {_shown(earlier)} and is {_shown(value)}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
