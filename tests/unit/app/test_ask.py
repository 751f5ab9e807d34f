from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from edged.app.ask import ChildBug, ask
from edged.errors import EdgedError
from edged.model.messages import Library, Proof, ProveReport, ProveRequest

REQUEST = ProveRequest((), Library())
CHILD = """
import os, signal, time
from edged.errors import AlgorithmError
from edged.model.messages import (Proof, ProveReport, Stop)
from edged.supervise.child import serve

def run(channel, heartbeat):
    packet = channel.receive(wait_s=5.0)
    {body}

serve(run)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    (tmp_path / "asked_child.py").write_text(CHILD.format(body=request.param))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "asked_child"


@pytest.mark.parametrize(
    "module",
    ["channel.send(Stop()); channel.send(ProveReport((Proof('people'),), providers=('CPU',)))"],
    indirect=True,
)
def test_the_answer_is_the_first_message_of_the_type_asked_for(module: str) -> None:
    report = ask(module, REQUEST, ProveReport, within_s=10)
    assert report.proofs == (Proof("people"),)
    assert report.providers == ("CPU",)


_BUILDS = "heartbeat.beat('build', 60); time.sleep(5); channel.send(ProveReport((Proof('people'),)))"


@pytest.mark.parametrize("module", [_BUILDS], indirect=True)
def test_an_engine_that_is_built_is_waited_for(module: str) -> None:
    assert ask(module, REQUEST, ProveReport, within_s=4).proofs == (Proof("people"),)


@pytest.mark.parametrize(
    ("module", "message", "within_s"),
    [
        ("raise AlgorithmError('no such model')", "^no such model$", 10),
        ("heartbeat.beat('init', 9, job='people'); os.kill(os.getpid(), 11)", "SIGSEGV.*init p", 10),
        ("heartbeat.beat('init', 0.2, job='people'); time.sleep(60)", "no answer in time.*init people", 10),
        ("heartbeat.beat('init', 9, job='people'); os._exit(3)", "^ended with 3 while.*init people", 10),
        ("heartbeat.beat('init', 9, job='people'); raise AlgorithmError('no model')", "^no model$", 10),
        ("os.kill(os.getpid(), signal.SIGSTOP)", "no answer in time", 1.5),
    ],
    indirect=["module"],
)  # fmt: skip
def test_a_child_that_cannot_answer_says_why_and_is_gone(module: str, message: str, within_s: float) -> None:
    with pytest.raises(EdgedError, match=message):
        ask(module, REQUEST, ProveReport, within_s=within_s)
    assert not [child for child in psutil.Process().children() if module in child.cmdline()]


@pytest.mark.parametrize("module", ["raise ZeroDivisionError('by design')"], indirect=True)
def test_a_bug_of_the_child_is_told_from_a_users_mistake(module: str) -> None:
    with pytest.raises(ChildBug, match="ZeroDivisionError: by design"):
        ask(module, REQUEST, ProveReport, within_s=10)
