"""One attempt to have a file where it should lie: found, copied or downloaded, verified, put in its place."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from edged.model.fetching import FetchReport, FetchRequest, FetchState
from edged.modelstore.download import RangeRefused, Reply, ask_for
from edged.modelstore.failure import FetchFailed
from edged.modelstore.hashing import sha256_of
from edged.modelstore.partial import Partial

_TELL_EVERY_S = 0.5
_COPY_BYTES = 1 << 20

Tell = Callable[[FetchReport], None]
Beat = Callable[[str], None]
"""Told what is being done, before whatever may take a while."""


class Attempt:
    """``tell`` hears how it goes, not how it ends."""

    def __init__(self, request: FetchRequest, tell: Tell, beat: Beat) -> None:
        self._request = request
        self._model = request.model
        self._tell = tell
        self._beat = beat
        self._place = Path(request.model.path)
        self._partial = Partial(Path(request.partial), request.model.kept_mb)
        self._told_s = 0.0

    def run(self) -> FetchReport:
        """How it ended. Raises nothing that a server, a network or a disk can bring about."""
        try:
            self._beat("wait")
            with self._partial.alone():
                return self._run()
        except FetchFailed as failed:
            state = FetchState.BROKEN if failed.passing else FetchState.REFUSED
            received = self._partial.size
            if not received:
                self._partial.remove()
            return FetchReport(
                state,
                received=received,
                code=failed.code,
                error=str(failed),
                about=failed.about,
                wait_s=failed.wait_s,
            )
        except OSError as error:
            where = error.filename or self._place.parent
            message = f"{where}: {error.strerror or error}; let the daemon's user write there"
            return FetchReport(FetchState.REFUSED, code="internal", error=message, about="url")

    def _run(self) -> FetchReport:
        if self._model.sha256 and self._place.is_file():
            self._partial.remove()
            return self._there(self._place.stat().st_size, self._model.sha256)
        source = self._copied_from()
        if source is None:
            self._download()
        return self._verified(source or "")

    def _verified(self, source: str) -> FetchReport:
        """What has come is the file that is meant, or is thrown away. Raises `FetchFailed`."""
        size = self._partial.size
        found = sha256_of(self._partial.path, lambda: self._beat("verify"))
        if self._model.sha256 and found != self._model.sha256:
            self._partial.discard()
            raise FetchFailed(
                f"what came has sha256 {found} ({size} bytes); if that is the file you mean, give this as its"
                " sha256",
                code="invalid",
                about="sha256",
                passing=True,
            )
        self._beat("write")
        self._partial.finish(self._place)
        return self._there(size, found, source)

    def _there(self, size: int, sha256: str, source: str = "") -> FetchReport:
        return FetchReport(FetchState.THERE, size, size, sha256, source)

    # ---- from this device ----

    def _copied_from(self) -> str | None:
        """The folder where it lay already: under another name in the store, or in a model folder."""
        if not self._model.sha256:
            return None
        for path in self._candidates():
            if sha256_of(path, lambda: self._beat("look")) == self._model.sha256:
                self._partial.check_room(path.stat().st_size)
                self._partial.begin("")
                for _ in self._partial.append(self._read(path), path.stat().st_size):
                    self._beat("copy")
                return str(path.parent)
        return None

    def _candidates(self) -> Iterator[Path]:
        beside = self._place.parent if self._place.parent.name == self._model.sha256 else None
        folders = [Path(folder) for folder in self._request.folders]
        places = [
            *(beside.iterdir() if beside and beside.is_dir() else ()),
            *(f / self._place.name for f in folders),
        ]
        for path in places:
            # what may not be read is none: it is downloaded then
            if path.is_file() and path.stat().st_size and os.access(path, os.R_OK):
                yield path

    def _read(self, path: Path) -> Iterator[bytes]:
        with path.open("rb", buffering=0) as file:
            while piece := file.read(_COPY_BYTES):
                yield piece

    # ---- from its server ----

    def _download(self) -> None:
        """Afterwards all of it has come, as far as one can know. Raises `FetchFailed`."""
        begin = self._partial.size
        self._beat("ask")
        try:
            with ask_for(self._model, begin, self._partial.tag, self._request.silence_s) as reply:
                self._receive(reply)
        except RangeRefused:
            # it is whole already, or it is not that version; the hash tells
            if not begin or self._model.sha256 == "":
                self._partial.discard()
                raise

    def _receive(self, reply: Reply) -> None:
        if reply.begin == 0:
            self._partial.begin(reply.tag)
        self._say(self._partial.size, reply.total)
        size = self._partial.size
        for size in self._partial.append(reply.pieces, reply.total):
            self._beat("receive")
            self._say(size, reply.total)
        if reply.total and size < reply.total:
            raise FetchFailed(f"broke off after {size} of {reply.total} bytes", passing=True)

    def _say(self, size: int, total: int) -> None:
        now_s = time.monotonic()
        if now_s - self._told_s >= _TELL_EVERY_S:
            self._told_s = now_s
            self._tell(FetchReport(FetchState.COMING, size, total))
