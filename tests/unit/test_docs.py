"""The pages speak of files that exist, and of every process there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edged.app.processes import TABLE

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MENTION = re.compile(r"`((?:edged|algos|tests|docs|config|scripts|systemd)/[\w./-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = MENTION.findall(page.read_text())
    missing = [name for name in named if not (ROOT / name).exists()]
    assert not missing


def test_the_architecture_shows_every_process() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert all(kind.name in page for kind in TABLE)
