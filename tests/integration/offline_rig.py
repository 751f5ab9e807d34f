"""Videos, algorithms and jobs for offline analysis, and what belongs to none of its threads."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from edged.offline.engine.result import Result

ALGORITHMS = '''
import time
from edged import BaseAlgo

class Bright(BaseAlgo, keeps_state=False):
    """Takes longer for some frames than for those after them."""
    def run(self, frames):
        index = self.frame.index
        time.sleep(index * 7 % 5 / 500)
        level = int(frames[-1].astype("uint32").sum() % 1000)
        if index % 5 == 0:
            self.emit("fifth", label="early")
        box = [10, 10, 20 + index % 50, 40]
        found = [{"box": box, "label": "spot", "score": 0.9}]
        return {"level": level, "seen": len(frames), "detections": found}

class Held(Bright, keeps_state=True):
    """The same, one after the other."""

class Sum(BaseAlgo):
    def init(self, fail_at=-1):
        self.sum, self.fail_at = 0, fail_at
    def run(self, frames):
        if self.frame.index == self.fail_at:
            raise RuntimeError("it is full")
        self.sum += self.before.get("level", 1)
        if self.frame.index % 7 == 0:
            self.emit("seventh", n=self.sum)
        return {"sum": self.sum}

class Loud(BaseAlgo):
    """Draws white over the left half."""
    def run(self, frames):
        return {}
    def draw(self, picture, result):
        picture[:, : picture.shape[1] // 2] = 255
'''
CHAIN = {"algorithm": "own:Bright", "then": [{"algorithm": "own:Sum"}], "sampling": {"interval": 0.1}}


def write_algorithms(folder: Path) -> Path:
    """The folder, with ``own.py`` in it."""
    (folder / "own.py").write_text(ALGORITHMS)
    return folder


def told(results: Iterable[Result]) -> list[bytes]:
    """All results and their events, as they would be written."""
    lines: list[bytes] = []
    for result in results:
        lines += [event.to_json() for event in result.events]
        lines += [result.to_json()] if result.wanted else []
    return lines


def own_threads() -> list[str]:
    """Those of offline analysis that are still there."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("edged-")]


def as_in_realtime(body: dict[str, Any]) -> dict[str, Any]:
    """Without what offline results and events leave out or number in their own way."""
    left_out = ("boot", "time", "latency_ms", "device", "id")
    return {key: value for key, value in body.items() if key not in left_out}
