from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.app.commands.new import Names, algorithm, names_of
from edged.errors import EdgedError


@pytest.mark.parametrize(
    ("name", "module", "cls"),
    [
        ("HeadCounter", "head_counter", "HeadCounter"),
        ("head_counter", "head_counter", "HeadCounter"),
        ("head-counter2", "head_counter2", "HeadCounter2"),
        ("PPEDetector", "ppe_detector", "PPEDetector"),
        ("smoke", "smoke", "Smoke"),
    ],
)
def test_either_spelling_gives_module_and_class(name: str, module: str, cls: str) -> None:
    assert names_of(name) == Names(module, cls)


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,63}", fullmatch=True))
def test_names_are_identifiers_or_refused(name: str) -> None:
    try:
        names = names_of(name)
    except EdgedError:
        return
    assert names.module.isidentifier()
    assert names.cls.isidentifier()


@pytest.mark.parametrize("name", ["", "2fast", "../../etc/x", "a b", "class", "ä"])
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(EdgedError):
        names_of(name)


def test_the_file_defines_the_class_and_is_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    algorithm("HeadCounter", tmp_path / "mine")
    file = tmp_path / "mine" / "head_counter.py"
    classes = [node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.ClassDef)]
    assert classes == ["HeadCounter"]
    said = capsys.readouterr().out
    assert f"algorithms: [{tmp_path / 'mine'}]" in said
    assert "algorithm: head_counter:HeadCounter" in said
    file.write_text("precious")
    with pytest.raises(EdgedError, match="already there"):
        algorithm("head_counter", tmp_path / "mine")
    assert file.read_text() == "precious"
