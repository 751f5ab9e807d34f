from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from edged.app import checking, cli
from edged.app.ask import ChildBug

HEAVY = ("numpy", "av", "cv2", "onnxruntime", "amqtt")


def outcome(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str]:
    """Exit code and standard error of the command line, in this process."""
    with pytest.raises(SystemExit) as end:
        cli.main(list(words))
    captured = capsys.readouterr()
    assert captured.out == ""
    return end.value.code, captured.err


@pytest.fixture
def buggy_check(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    def examine(_: Path) -> None:
        raise request.param

    monkeypatch.setattr(checking, "examine", examine)


@pytest.mark.parametrize("buggy_check", [ZeroDivisionError("rtsp://u:geheim@h/")], indirect=True)
@pytest.mark.usefixtures("buggy_check")
def test_a_bug_is_one_line_without_secrets_and_70(capsys: pytest.CaptureFixture[str]) -> None:
    code, err = outcome(capsys, "check", "any.yaml")
    assert code == 70
    assert err.count("\n") == 1
    assert "a bug: ZeroDivisionError in test_cli.py" in err
    assert "--debug" in err
    assert "geheim" not in err


@pytest.mark.parametrize("buggy_check", [ZeroDivisionError("why")], indirect=True)
@pytest.mark.usefixtures("buggy_check")
@pytest.mark.parametrize("words", [["--debug", "check", "any.yaml"], ["check", "any.yaml", "--debug"]])
def test_with_debug_a_bug_shows_its_traceback(words: list[str]) -> None:
    with pytest.raises(ZeroDivisionError, match="why"):
        cli.main(words)


def test_ctrl_c_before_the_command_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(app: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.typer.main, "get_command", interrupted)
    with pytest.raises(SystemExit) as ended:
        cli.main(["algos"])
    assert ended.value.code == 130


@pytest.mark.parametrize("buggy_check", [ChildBug("line 1\nValueError: 2")], indirect=True)
@pytest.mark.usefixtures("buggy_check")
def test_a_bug_of_a_child_is_a_bug(capsys: pytest.CaptureFixture[str]) -> None:
    code, err = outcome(capsys, "check", "any.yaml")
    assert code == 70
    assert "ValueError: 2" in err


@pytest.mark.parametrize(
    "buggy_check", [PermissionError(13, "Permission denied", "gate.yaml")], indirect=True
)
@pytest.mark.usefixtures("buggy_check")
def test_what_the_system_refuses_is_the_users_to_mend(capsys: pytest.CaptureFixture[str]) -> None:
    code, err = outcome(capsys, "check", "gate.yaml")
    assert code == 1
    assert "Permission denied" in err
    assert "gate.yaml" in err


@pytest.mark.parametrize(
    "module", ["edged.app.cli", "edged.app.daemon", "edged.app.checking", "edged.app.config_diagnosis"]
)
def test_main_never_loads_pixels_or_inference(module: str) -> None:
    """The import contracts look at the text; this looks at what is really loaded."""
    script = f"import sys, {module}; print(*(set(sys.modules) & set({HEAVY!r})))"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    assert loaded.stdout.strip() == ""
