"""What this process, or another, holds on to: descriptors, threads, mappings, private memory."""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_NUMBERED = re.compile(r"\d+")


@dataclass(frozen=True)
class Holding:
    """At one moment."""

    descriptors: Counter[str]
    """By what they are of."""
    threads: int
    maps: Counter[str]
    """By what they are of."""
    private_kib: int
    """Pages that nobody else has."""

    def more_than(self, before: Holding) -> dict[str, int]:
        """What there is more of, memory aside: for a message of an assertion."""
        more = {f"fd {kind}": n for kind, n in (self.descriptors - before.descriptors).items()}
        more |= {f"map {kind}": n for kind, n in (self.maps - before.maps).items()}
        return more | ({"threads": self.threads - before.threads} if self.threads > before.threads else {})


def holding(pid: int | str = "self") -> Holding:
    """What a process holds; this one, after a collection."""
    if pid == "self":
        gc.collect()
    proc = Path("/proc") / str(pid)
    return Holding(
        _descriptors(proc / "fd"),
        len(list((proc / "task").iterdir())),
        _maps((proc / "maps").read_text()),
        _private_kib((proc / "smaps_rollup").read_text()),
    )


def growth_kib(turn: Callable[[], object], rounds: int) -> tuple[int, int]:
    """Private memory that was added by ``rounds`` turns, and by twice as many after those: what
    grows with rounds leaks, what does not is warm-up and fragments.
    """
    sizes = [holding().private_kib]
    for times in (rounds, 2 * rounds):
        for _ in range(times):
            turn()
        sizes.append(holding().private_kib)
    return sizes[1] - sizes[0], sizes[2] - sizes[1]


def _descriptors(folder: Path) -> Counter[str]:
    kinds: Counter[str] = Counter()
    for entry in folder.iterdir():
        try:
            kinds[_NUMBERED.sub("N", str(entry.readlink()))] += 1
        except OSError:  # the descriptor of the folder itself, gone by now
            continue
    return kinds


def _maps(text: str) -> Counter[str]:
    """Of files and memfds; the allocator's own are counted as memory."""
    kinds: Counter[str] = Counter()
    for line in text.splitlines():
        columns = line.split(maxsplit=5)
        if len(columns) == 6 and not columns[5].startswith("["):
            kinds[columns[5]] += 1
    return kinds


def _private_kib(text: str) -> int:
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))
