"""Events that jobs record in vain: who is told, and in which words; and events that nobody declared."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from edged.model.frame import FrameFormat
from edged.model.messages import ClipOrder, JobSpec, Library, LinkSpec
from edged.model.sampling import Sampling
from edged.planning.plan import make_plan
from edged.settings import load_settings
from edged.worker.opening import Opener
from edged.worker.recorded import find_unsent
from tests.pictures import noise_frame
from tests.small_models import color_classes_model

ROOT = Path(__file__).resolve().parents[3]
OWN = """
from edged import BaseAlgo
from edged.algorithm import Algorithm, AlgorithmParams

class Falls(BaseAlgo, sends={"fall": "somebody fell", "<also>": "as it is named"}):
    def init(self, also=None): pass
    def run(self, frames):
        for kind in ("fall", "jump", "jump"):
            self.emit(kind)

class Anything(BaseAlgo):
    def run(self, frames):
        self.emit("jump")

class Raises(Algorithm):
    sends = {"fall": "somebody fell"}
    @property
    def may_send(self):
        raise ValueError("not today")
    def run(self, window, before):
        self.context.emit("jump", {})
        return before

class EagerParams(AlgorithmParams):
    model: str

class Eager(Algorithm):
    Params = EagerParams
    sends = {}
    def __init__(self, context, params):
        super().__init__(context, params)
        self.session = context.model(params.model)
    def run(self, window, before):
        return before

class Exits(Algorithm):
    sends = {}
    def __init__(self, context, params):
        raise SystemExit(3)
    def run(self, window, before):
        return before
