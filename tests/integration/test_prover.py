"""The prover as a process of its own: what it says of good, bad and murderous algorithms."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.errors import ChannelClosed
from edged.model.messages import JobSpec, Library, LinkSpec, Proof, ProveReport, ProveRequest, Stop
from edged.model.sampling import Sampling
from edged.model.scene import Scene
from edged.supervise.spawn import Spawned, spawn
from edged.supervise.wire import Decoder
from tests.integration.worker_rig import job
from tests.stopwatch import HANGS_S

DECODER = Decoder((ProveReport,))

SQUARE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9))

GOOD = """
from edged import BaseAlgo

class Good(BaseAlgo):
    \"\"\"Counts heads.\"\"\"
    def init(self, threshold: float = 0.5):
        print("a print to stdout harms nothing")
    def run(self, frames):
        assert len(frames) == 3 and frames[0].shape == (360, 640, 3), len(frames)
        open(self.params["seen"], "w").close() if "seen" in self.params else None
        return {"heads": 1}
"""


@pytest.fixture
def prover() -> Iterator[Spawned]:
    child = spawn("edged.worker.prover", "prover", stderr=subprocess.DEVNULL)
    yield child
    child.popen.kill()
    child.popen.wait(HANGS_S)
    child.release()


def ask(
    prover: Spawned, *jobs: JobSpec, folder: Path, models: str = "", scenes: dict[str, Scene] | None = None
) -> None:
    library = Library((str(folder),), (models,) if models else ())
    assert prover.channel.send(ProveRequest(jobs, library, scenes=scenes or {}), wait_s=5)


def next_report(prover: Spawned, within_s: float = 60.0) -> ProveReport:
    packet = prover.channel.receive(wait_s=within_s)
    assert packet is not None
    report = DECODER.decode(packet.body)
    assert isinstance(report, ProveReport)
    return report


def next_proof(prover: Spawned) -> Proof:
    (proof,) = next_report(prover).proofs
    return proof


def test_proofs_in_order(prover: Spawned, tmp_path: Path, assets: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "grumpy.py").write_text(
        "from edged import BaseAlgo\nclass Grumpy(BaseAlgo):\n    def run(self, frames):\n"
        "        raise ValueError('gray')\n"
    )
    (tmp_path / "lazy.py").write_text(
        "from edged import BaseAlgo\nclass Lazy(BaseAlgo):\n    def init(self):\n"
        "        raise ValueError('not today')\n    def run(self, frames):\n        pass\n"
    )
    detector = {"model": "yolox_nano_416.onnx"}
    ask(
        prover,
        job("a", "good", sampling=Sampling(count=3)),
        job("b", "god"),
        job("c", "good", params={"treshold": 1}),
        job("d", "detector", params=detector, then=(LinkSpec("good", {"threshold": "high"}),)),
        job("e", "detector", params={"model": "absent.onnx"}),
        job("f", "lazy"),
        job("g", "grumpy"),
        job("h", "detector", params=detector),
        folder=tmp_path,
        models=str(assets),
    )
    proofs = [next_proof(prover) for _ in range(8)]
    assert [proof.job for proof in proofs] == list("abcdefgh")
    assert [(proof.code, proof.path) for proof in proofs] == [
        ("", ""),
        ("algorithm_not_found", "algorithm"),
        ("unknown_key", "params.treshold"),
        ("invalid", "then.0.params.threshold"),
        ("model_not_found", "params.model"),
        ("algorithm_failed", "algorithm"),
        ("", ""),
        ("", ""),
    ]
    assert "did you mean 'good'" in proofs[1].error
    assert "did you mean 'threshold'" in proofs[2].error
    assert proofs[5].error == "ValueError: not today (lazy.py:4)"
    assert [bool(proof.error) for proof in proofs] == [bool(proof.code) for proof in proofs]
    assert [proof.doubt for proof in proofs if proof.doubt] == ["ValueError: gray (grumpy.py:4)"]


def test_a_zone_that_the_source_does_not_have_is_a_mistake(prover: Spawned, tmp_path: Path) -> None:
    asked = job("a", "motion", then=(LinkSpec("zones", {"zones": ["dor"]}),))
    ask(prover, asked, folder=tmp_path, scenes={asked.sources[0]: Scene({"door": SQUARE})})
    proof = next_proof(prover)
    assert (proof.code, proof.path) == ("not_found", "then.0.params.zones")
    assert proof.error == "the source has no zone 'dor'; did you mean 'door'?"

    ask(prover, asked, folder=tmp_path)  # of a scene that nobody knows nothing is said
    assert next_proof(prover) == Proof("a")


def test_no_error_of_a_users_code_shows_a_secret(prover: Spawned, tmp_path: Path) -> None:
    (tmp_path / "login.py").write_text(
        "from edged import BaseAlgo\nclass Login(BaseAlgo):\n    def init(self, token, port: int = 1):\n"
        "        raise ValueError(f'cannot log in with {token!r}')\n"
        "    def run(self, frames):\n        pass\n"
    )
    secret = "it's hunter2"
    links = (
        LinkSpec("login", {"token": secret}, (secret,)),
        LinkSpec("login", {"token": "", "port": secret}, (secret,)),
        LinkSpec("detector", {"model": secret}, (secret,)),
    )
    ask(
        prover,
        *(JobSpec(f"j{place}", ("cam",), (link,), Sampling()) for place, link in enumerate(links)),
        folder=tmp_path,
        models=str(tmp_path),
    )
    proofs = [next_proof(prover) for _ in links]
    assert [proof.code for proof in proofs] == ["algorithm_failed", "invalid", "model_not_found"]
    assert "cannot log in with" in proofs[0].error
    assert not [proof.error for proof in proofs if "hunter2" in proof.error]


def test_the_first_run_sees_a_full_window(prover: Spawned, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    (tmp_path / "good.py").write_text(GOOD.replace("threshold: float = 0.5", "seen: str"))
    ask(prover, job("a", "good", params={"seen": str(seen)}, sampling=Sampling(count=3)), folder=tmp_path)
    assert next_proof(prover).error == ""
    assert seen.exists()


def test_a_crash_keeps_what_was_proved_and_names_its_job(prover: Spawned, tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "murderer.py").write_text(
        "import signal\nfrom edged import BaseAlgo\nclass Murderer(BaseAlgo):\n    def init(self):\n"
        "        signal.raise_signal(signal.SIGSEGV)\n    def run(self, frames):\n        pass\n"
    )
    good = job("one", "good", sampling=Sampling(count=3))
    ask(prover, good, job("two", "murderer"), job("three", "good"), folder=tmp_path)
    assert next_proof(prover) == Proof("one")
    with pytest.raises(ChannelClosed):
        next_report(prover)
    assert prover.popen.wait(HANGS_S) == -signal.SIGSEGV
    (activity,) = prover.heartbeat.activities()
    assert (activity.phase, activity.job) == ("prove", "two")


def test_a_hang_is_named(prover: Spawned, tmp_path: Path) -> None:
    (tmp_path / "hanger.py").write_text(
        "import time\nfrom edged import BaseAlgo\nclass Hanger(BaseAlgo):\n    def init(self):\n"
        "        time.sleep(600)\n    def run(self, frames):\n        pass\n"
    )
    ask(prover, job("hung", "hanger"), folder=tmp_path)
    deadline = time.monotonic() + 20
    while prover.heartbeat.activity(0).job != "hung":
        assert time.monotonic() < deadline
        assert prover.channel.receive(wait_s=0.05) is None
    left_s = (prover.heartbeat.activity(0).deadline_ns - time.monotonic_ns()) / 1e9
    assert 100 < left_s <= 120


def test_the_list_of_algorithms(prover: Spawned, tmp_path: Path) -> None:
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "broken.py").write_text("import nothing_like_it\n")
    ask(prover, folder=tmp_path)
    report = next_report(prover)
    cards = {card.name: card for card in report.algorithms}
    assert {"detector", "motion", "good", "broken"} <= cards.keys()
    assert cards["good"].summary == "Counts heads."
    assert [param.name for param in cards["good"].params] == ["threshold"]
    assert "nothing_like_it" in cards["broken"].error
    assert "CPUExecutionProvider" in report.providers
    assert report.proofs == ()
    assert prover.channel.send(Stop(), wait_s=1)
    assert prover.popen.wait(HANGS_S) == 0
