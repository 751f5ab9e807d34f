"""Every config in docs/algorithms.md is one that edged takes, params included."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edged.algorithm import Catalogue, parse_params
from edged.planning.plan import make_plan
from edged.settings import load_settings
from tests.pages import Block, blocks

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "algorithms.md"
CONFIGS = [block for block in blocks(PAGE) if block.language == "yaml"]


@pytest.mark.parametrize("block", CONFIGS, ids=lambda block: block.section.replace(" ", "-"))
def test_configs_of_the_page_are_taken(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "page.yaml"
    path.write_text(block.text)
    plan = make_plan(load_settings(path), tmp_path)
    assert plan.jobs
    assert not plan.failed_jobs
    catalogue = Catalogue([])
    for job in plan.jobs.values():
        for link in job.spec.chain:
            parse_params(catalogue.find(link.algorithm), link.params)


def test_every_event_has_its_row_with_its_algorithm() -> None:
    rows = re.findall(r"^\| `([\w<>]+)` \| `(\w+)`[^|]* \| [^|]+ \|$", PAGE.read_text(), re.MULTILINE)
    cards = Catalogue([]).cards()
    declared = {(event.type, card.name) for card in cards for event in card.events or ()}
    assert len(rows) == len(declared)
    assert set(rows) == declared
    assert all(card.events is not None for card in cards), "each says what it sends"


def test_every_algorithm_has_its_row() -> None:
    text = PAGE.read_text()
    for card in Catalogue([]).cards():
        assert f"| `{card.name}` |" in text, f"{card.name} is not in the table of {PAGE.name}"
    assert len(CONFIGS) >= 6