"""


@pytest.fixture
def opener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opener:
    monkeypatch.setattr(sys, "path", list(sys.path))  # its folder does not stay importable
    (tmp_path / "own.py").write_text(OWN)
    return Opener(Library((str(tmp_path),)))


def job(*chain: LinkSpec, on: tuple[str, ...] | None = None) -> JobSpec:
    clips = None if on is None else ClipOrder(on, 5.0, 10.0)
    return JobSpec("people", ("gate",), chain, Sampling(), clips=clips)


def told(opener: Opener, spec: JobSpec) -> dict[str, str]:
    return {unsent.path: unsent.message for unsent in find_unsent(spec, opener)}


FALLS, ANYTHING = LinkSpec("own:Falls", {}), LinkSpec("own:Anything", {})
TRACKER, ZONES = LinkSpec("tracker", {}), LinkSpec("zones", {})
MOTION = LinkSpec("motion", {})


def test_what_any_link_sends_can_be_recorded(opener: Opener) -> None:
    named = LinkSpec("own:Falls", {"also": "rise"})
    assert not told(opener, job(MOTION, TRACKER, ZONES))
    assert not told(opener, job(MOTION, TRACKER, ZONES, on=("object_end", "line_cross", "zone_exit")))
    assert not told(opener, job(MOTION, named, TRACKER, on=("rise", "object_start", "fall")))


@pytest.mark.parametrize("chain", [(ANYTHING,), (MOTION, ANYTHING, TRACKER), (FALLS, ANYTHING)])
def test_nothing_is_said_where_one_may_send_anything(opener: Opener, chain: tuple[LinkSpec, ...]) -> None:
    assert not told(opener, job(*chain, on=("jump", "zone_entr", "clip")))


WRONG = [
    LinkSpec("nobody", {}),
    LinkSpec("motion", {"nothing": 1}),
    LinkSpec("own:Raises", {}),
    LinkSpec("own:Exits", {}),
]


@pytest.mark.parametrize("link", WRONG, ids=lambda link: link.algorithm)
def test_what_is_wrong_with_an_algorithm_others_say(opener: Opener, link: LinkSpec) -> None:
    assert not told(opener, job(MOTION, link, on=("jump",)))


def test_one_that_opens_its_model_at_once_gets_those_that_it_may_have(opener: Opener, tmp_path: Path) -> None:
    model = tmp_path / "elsewhere" / "colors.onnx"
    model.parent.mkdir()
    color_classes_model(model)
    may, may_not = LinkSpec("own:Eager", {"model": str(model)}, files=(str(model),)), ()
    brought = LinkSpec("own:Eager", {"model": "c.onnx"}, files=(), models={"c.onnx": str(model)})
    for link in (may, brought):
        assert told(opener, job(link, on=("jump",)))
    assert not told(opener, job(replace(may, files=may_not), on=("jump",))), "it was not created"


def test_the_mend_is_said(opener: Opener) -> None:
    chain = (MOTION, TRACKER, ZONES)
    assert told(opener, job(*chain, on=("zone_enter", "Zone_Entr", "zone_dwell", "clip", "xyzzy"))) == {
        "record.on.1": 'no algorithm of this job sends "Zone_Entr"; did you mean "zone_enter"? '
        "(it sends line_cross, object_end, object_start, zone_enter, zone_exit)",
        "record.on.2": 'zones sends "zone_dwell" (it has been inside for `dwell` seconds) only with other '
        "params; `edged algos zones` tells them",
        "record.on.3": '"clip" tells of what was recorded, and is not recorded itself; name what should be',
        "record.on.4": 'no algorithm of this job sends "xyzzy" '
        "(it sends line_cross, object_end, object_start, zone_enter, zone_exit)",
    }
    assert told(opener, job(MOTION, on=("object_start", "zone_entr", "moved"))) == {
        "record.on.0": 'no algorithm of this job sends "object_start"; tracker does: put '
        "{algorithm: tracker} into `then:` (it sends no events)",
        "record.on.1": 'no algorithm of this job sends "zone_entr"; did you mean "zone_enter", which the '
        "algorithm zones sends? (it sends no events)",
        "record.on.2": 'no algorithm of this job sends "moved" (it sends no events)',
    }


def test_a_long_list_is_cut(opener: Opener) -> None:
    link = LinkSpec("own:Falls", {"also": [f"kind{number}" for number in range(10, 30)]})
    (message,) = told(opener, job(link, on=("xyzzy",))).values()
    assert message.endswith("kind20 and 9 more)")


def test_a_secret_is_not_said(opener: Opener) -> None:
    link = LinkSpec("own:Falls", {"also": "geheim"}, hidden=("geheim",))
    (message,) = told(opener, job(link, on=("xyzzy",))).values()
    assert message.endswith("(it sends fall, ***)")


def test_the_sample_of_a_config_records_what_is_sent(opener: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EDGED_MQTT_PASSWORD", "EDGED_LIVE_PASSWORD", "CAM_PASSWORD", "MODELS_TOKEN"):
        monkeypatch.setenv(name, "geheim")
    plan = make_plan(load_settings(ROOT / "config" / "edged.yaml"), ROOT)
    recording = [planned.spec for planned in plan.jobs.values() if planned.spec.clips is not None]
    assert recording
    assert not any(find_unsent(spec, opener) for spec in recording)


# ---- what is sent without having been declared ----


@pytest.mark.parametrize("name", ["Falls", "Anything", "Raises"])
def test_an_event_that_nobody_declared_goes_out_and_is_told_of_once(
    opener: Opener, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    frame = noise_frame(FrameFormat(32, 32))
    with caplog.at_level(logging.WARNING):
        for source in ("gate", "yard"):
            chain = opener.open(job(LinkSpec(f"own:{name}", {})), source)
            chain.run([frame])
            kinds = [kind for kind, _ in chain.emissions.take()]
            assert kinds.count("jump") == (2 if name == "Falls" else 1)
    said = [record.message for record in caplog.records]
    wanted = "own:Falls sends the event jump, which it does not declare: add it to its `sends`"
    assert len(said) == (1 if name == "Falls" else 0)
    assert all(wanted in message for message in said)
