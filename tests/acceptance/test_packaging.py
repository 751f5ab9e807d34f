"""The wheel that `python -m build` makes, in an environment where nothing of this checkout can be seen."""

from __future__ import annotations

import email
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

_BUILD_S = 120
_INSTALL_S = 300


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without isolation: the build backend is one of the development requirements."""
    folder = tmp_path_factory.mktemp("dist")
    run(
        [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            str(folder),
            str(REPOSITORY),
        ],
        _BUILD_S,
    )
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an empty environment with the wheel, and what it requires, in it."""
    folder = tmp_path_factory.mktemp("environment")
    run([sys.executable, "-m", "venv", str(folder)], _BUILD_S)
    run(
        [
            str(folder / "bin" / "pip"),
            "install",
            "--no-compile",
            "--quiet",
            "--disable-pip-version-check",
            str(wheel),
        ],
        _INSTALL_S,
    )
    return folder / "bin"


def run(command: list[str], within_s: float) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=within_s, cwd="/", env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_the_code_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        described = email.message_from_bytes(archive.read(metadata))
    assert {name.split("/")[0] for name in names} == {"edged", "algos", metadata.split("/")[0]}
    assert "edged/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.endswith((".pyc", ".onnx", ".mp4"))]
    assert described["License-Expression"] == "Apache-2.0"


def test_the_installed_wheel_runs(installed: Path, tmp_path: Path) -> None:
    edged = str(installed / "edged")
    assert run([edged, "--version"], 30).startswith("edged 0.")
    assert {line.split()[0] for line in run([edged, "algos"], 60).splitlines()} >= {"detector", "motion"}
    config = tmp_path / "gate.yaml"
    config.write_text(
        "spec:\n  sources: {gate: {url: 'pattern://testsrc2'}}\n  jobs: {moving: {algorithm: motion}}\n"
    )
    assert run([edged, "check", str(config)], 60) == "OK: 1 source, 1 job\n"
