"""The pages speak of files that exist, and of every process there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edged.app.commands.new import algorithm
from edged.app.processes import TABLE
from edged.settings import parse_settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MENTION = re.compile(r"`((?:edged(?!/v1/)|algos|tests|docs|config|scripts|systemd)/[\w./-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = MENTION.findall(page.read_text())
    missing = [name for name in named if not (ROOT / name).exists()]
    assert not missing


def test_the_architecture_shows_every_process() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert all(kind.name in page for kind in TABLE)


def test_the_readme_shows_the_algorithm_that_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (ROOT / "README.md").read_text()
    (shown,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    algorithm("HeadCounter", tmp_path)
    written = iter((tmp_path / "head_counter.py").read_text().splitlines())
    assert all(line in written for line in shown.splitlines() if line), "each line, in this order"
    said = capsys.readouterr().out
    (name,) = re.findall(r"algorithm: (head_counter\S*)", said)
    assert f'"{name}"' in readme


def test_the_configs_of_the_readme_are_valid() -> None:
    configs = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert len(configs) == 2
    for config in configs:
        assert parse_settings(config, file="README.md", folder=ROOT).settings.spec.jobs
