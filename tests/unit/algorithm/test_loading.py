from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from edged.algorithm import Algorithm, AlgorithmError, Catalogue

HEADS = """
from edged import BaseAlgo

class HeadCounter(BaseAlgo):
    "Counts heads."
    def init(self, threshold: float = 0.5, names=None):
        self.threshold = threshold
    def run(self, frames):
        return {"heads": len(frames)}
"""
TWO = """
from edged import BaseAlgo

class Red(BaseAlgo):
    def run(self, frames):
        return 1

class Blue(Red):
    pass

class _Hidden(Red):
    pass

class Unfinished(BaseAlgo):
    pass
"""


@pytest.fixture(autouse=True)
def import_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders that a test allows do not stay importable."""
    monkeypatch.setattr(sys, "path", list(sys.path))


def write(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


def failure(catalogue: Catalogue, name: str) -> AlgorithmError:
    with pytest.raises(AlgorithmError) as raised:
        catalogue.find(name)
    return raised.value


def test_the_built_in_algorithms_are_there() -> None:
    catalogue = Catalogue([])
    cards = {card.name: card for card in catalogue.cards()}
    assert {"detector", "motion"} <= cards.keys()
    assert all(card.error == "" and card.summary and card.returns for card in cards.values())
    score = next(param for param in cards["detector"].params if param.name == "score")
    assert (score.type, score.default) == ("float or dict[str, float]", "0.4")
    assert score.description
    model = next(param for param in cards["detector"].params if param.name == "model")
    assert model.default == "required"
    assert issubclass(catalogue.find("detector"), Algorithm)


HEAD = """
import numpy as np

def my_head(outputs, width, height, score):
    return np.zeros((0, 4)), [], []

def _hidden():
    pass

