"""Which recordings go: a pure decision. The oldest first, clips last, what is being written never."""

from __future__ import annotations

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
    """In the order in which to delete them; each at most once."""
    going: dict[str, Going] = {}
    in_order = sorted(
        (file for file in files if may_go(file, now_wall_ns)),
        key=lambda file: (file.kind is RecordingKind.CLIP, file.start_ns, file.path),
    )
    for file in in_order:
        if _is_too_old(file, keeping, now_wall_ns):
            going[file.path] = Going(file, Reason.AGE)
    for name, limits in keeping.sources.items():
        if limits.max_mb is not None:
            of_source = [file for file in files if file.source == name]
            over = _bytes_left(of_source, going) - limits.max_mb * MB
            _take(over, (file for file in in_order if file.source == name), going, Reason.SOURCE)
    _take(_bytes_left(files, going) - keeping.max_mb * MB, in_order, going, Reason.DEVICE)
    freed = sum(each.file.bytes for each in going.values())
    _take(disk.missing_bytes - freed, in_order, going, Reason.DISK)
    return list(going.values())


def may_go(file: RecordedFile, now_wall_ns: int) -> bool:
    """Not while it is being written."""
    return not file.is_open or now_wall_ns - file.changed_ns > _LEFT_BEHIND_NS


def _is_too_old(file: RecordedFile, keeping: Keeping, now_wall_ns: int) -> bool:
    days = keeping.sources.get(file.source, SourceKeeping()).max_days
    oldest_ns = now_wall_ns - int((keeping.max_days if days is None else days) * _DAY_NS)
    return _CLOCK_WAS_SET_NS <= file.start_ns < oldest_ns


def _bytes_left(files: Iterable[RecordedFile], going: dict[str, Going]) -> int:
    return sum(file.bytes for file in files if file.path not in going)


def _take(over: int, files: Iterable[RecordedFile], going: dict[str, Going], reason: Reason) -> None:
    for file in files:
        if over <= 0:
            return
        if file.path not in going:
            going[file.path] = Going(file, reason)
            over -= file.bytes
