"""What this process, or another, holds on to: descriptors, threads, mappings, private memory."""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
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


def growth_kib(turn: Callable[[], object], rounds: int) -> list[int]:
    """Private memory that was added by ``rounds`` turns, again and again. The first is warm-up; what leaks
    grows in each of the others, what lies in pieces does not.
    """
    sizes = [holding().private_kib]
    for _ in range(4):
        for _ in range(rounds):
            turn()
        sizes.append(holding().private_kib)
    return [after - before for before, after in pairwise(sizes)]


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
