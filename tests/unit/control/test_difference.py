"""From one spec to another: what is done, and to whom."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.control.difference import Action, Verb, difference
from edged.settings.applies import Applies, applies_of
from edged.settings.job_section import Job, Publish, Sampling
from edged.settings.source_section import Source
from edged.settings.spec import Spec

NAMES = ("gate", "yard", "door")
SQUARE = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9))

SOURCES = st.fixed_dictionaries(
    {"url": st.sampled_from(["film.mp4", "other.mp4"])},
    optional={
        "enabled": st.booleans(),
        "fps": st.sampled_from([5, 15]),
        "masks": st.dictionaries(st.sampled_from(["a", "b"]), st.just(SQUARE)),
    },
)
JOBS = st.fixed_dictionaries(
    {"algorithm": st.sampled_from(["motion", "detector"])},
    optional={
        "sources": st.just("*") | st.just(["gate"]),
        "enabled": st.booleans(),
        "params": st.dictionaries(st.sampled_from(["score", "labels"]), st.integers(0, 2)),
        "sampling": st.fixed_dictionaries({}, optional={"interval": st.sampled_from([0.5, 2.0])}),
        "publish": st.fixed_dictionaries({}, optional={"qos": st.sampled_from([0, 1])}),
        "then": st.just([{"algorithm": "tracker"}]),
        "worker": st.sampled_from(["main", "own"]),
    },
)
SPECS = st.builds(
    lambda sources, jobs: Spec.model_validate(
        {"sources": {"gate": {"url": "film.mp4"}, **sources}, "jobs": jobs}
    ),
    st.dictionaries(st.sampled_from(NAMES), SOURCES),
    st.dictionaries(st.sampled_from(["people", "cars"]), JOBS),
)


def changed(spec: Spec, kind: str, name: str, **fields: Any) -> Spec:
    """``spec`` with fields of one source or job set."""
    whole = spec.model_dump()
    whole[kind][name] |= fields
    return Spec.model_validate(whole)


@given(SPECS)
def test_what_is_equal_needs_nothing(spec: Spec) -> None:
    assert difference(spec, spec.model_copy(deep=True)) == ()
    backwards = Spec(sources=dict(reversed(spec.sources.items())), jobs=dict(reversed(spec.jobs.items())))
    assert difference(spec, backwards) == ()


@given(SPECS, SPECS)
def test_exactly_what_differs_is_named_and_going_back_is_the_mirror(before: Spec, after: Spec) -> None:
    actions = difference(before, after)
    named = [(action.kind, action.name) for action in actions]
    assert len(named) == len(set(named))
    for name in {*before.sources, *after.sources}:
        assert (("source", name) in named) == (before.sources.get(name) != after.sources.get(name))
    for name in before.jobs.keys() & after.jobs.keys():
        one, other = before.jobs[name], after.jobs[name]
        resolved = set(before.sources_of(name)) != set(after.sources_of(name))
        others = one.model_copy(update={"sources": "*"}) != other.model_copy(update={"sources": "*"})
        assert (("job", name) in named) == (resolved or others)
    mirror = {Verb.START: Verb.STOP, Verb.STOP: Verb.START}
    back = {(action.kind, action.name): action for action in difference(after, before)}
    assert set(back) == set(named)
    for action in actions:
        if action.fields and back[action.kind, action.name].fields:
            there = back[action.kind, action.name]
            assert there.verb is mirror.get(action.verb, action.verb)
            assert set(there.fields) == set(action.fields)


@given(SPECS, JOBS)
def test_a_change_of_one_job_touches_nothing_else(spec: Spec, fields: dict[str, Any]) -> None:
    for name in spec.jobs:
        actions = difference(spec, changed(spec, "jobs", name, **fields))
        assert {(action.kind, action.name) for action in actions} <= {("job", name)}


@given(SPECS, SOURCES)
def test_a_change_of_one_source_touches_no_job(spec: Spec, fields: dict[str, Any]) -> None:
    for name in spec.sources:
        actions = difference(spec, changed(spec, "sources", name, **fields))
        assert {(action.kind, action.name) for action in actions} <= {("source", name)}


RUNNING = Spec.model_validate(
    {
        "sources": {"gate": {"url": "film.mp4"}, "yard": {"url": "film.mp4"}},
        "jobs": {
            "all": {"algorithm": "motion"},
            "one": {"algorithm": "detector", "sources": ["gate"], "params": {"score": 0.4}},
            "off": {"algorithm": "motion", "sources": ["gate"], "enabled": False},
        },
    }
)


@pytest.mark.parametrize(
    ("kind", "name", "fields", "action", "words"),
    [
        ("jobs", "one", {"sampling": {"interval": 0.2}},
         Action(Verb.ADJUST, "job", "one", ("sampling.interval",)), "one: sampling.interval changes, live"),
        ("jobs", "one", {"params": {"score": 0.5, "labels": []}},
         Action(Verb.RESTART, "job", "one", ("params.score", "params.labels")),
         "one: params.score, params.labels change, restarts"),
        ("jobs", "one", {"enabled": False},
         Action(Verb.STOP, "job", "one", ("enabled",)), "one: enabled changes, stops"),
        ("jobs", "off", {"enabled": True},
         Action(Verb.START, "job", "off", ("enabled",)), "off: enabled changes, starts"),
        ("jobs", "off", {"params": {"score": 1}},
         Action(Verb.ADJUST, "job", "off", ("params.score",)), "off: params.score changes, live"),
        ("sources", "gate", {"masks": {"a": SQUARE}},
         Action(Verb.ADJUST, "source", "gate", ("masks.a",)), "gate: masks.a changes, live"),
        ("sources", "gate", {"url": "other.mp4", "fps": 5.0, "loop": True, "timeout": 3.0},
         Action(Verb.RESTART, "source", "gate", ("url", "fps", "loop", "timeout")),
         "gate: url, fps, loop and 1 more change, restarts"),
    ],
)  # fmt: skip
def test_one_field(kind: str, name: str, fields: dict[str, Any], action: Action, words: str) -> None:
    assert difference(RUNNING, changed(RUNNING, kind, name, **fields)) == (action,)
    assert str(action) == words


def test_a_source_that_comes_or_goes_is_news_to_the_jobs_on_all_sources() -> None:
    fewer = Spec(sources={"gate": RUNNING.sources["gate"]}, jobs=RUNNING.jobs)
    adjusted = Action(Verb.ADJUST, "job", "all", ("sources",))
    assert difference(RUNNING, fewer) == (Action(Verb.STOP, "source", "yard"), adjusted)
    assert difference(fewer, RUNNING) == (Action(Verb.START, "source", "yard"), adjusted)
    assert str(Action(Verb.START, "source", "yard")) == "yard: starts"
    assert str(Action(Verb.START, "output", "yard")) == "output yard: starts"
    assert str(Action(Verb.ADJUST, "output", "yard", ("fps",))) == "output yard: fps changes, live"


@pytest.mark.parametrize("model", [Source, Job, Sampling, Publish])
def test_every_field_says_how_it_applies(model: Any) -> None:
    assert set(applies_of(model).values()) <= set(Applies)
    assert applies_of(model).keys() == model.model_fields.keys()


def test_only_the_output_that_changes_is_touched() -> None:
    def spec(**outputs: Any) -> Spec:
        return Spec.model_validate({"sources": {"gate": {"url": "film.mp4"}}, "outputs": outputs})

    one, other = {"source": "gate"}, {"source": "gate", "to": "mjpeg"}
    before = spec(a=one, b=one, c=one)
    assert difference(before, spec(a=one, b=other, d={**one, "enabled": False})) == (
        Action(Verb.STOP, "output", "c"),
        Action(Verb.ADJUST, "output", "b", ("to",)),
        Action(Verb.ADJUST, "output", "d", ("enabled",)),
    )
    assert str(difference(before, spec(a=one, b=other, c=one))[0]) == "output b: to changes, live"
