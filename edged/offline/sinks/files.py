"""Results in files: one for all videos, or one for each. They can be gone on with after any end."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path

from edged.errors import EdgedError
from edged.model.analyzing import AnalysisRequest, Form, VideoFile, Where
from edged.offline.journal import Done, Journal, journal_of, sync_folder, write_all
from edged.offline.sinks.parquet import require_pyarrow, write_parquet
from edged.offline.sinks.piece import Piece
from edged.offline.sinks.tail import Tail, read_tail
from edged.offline.sinks.text import encode, header

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(slots=True)
class _Open:
    """A file that is being written."""

    path: Path
    fd: int
    begin: int
    """Where the video begins in it."""


class FileSink:
    """JSON Lines and CSV go straight to their files. Parquet, which cannot be gone on with, is made at the
    end of lines kept beside it meanwhile.
    """

    def __init__(self, request: AnalysisRequest) -> None:
        self._request = request
        self.journal: Journal = journal_of(request)
        self._spooled = request.form is Form.PARQUET
        self._form = Form.JSONL if self._spooled else request.form
        self._open: _Open | None = None
        self._is_begun = False
        """Before, what lies there is another analysis's."""

    def prepare(self) -> bool:
        """Look what is there. Raises `EdgedError` with the mend; OSError."""
        request = self._request
        if self._spooled:
            require_pyarrow()
        there = [path for path in self._finals() if path.exists()]
        if request.resume and self.journal.exists and not request.overwrite:
            self.journal.read()
            self._check_done()
            self._is_begun = True
            return False
        if not request.overwrite:
            self._refuse(there)
        return True

    def clear(self) -> None:
        try:
            self._begin_anew()
        except OSError as error:
            raise EdgedError(
                f"{self._request.output}: {error.strerror}: name another place to write to with -o"
            ) from error
        self._is_begun = True

    def begin(self, video: VideoFile) -> Tail | Done:
        done = self.journal.done.get(video.source)
        if done is not None:
            return done
        path = self._path(video)
        begin = self._begin_of(path)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        self._open = _Open(path, fd, begin)
        _take(fd, path)
        with open(fd, "rb", closefd=False) as file:
            tail = read_tail(file, begin, self._form, video.source)
        os.ftruncate(fd, tail.keep)
        if tail.keep == 0:
            self._append(header(self._form))
        return tail

    def begin_again(self) -> None:
        now = self._now
        os.ftruncate(now.fd, now.begin)
        if now.begin == 0:
            self._append(header(self._form))

    def write(self, piece: Piece) -> None:
        self._append(encode(self._form, piece))

    def end(self, done: Done) -> None:
        now = self._now
        os.fsync(now.fd)
        end = os.lseek(now.fd, 0, os.SEEK_END)
        self._close()
        if not self.journal.done:
            sync_folder(now.path.parent)
        if self._spooled and self._request.where is Where.FOLDER:
            write_parquet(now.path, self._final(now.path))
        self.journal.add(Done(done.source, end, done.results, done.frames, done.error))

    def finish(self, *, all_done: bool) -> None:
        spools = self._spools() if self._spooled and self._is_begun else []
        if self._open is not None:
            self._close()
        for spool in spools:
            if spool.exists() and (self._request.where is Where.FILE or not all_done):
                write_parquet(spool, self._final(spool))
        if all_done:
            for spool in spools:
                spool.unlink(missing_ok=True)
            self.journal.remove()

    def _check_done(self) -> None:
        """What is done has to be there still."""
        for video in self._request.videos:
            done, path = self.journal.done.get(video.source), self._path(video)
            if done is not None and (not path.exists() or path.stat().st_size < done.end):
                raise EdgedError(
                    f"{path} has changed since it was written: begin anew with --overwrite", code="invalid"
                )

    def _begin_anew(self) -> None:
        old = [path for path in (*self._finals(), *self._spools()) if path.is_file()]
        for path in old:
            _check_free(path)
        for path in old:
            path.unlink(missing_ok=True)
        if self._request.where is Where.FOLDER:
            Path(self._request.output).mkdir(exist_ok=True)
        self.journal.begin()

    @property
    def _now(self) -> _Open:
        assert self._open is not None, "no video was begun"  # noqa: S101
        return self._open

    def _refuse(self, there: list[Path]) -> None:
        mend = "--overwrite begins anew"
        if self.journal.exists:
            raise EdgedError(
                f"{self.journal.path} says that an analysis was begun: --resume goes on with it, {mend}"
            )
        if there and self._request.resume:
            raise EdgedError(
                f"{there[0]} is there and no {self.journal.path.name} beside it: it is done already, or "
                f"something else; {mend}"
            )
        if there:
            raise EdgedError(f"{there[0]} is there already: give another name with -o; {mend}")

    def _append(self, content: bytes) -> None:
        """All or nothing of it."""
        fd = self._now.fd
        end = os.fstat(fd).st_size
        try:
            write_all(fd, content)
        except OSError as error:
            os.ftruncate(fd, end)
            if error.errno in _FULL:
                raise EdgedError(
                    f"{self._now.path}: {error.strerror}: make room, then go on with --resume"
                ) from error
            raise

    def _close(self) -> None:
        if self._open is not None:
            os.close(self._open.fd)
            self._open = None

    def _begin_of(self, path: Path) -> int:
        """Behind what the videos before wrote to the same file."""
        if self._request.where is Where.FOLDER or not self.journal.done:
            return 0
        return max(done.end for done in self.journal.done.values())

    def _path(self, video: VideoFile) -> Path:
        """Where its results are written."""
        final = self._final_of(video)
        return _spool(final) if self._spooled else final

    def _final(self, spool: Path) -> Path:
        return spool.with_name(spool.name.removesuffix(_SPOOL))

    def _final_of(self, video: VideoFile) -> Path:
        output = Path(self._request.output)
        if self._request.where is Where.FILE:
            return output
        return output / f"{video.source}.{self._request.form.value}"

    def _finals(self) -> list[Path]:
        return list(dict.fromkeys(self._final_of(video) for video in self._request.videos))

    def _spools(self) -> list[Path]:
        return [_spool(final) for final in self._finals()]


_SPOOL = ".lines"
_TAKEN_S = 3.0
"""So long it is waited for one that was just killed."""


def _take(fd: int, path: Path) -> None:
    """Nobody else writes to the file until it is closed. Raises `EdgedError`."""
    until = time.monotonic() + _TAKEN_S
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise EdgedError(f"another edged analyze writes to {path}", code="busy") from None
            time.sleep(0.05)
        else:
            return


def _check_free(path: Path) -> None:
    """Whoever writes to it would go on without knowing that it is gone. Raises `EdgedError`, OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _take(fd, path)
    finally:
        os.close(fd)


def _spool(final: Path) -> Path:
    """The lines of a Parquet file that is not made yet."""
    return final.with_name(final.name + _SPOOL)
