"""Which version of MQTT to speak: 5 where the broker does, 3.1.1 where not, and what worked is remembered.

A broker that does not speak MQTT 5 may say so, close the connection, or just be silent. The last two
look like trouble on the network, so one failure never settles it.
"""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path

_DOUBT_5_AFTER = 3
_DOUBT_311_AFTER = 10
_REMEMBERED_BROKERS = 16


class Protocol(StrEnum):
    AUTO = "auto"
    V5 = "5"
    V311 = "3.1.1"


class ProtocolChoice:
    """Pure: told what happened, it says what to speak next."""

    def __init__(self, configured: Protocol, remembered: Protocol | None = None) -> None:
        self._auto = configured is Protocol.AUTO
        self._failures = 0
        self.remembered = remembered if self._auto else configured
        """What worked last; None when nothing did yet."""
        self.current = self.remembered or Protocol.V5
        """What to speak at the next attempt."""

    def worked(self) -> None:
        """The broker accepted a connection, or refused it in words of this version."""
        self._failures = 0
        if self._auto:
            self.remembered = self.current

    def no_answer(self) -> bool:
        """The broker was reached and gave no answer to CONNECT. True: try the other version at once."""
        if not self._auto:
            return False
        self._failures += 1
        if self.current is Protocol.V5:
            if self.remembered is Protocol.V5 and self._failures < _DOUBT_5_AFTER:
                return False
            self.current = Protocol.V311
            return True
        if self.remembered is Protocol.V311 and self._failures < _DOUBT_311_AFTER:
            return False
        self._failures = 0
        self.current = Protocol.V5
        return False


class ProtocolMemory:
    """What worked with which broker, over restarts: a small JSON file, replaced whole."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def recall(self, broker: str) -> Protocol | None:
        """What worked with ``host:port``. None: never met, or the file cannot be read."""
        try:
            return Protocol(self._read()[broker])
        except (KeyError, ValueError):
            return None

    def store(self, broker: str, protocol: Protocol) -> None:
        """Remember it. Blocks on the disk. Raises OSError."""
        if self._path is None:
            return
        known = {name: version for name, version in self._read().items() if name != broker}
        known[broker] = protocol.value
        newest = dict(list(known.items())[-_REMEMBERED_BROKERS:])
        _replace(self._path, json.dumps(newest).encode())

    def _read(self) -> dict[str, str]:
        if self._path is None:
            return {}
        try:
            content = json.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}


def _replace(path: Path, content: bytes) -> None:
    """Temp file in the same folder, fsync, rename, fsync the folder: whole before and after a power cut."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
