"""`edged analyze` as a command, and what it is given: the real footage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

AISLE, BOTTLES, PEOPLE = "store-aisle-detection", "bottle-detection", "one-by-one-person-detection"
COMMAND = [sys.executable, "-m", "edged", "analyze"]


def analyze(*words: str | Path, within_s: float = 120, **how: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, words)], capture_output=True, text=True, timeout=within_s, check=False, **how
    )


def films(assets: Path, *names: str) -> list[Path]:
    return [assets / f"{name}.mp4" for name in names]


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.getcwd(), "COLUMNS": "200"}  # noqa: PTH109
