"""The twin's record as one file, replaced whole, with a checksum."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from edged.control.twin_record import Applied, Candidate, Decided, Patch, Stage, TwinRecord
from edged.errors import Problem, StorageError
from edged.model.twin import Desired, Gate, Phase
from edged.storage.whole_file import WholeFile

VERSION = 1
WITHIN_S = 30.0
"""A disk that has not answered by then is one that refuses."""

T = TypeVar("T")
InThread = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs blocking work where it may block, one after the other, in order."""

log = logging.getLogger("edged.twin")


class TwinStore:
    """Read once, at the start, and written at each transition; else it leaves the disk alone."""

    def __init__(self, path: Path, in_thread: InThread) -> None:
        self._path = path
        self._file = WholeFile(path)
        self._in_thread = in_thread

    async def load(self) -> tuple[TwinRecord, str]:
        """The record, and why it is not the one that was written last; empty when it is.

        A file that cannot be understood is set aside, as ``twin.json.corrupt``.
        """
        try:
            content = await self._run(self._file.read)
            return (TwinRecord() if content is None else decode_record(content)), ""
        except (OSError, StorageError) as error:
            reason = f"{self._path} cannot be read: {getattr(error, 'strerror', None) or error}"
        except ValueError as error:
            aside = self._path.with_name(f"{self._path.name}.corrupt")
            reason = f"{self._path} {error}; it was set aside as {aside.name}"
            await self._set_aside(aside)
        return TwinRecord(), reason

    async def save(self, record: TwinRecord) -> None:
        """On the disk when it returns. Raises `StorageError` when the disk refuses, or does not answer."""
        try:
            await self._run(lambda: self._file.write(encode_record(record)))
        except OSError as error:
            raise StorageError(f"{self._path} cannot be written: {error.strerror or error}") from error

    async def _set_aside(self, aside: Path) -> None:
        try:
            await self._run(lambda: self._path.replace(aside))
        except OSError as error:
            log.warning("%s cannot be set aside: %s", self._path, error.strerror or error)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(WITHIN_S):
                done: T = await self._in_thread(work)
        except TimeoutError:
            raise OSError(None, f"the disk did not answer within {WITHIN_S:.0f} s") from None
        return done


def encode_record(record: TwinRecord) -> bytes:
    """As it lies on the disk."""
    content = _record_json(record)
    return _dumps({"version": VERSION, "checksum": _checksum(content), "twin": content})


def decode_record(content: bytes) -> TwinRecord:
    """Raises ValueError, saying what is wrong with it."""
    try:
        envelope = json.loads(content)
        version, checksum, twin = envelope["version"], envelope["checksum"], envelope["twin"]
        if version != VERSION:
            raise ValueError(f"has version {version!r}, this edged knows {VERSION}")
        if checksum != _checksum(twin):
            raise ValueError("is damaged: its checksum is another")
        return _record(twin)
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise ValueError("is damaged: it is not JSON") from None
    except (KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError("is damaged: parts of it are missing") from None


def _dumps(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _checksum(content: object) -> str:
    return f"sha256:{hashlib.sha256(_dumps(content)).hexdigest()}"


def _record_json(record: TwinRecord) -> dict[str, Any]:
    applied, decided = record.applied, record.decided
    return {
        "applied": applied
        and {"revision": applied.revision, "digest": applied.digest, "spec": dict(applied.spec)},
        "overlay": dict(record.overlay),
        "local": record.local,
        "decided": decided
        and {
            "revision": decided.revision,
            "digest": decided.digest,
            "phase": decided.phase.value,
            "errors": [_problem_json(problem) for problem in decided.errors],
            "is_reset": decided.is_reset,
        },
        "candidate": record.candidate and _candidate_json(record.candidate),
    }


def _candidate_json(candidate: Candidate) -> dict[str, Any]:
    wanted = candidate.wanted
    common = {"stage": candidate.stage.value, "attempts": candidate.attempts}
    if isinstance(wanted, Patch):
        return {**common, "patch": {"overlay": dict(wanted.overlay)}}
    desired = {
        "revision": wanted.revision,
        "digest": wanted.digest,
        "spec": dict(wanted.spec),
        "keep_local": wanted.keep_local,
        "gate": {
            "require": list(wanted.gate.require),
            "stable_for": wanted.gate.stable_for_s,
            "timeout": wanted.gate.timeout_s,
        },
    }
    return {**common, "desired": desired}


def _problem_json(problem: Problem) -> dict[str, str]:
    return {"path": problem.path, "code": problem.code, "message": problem.message}


def _record(twin: Mapping[str, Any]) -> TwinRecord:
    applied, decided, candidate = twin["applied"], twin["decided"], twin["candidate"]
    return TwinRecord(
        applied=applied and Applied(applied["revision"], applied["digest"], dict(applied["spec"])),
        overlay=dict(twin["overlay"]),
        local=twin["local"],
        decided=decided
        and Decided(
            decided["revision"],
            decided["digest"],
            Phase(decided["phase"]),
            _problems(decided["errors"]),
            decided.get("is_reset", False),
        ),
        candidate=candidate and _candidate(candidate),
    )


def _candidate(content: Mapping[str, Any]) -> Candidate:
    if "patch" in content:
        wanted: Desired | Patch = Patch(dict(content["patch"]["overlay"]))
    else:
        desired = content["desired"]
        gate = desired["gate"]
        wanted = Desired(
            revision=desired["revision"],
            spec=dict(desired["spec"]),
            digest=desired["digest"],
            gate=Gate(tuple(gate["require"]), gate["stable_for"], gate["timeout"]),
            keep_local=desired["keep_local"],
        )
    return Candidate(wanted, Stage(content["stage"]), content["attempts"])


def _problems(content: list[Mapping[str, str]]) -> tuple[Problem, ...]:
    return tuple(Problem(each["path"], each["message"], each["code"]) for each in content)
