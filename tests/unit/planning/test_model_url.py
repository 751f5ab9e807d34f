"""Whence a spec's models come, who may see what secret, and which jobs a model's change concerns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edged.control.difference import Action, Verb, difference
from edged.planning.plan import Plan, make_plan
from edged.settings import Loaded, Spec, parse_settings
from edged.settings.applies import Applies, applies_of
from edged.settings.brought import BroughtModel
from edged.settings.network import read_spec
from edged.settings.showing import shown

A, B = "a" * 64, "b" * 64
FOLDER = Path("/etc/edged")
STORE = "/state/models/.store"
SECRETS = {
    "token": {"env": "TOKEN", "hosts": ["models.example"]},
    "pair": {"env": "PAIR", "hosts": ["*"]},
}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "t0ken")
    monkeypatch.setenv("PAIR", "me:p@ss")


def file(models: Any = None, jobs: Any = None) -> Loaded:
    settings = {
        "device": "box",
        "storage": {"path": "/state"},
        "secrets": SECRETS,
        "spec": {"models": models or {}, "jobs": jobs or {}},
    }
    return parse_settings(json.dumps(settings), file="f.yaml", folder=FOLDER)


def model(**more: Any) -> dict[str, Any]:
    return {"people.onnx": {"url": "https://models.example/p.onnx", "sha256": A} | more}


def job(*names: str) -> dict[str, Any]:
    """One link for each name; the first has it deep down."""
    first, *then = ({"algorithm": "x", "params": {"deep": [{"model": name}]}} for name in names)
    return {**first, "then": then}


def test_where_it_lies_says_what_it_is() -> None:
    (found,) = make_plan(file(model()), FOLDER).models.values()
    assert (found.path, found.sha256, found.authorization) == (f"{STORE}/{A}/people.onnx", A, "")
    assert found.kept_mb == 256, "half of storage.max_mb, for what waits for the broker"
    capitals = make_plan(file(model(sha256=A.upper())), FOLDER)
    assert capitals.models["people.onnx"] == found


@pytest.mark.parametrize(
    ("more", "url", "authorization"),
    [
        ({"secret": "token"}, "https://models.example/p.onnx", "Bearer t0ken"),
        ({"secret": "pair"}, "https://models.example/p.onnx", "Basic bWU6cEBzcw=="),
        (
            {"url": "https://u:${secret:token}@models.example/p"},
            "https://models.example/p",
            "Basic dTp0MGtlbg==",
        ),
        ({"url": "https://models.example/p?k=${secret:token}"}, "https://models.example/p?k=t0ken", ""),
    ],
)
def test_secrets_go_to_their_hosts(more: Any, url: str, authorization: str) -> None:
    plan = make_plan(read_spec({"models": model(**more)}, file()), FOLDER)
    (found,) = plan.models.values()
    assert (found.url, found.authorization) == (url, authorization)
    assert "t0ken" not in repr(plan)
    assert "bWU6" not in repr(plan)


@pytest.mark.parametrize(
    ("more", "code", "key"),
    [
        ({"url": "https://elsewhere.example/p", "secret": "token"}, "secret_not_allowed", "secret"),
        ({"url": "https://elsewhere.example/${secret:token}"}, "secret_not_allowed", "url"),
        ({"url": "https://u:v@models.example/p", "secret": "token"}, "invalid", "secret"),
        ({"url": "https://models.example:99999/p"}, "invalid", "url"),
    ],
)
def test_what_cannot_be_had_fails_its_jobs_and_no_other(more: Any, code: str, key: str) -> None:
    jobs = {"uses": job("people.onnx"), "does-not": job("other.onnx")}
    plan = make_plan(file(model(**more), jobs), FOLDER)
    assert set(plan.jobs) == {"does-not"}
    for failure in (plan.failed_models["people.onnx"], plan.failed_jobs["uses"]):
        (problem,) = failure.problems
        assert (problem.code, problem.path) == (code, f"spec.models.people.onnx.{key}")
        assert "t0ken" not in problem.message


def test_a_job_is_given_what_its_params_name() -> None:
    plan = make_plan(file(model(), {"j": job("people.onnx", "other.onnx")}), FOLDER)
    first, second = plan.jobs["j"].spec.chain
    assert (first.models, second.models) == ({"people.onnx": f"{STORE}/{A}/people.onnx"}, {})


CHANGES = {"url": "https://other.example/p.onnx", "sha256": B, "secret": "pair"}


@pytest.mark.parametrize("field", BroughtModel.model_fields)
def test_a_model_is_loaded_anew_for_other_bytes_alone(field: str) -> None:
    jobs = {"uses": job("x.onnx", "people.onnx"), "does-not": job("x.onnx")}
    before, after = (
        make_plan(file(model(**changed), jobs), FOLDER) for changed in ({}, {field: CHANGES[field]})
    )
    assert before.jobs["does-not"] == after.jobs["does-not"]
    lives_on = before.jobs["uses"] == after.jobs["uses"]
    assert applies_of(BroughtModel)[field] is (Applies.LIVE if lives_on else Applies.JOB)
    specs = [file(model(**changed), jobs).settings.spec for changed in ({}, {field: CHANGES[field]})]
    expected = () if lives_on else (Action(Verb.RESTART, "job", "uses", ("models.people.onnx.sha256",)),)
    assert difference(*specs) == expected


def test_a_name_that_is_brought_from_now_on_is_another_model() -> None:
    before, after = Spec(jobs={"j": job("people.onnx")}), Spec(models=model(), jobs={"j": job("people.onnx")})  # type: ignore[arg-type]
    assert [action.verb for action in difference(before, after)] == [Verb.RESTART]


def test_the_files_own_word_stands_where_it_is() -> None:
    """A patch on top of the file leaves its ``${env:…}`` alone; one that moves it is refused."""
    url = "https://models.example/p.onnx?k=${env:TOKEN}"
    own = file(model(url=url))
    patched: Plan = make_plan(read_spec({"models": model(url=url, sha256=B)}, own), FOLDER)
    assert patched.models["people.onnx"].url.endswith("t0ken")
    from edged.errors import SpecRejected

    moved = {"cars.onnx": {"url": url, "sha256": A}}
    with pytest.raises(SpecRejected, match="not allowed in a spec from MQTT"):
        read_spec({"models": moved}, own)


def test_what_is_shown_of_it() -> None:
    spec = {"models": model(url="https://u:pw@h/p?token=x", secret="token")}
    assert shown(spec)["models"]["people.onnx"] == {
        "url": "https://u:***@h/p?token=***", "sha256": A, "secret": "token",
    }  # fmt: skip