Limit = 5
"""


def test_a_function_is_found_in_an_allowed_folder(tmp_path: Path) -> None:
    write(tmp_path / "mine", "parser.py", HEAD)
    found = Catalogue([tmp_path / "mine"]).function("parser:my_head")
    assert found([], 64, 64, 0.5)[1] == []


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("parser", "not_allowed", "file:function"),
        ("../parser:my_head", "not_allowed", "file:function"),
        ("parser:_hidden", "algorithm_not_found", "there are my_head"),
        ("parser:my_hed", "algorithm_not_found", "did you mean 'parser:my_head'"),
        ("parser:np", "algorithm_not_found", "has no function 'np'"),
        ("parser:Limit", "algorithm_not_found", "has no function 'Limit'"),
        ("absent:my_head", "algorithm_not_found", "there is no absent.py"),
        ("broken:my_head", "algorithm_failed", "broken.py:1"),
    ],
)
def test_functions_that_cannot_be_had_say_why(tmp_path: Path, name: str, code: str, message: str) -> None:
    write(tmp_path / "mine", "parser.py", HEAD)
    write(tmp_path / "mine", "broken.py", "1 / 0")
    with pytest.raises(AlgorithmError) as raised:
        Catalogue([tmp_path / "mine"]).function(name)
    assert raised.value.code == code
    assert message in str(raised.value)


def test_a_file_of_a_head_and_an_algorithm_is_imported_once(tmp_path: Path) -> None:
    write(
        tmp_path / "mine",
        "both.py",
        HEADS + "\ndef head(outputs, width, height, score):\n    return HeadCounter\n",
    )
    catalogue = Catalogue([tmp_path / "mine"])
    catalogue.find("both")
    made = catalogue.function("both:head")([], 1, 1, 0.5)
    assert catalogue.find("both").algo_class is made  # type: ignore[attr-defined]


def test_the_built_in_ones_are_the_packages_own() -> None:
    import algos
    from algos.motion import Motion

    assert Catalogue([]).find("motion") is Motion
    assert str(Path(algos.__path__[0])) not in sys.path


def test_cards_write_types_and_defaults_as_the_spec_does() -> None:
    card = next(card for card in Catalogue([]).cards() if card.name == "detector")
    written = {param.name: (param.type, param.default) for param in card.params}
    assert written["labels"] == ("list[str] or null", "null")
    assert written["resize"] == ("auto|letterbox|stretch", "auto")
    assert written["provider"][1] == "auto"
    assert written["provider"][0].startswith("auto|cpu|")


def test_a_users_file_is_found_by_its_name(tmp_path: Path) -> None:
    path = write(tmp_path, "heads.py", HEADS)
    catalogue = Catalogue([tmp_path])
    assert catalogue.find("heads") is catalogue.find("heads:HeadCounter")
    card = next(card for card in catalogue.cards() if card.name == "heads")
    assert (card.summary, card.file) == ("Counts heads.", str(path))
    assert [(p.name, p.type, p.default) for p in card.params] == [
        ("threshold", "float", "0.5"),
        ("names", "any", "null"),
    ]


def test_a_file_with_several_lists_each(tmp_path: Path) -> None:
    write(tmp_path, "colours.py", TWO)
    catalogue = Catalogue([tmp_path])
    names = [card.name for card in catalogue.cards()]
    assert "colours:Red" in names
    assert "colours:Blue" in names
    assert not {"colours", "colours:_Hidden", "colours:Unfinished"} & set(names)
    error = failure(catalogue, "colours")
    assert error.code == "algorithm_not_found"
    assert "say which, colours:Red, colours:Blue" in str(error)
    assert "did you mean 'colours:Blue'" in str(failure(catalogue, "colours:Bleu"))
    assert "did you mean 'colours:Red'?" in str(failure(catalogue, "Red"))


def test_a_wrong_name_says_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, "heads.py", HEADS)
    error = failure(Catalogue([tmp_path]), "haeds")
    assert error.code == "algorithm_not_found"
    assert "did you mean 'heads'?" in str(error)


@pytest.mark.parametrize(
    "name",
    [
        "../heads",
        "/etc/passwd",
        "os.path:join",
        "a/b",
        "heads.py",
        "heads:",
        ":X",
        "",
        "a b",
        "a:b:c",
        "héads",
        "heads\n",
        "..",
        "~root",
    ],
)
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    allowed = tmp_path / "allowed"
    write(allowed, "ok.py", HEADS)
    write(tmp_path, "heads.py", "raise SystemExit('imported')")
    assert failure(Catalogue([allowed]), name).code == "not_allowed"


def test_nothing_outside_the_folders_is_imported(tmp_path: Path) -> None:
    write(tmp_path, "antigravity_probe.py", "import sys; sys.antigravity_probe = True")
    catalogue = Catalogue([tmp_path / "empty"])
    for name in ("antigravity_probe", "os:environ", "subprocess", "json:JSONDecoder", "edged"):
        assert failure(catalogue, name).code == "algorithm_not_found"
    assert not hasattr(sys, "antigravity_probe")


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("import os\n1 / 0\n", 2, "ZeroDivisionError: division by zero"),
        ("x = 1\ndef f(:\n", 2, "SyntaxError"),
        ("import no_such_module_xyz\n", 1, "ModuleNotFoundError: No module named 'no_such_module_xyz'"),
        ("\n\nraise SystemExit(3)\n", 3, "SystemExit: 3"),
        ("from stream_infer import BaseAlgo\n", 1, "write `from edged import BaseAlgo`"),
        ("def f():\n    raise ValueError('deep')\n\nf()\n", 2, "ValueError: deep"),
    ],
)
def test_a_file_that_does_not_import_says_where_and_why(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    path = write(tmp_path, "broken.py", text)
    write(tmp_path, "heads.py", HEADS)
    catalogue = Catalogue([tmp_path])
    error = failure(catalogue, "broken")
    assert error.code == "algorithm_failed"
    assert str(error).startswith(f"{path}:{line}: ")
    assert reason in str(error)
    cards = {card.name: card for card in catalogue.cards()}
    assert cards["broken"].error == str(error)
    assert cards["heads"].error == ""


def test_looking_for_the_nearest_name_imports_nothing(tmp_path: Path) -> None:
    write(tmp_path, "marking.py", "import sys; sys.marking_was_imported = True")
    assert "did you mean 'marking'" in str(failure(Catalogue([tmp_path]), "markng"))
    assert not hasattr(sys, "marking_was_imported")


def test_files_with_an_underscore_are_no_algorithms(tmp_path: Path) -> None:
    write(tmp_path, "_heads.py", HEADS)
    catalogue = Catalogue([tmp_path])
    assert failure(catalogue, "_heads").code == "algorithm_not_found"
    assert "_heads" not in {card.name for card in catalogue.cards()}


def test_a_file_without_an_algorithm(tmp_path: Path) -> None:
    write(tmp_path, "tools.py", "x = 1\n")
    catalogue = Catalogue([tmp_path])
    assert "tools" not in {card.name for card in catalogue.cards()}
    assert "has no algorithm in it" in str(failure(catalogue, "tools"))


def test_a_file_may_import_its_siblings_but_not_replace_what_is_installed(tmp_path: Path) -> None:
    write(tmp_path, "sibling_of_heads.py", "ANSWER = 42\n")
    assert "tabnanny" not in sys.modules
    write(tmp_path, "tabnanny.py", "raise RuntimeError('not the one that is installed')\n")
    write(
        tmp_path,
        "asks.py",
        """
        import tabnanny
        from sibling_of_heads import ANSWER
        from edged import BaseAlgo

        class Asks(BaseAlgo):
            def run(self, frames):
                return [ANSWER, tabnanny.__name__]
        """,
    )
    assert Catalogue([tmp_path]).find("asks").__name__ == "Asks"


def test_the_first_folder_with_a_name_counts_and_the_other_is_told(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    write(first, "heads.py", HEADS)
    write(second, "heads.py", HEADS.replace("HeadCounter", "Other"))
    write(second, "motion.py", HEADS)
    catalogue = Catalogue([first, second, tmp_path / "not there"])
    assert catalogue.find("heads").__name__ == "HeadCounter"
    assert catalogue.find("motion").__name__ == "Motion"
    hidden = [card.name for card in catalogue.cards() if card.error.startswith("hidden by ")]
    assert hidden == ["heads", "motion"]


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path, "heads.py", HEADS)
    catalogue = Catalogue([tmp_path])
    old = catalogue.find("heads")
    assert catalogue.find("heads") is old
    path.write_text(HEADS.replace("HeadCounter", "Newer"))
    os.utime(path, ns=(1, 1))
    assert catalogue.find("heads").__name__ == "Newer"


def test_own_algorithms_of_the_richer_api_are_found(tmp_path: Path) -> None:
    write(
        tmp_path,
        "rich.py",
        """
        from __future__ import annotations
        from pydantic import Field
        from edged import Algorithm, AlgorithmParams, Outcome

        class BrightParams(AlgorithmParams):
            level: int = Field(3, ge=0, description="gray levels")

        class Bright(Algorithm):
            \"\"\"How bright it is.

            More text.
            \"\"\"
            Params = BrightParams
            returns = "data.bright"
            def run(self, window, before):
                return Outcome(before.detections, {**before.data, "bright": float(window[-1].y.mean())})
        """,
    )
    card = next(card for card in Catalogue([tmp_path]).cards() if card.name == "rich")
    assert (card.error, card.summary, card.returns) == ("", "How bright it is.", "data.bright")
    assert card.params[0].description == "gray levels"


def test_importing_edged_is_light() -> None:
    probe = (
        "import sys, edged; assert 'numpy' not in sys.modules and 'pydantic' not in sys.modules;"
        "from edged import BaseAlgo; assert 'onnxruntime' not in sys.modules;"
        "assert 'BaseAlgo' in dir(edged);"
        "import edged.algorithm as a;"
        "assert all(getattr(edged, n) is getattr(a, n) for n in edged._OF_ALGORITHMS)"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, timeout=60)


def test_the_stub_declares_what_the_package_gives() -> None:
    import edged

    stub = Path(edged.__file__).with_suffix(".pyi").read_text()
    declared = [line.split(" as ")[1] for line in stub.splitlines() if line.startswith("from ")]
    assert declared == list(edged._MODULES)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = edged.Nothing
