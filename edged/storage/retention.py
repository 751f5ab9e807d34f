"""Which recordings go: a pure decision. The oldest first, clips last, what is being written never."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from edged.model.recordings import Keeping, RecordedFile, RecordingKind, SourceKeeping

MB = 1_000_000
_DAY_NS = 86_400 * 1_000_000_000
_CLOCK_WAS_SET_NS = 1_577_836_800 * 1_000_000_000
"""2020: what is older by its name was made before the device knew the time, so nobody knows how old it is."""
_LEFT_BEHIND_NS = 3600 * 1_000_000_000
"""What is written gets more every few seconds. What has not for so long was left by a process that died."""
_MOST_FREE_BYTES = 500 * MB
_FREE_SHARE = 0.05


class Reason(StrEnum):
    AGE = "age"
    SOURCE = "source"
    """More than the source's max_mb."""
    DEVICE = "device"
    """More than recordings.max_mb."""
    DISK = "disk"
    """Hardly anything of the disk is free."""


@dataclass(frozen=True, slots=True)
class Disk:
    """That the recordings lie on."""

    total_bytes: int
    free_bytes: int

    @property
    def missing_bytes(self) -> int:
        """So much more should be free: a twentieth of the disk, 500 MB at most."""
        wanted = min(int(self.total_bytes * _FREE_SHARE), _MOST_FREE_BYTES)
        return max(0, wanted - self.free_bytes)


@dataclass(frozen=True, slots=True)
class Going:
    file: RecordedFile
    reason: Reason


def what_goes(files: Sequence[RecordedFile], keeping: Keeping, disk: Disk, now_wall_ns: int) -> list[Going]:
    """In the order in which to delete them; each at most once.

    Most often nothing does, of a hundred thousand: then each is looked at once, and none is sorted.
    """
    oldest_ns = {name: _oldest_ns(limits, keeping, now_wall_ns) for name, limits in keeping.sources.items()}
    of_others_ns = _oldest_ns(SourceKeeping(), keeping, now_wall_ns)
    old: list[RecordedFile] = []
    left: Counter[str] = Counter()
    for file in files:
        is_old = _CLOCK_WAS_SET_NS <= file.start_ns < oldest_ns.get(file.source, of_others_ns)
        if is_old and may_go(file, now_wall_ns):
            old.append(file)
        else:
            left[file.source] += file.bytes
    going = {file.path: Going(file, Reason.AGE) for file in sorted(old, key=_order)}
    freed = sum(file.bytes for file in old)
    over = {
        name: left[name] - limits.max_mb * MB
        for name, limits in keeping.sources.items()
        if limits.max_mb is not None and left[name] > limits.max_mb * MB
    }
    if not over and left.total() <= keeping.max_mb * MB and freed >= disk.missing_bytes:
        return list(going.values())
    in_order = sorted((file for file in files if may_go(file, now_wall_ns)), key=_order)
    for name, too_much in over.items():
        _take(too_much, (file for file in in_order if file.source == name), going, Reason.SOURCE)
    _take(_bytes_left(files, going) - keeping.max_mb * MB, in_order, going, Reason.DEVICE)
    freed = sum(each.file.bytes for each in going.values())
    _take(disk.missing_bytes - freed, in_order, going, Reason.DISK)
    return list(going.values())


def may_go(file: RecordedFile, now_wall_ns: int) -> bool:
    """Not while it is being written."""
    return not file.is_open or now_wall_ns - file.changed_ns > _LEFT_BEHIND_NS


def _order(file: RecordedFile) -> tuple[bool, int, str]:
    return file.kind is RecordingKind.CLIP, file.start_ns, file.path


def _oldest_ns(limits: SourceKeeping, keeping: Keeping, now_wall_ns: int) -> int:
    days = keeping.max_days if limits.max_days is None else limits.max_days
    return now_wall_ns - int(days * _DAY_NS)


def _bytes_left(files: Iterable[RecordedFile], going: dict[str, Going]) -> int:
    return sum(file.bytes for file in files if file.path not in going)


def _take(over: int, files: Iterable[RecordedFile], going: dict[str, Going], reason: Reason) -> None:
    for file in files:
        if over <= 0:
            return
        if file.path not in going:
            going[file.path] = Going(file, reason)
            over -= file.bytes
