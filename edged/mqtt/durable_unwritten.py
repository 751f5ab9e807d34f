"""What is owed and not yet on the disk: the loop adds to it until the database's thread takes it away.

Taken as late as it can be, so that what the broker acknowledged meanwhile is never written at all.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from edged.mqtt.durable_owed import Owed
from edged.mqtt.message import Worth


@dataclass(frozen=True, slots=True)
class Batch:
    """What one commit takes to the disk, and off it."""

    added: dict[int, Owed]
    """By id, rising."""
    removed: list[int]


class Unwritten:
    """`take` is called from the database's thread, everything else from the loop's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._added: dict[int, Owed] = {}
        self._removed: list[int] = []
        self._taken: Batch | None = None
        self.bytes: dict[Worth, int] = dict.fromkeys(Worth, 0)
        """Of what waits for a commit; what is in one does not count."""

    @property
    def is_empty(self) -> bool:
        return not (self._added or self._removed)

    @property
    def has_added(self) -> bool:
        return bool(self._added)

    def holds(self, owed: Owed) -> bool:
        """It waits for a commit."""
        return owed.id in self._added

    def add(self, owed: Owed) -> None:
        """The youngest."""
        with self._lock:
            self._added[owed.id] = owed
            self.bytes[owed.message.worth] += owed.size

    def add_older(self, older: Iterable[Owed]) -> None:
        """To be written before what waits."""
        with self._lock:
            self._put_before({owed.id: owed for owed in older if owed.id not in self._added})

    def remove(self, owed: Owed) -> None:
        """It is owed no longer: it is not written, or taken off the disk."""
        with self._lock:
            if self._added.pop(owed.id, None) is None:
                self._removed.append(owed.id)
            else:
                self.bytes[owed.message.worth] -= owed.size

    def take(self) -> Batch:
        """All there is; the same again until `committed` or `failed`."""
        with self._lock:
            if self._taken is None:
                self._taken = Batch(self._added, self._removed)
                self._added, self._removed = {}, []
                self.bytes = dict.fromkeys(Worth, 0)
            return self._taken

    def committed(self) -> Batch:
        """What was taken is on the disk."""
        with self._lock:
            batch, self._taken = self._taken, None
        return batch or Batch({}, [])

    def failed(self) -> None:
        """What was taken is not on the disk: it waits again, but for what was removed meanwhile."""
        with self._lock:
            batch, self._taken = self._taken, None
            if batch is None:
                return
            gone = {id_ for id_ in self._removed if id_ in batch.added}
            self._removed = batch.removed + [id_ for id_ in self._removed if id_ not in gone]
            self._put_before({id_: owed for id_, owed in batch.added.items() if id_ not in gone})

    def _put_before(self, older: dict[int, Owed]) -> None:
        self._added = {**older, **self._added}
        for owed in older.values():
            self.bytes[owed.message.worth] += owed.size
