"""What the spec declares of each field is what really happens when that changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field

from edged.control.source import _LIVE_FIELDS
from edged.planning.plan import Plan, make_plan
from edged.settings import Job, Link, Publish, Sampling, Source, json_schema, parse_settings
from edged.settings.applies import Applies, applies, applies_of
from edged.settings.job_section import Movement
from edged.settings.source_section import Calibration

SOURCE = {
    "url": "b.mp4", "enabled": False, "size": [640, 480], "fps": 5, "transport": "udp", "loop": True,
    "timeout": 3, "hwaccel": "vaapi", "zones": {"door": [[0, 0], [1, 0], [1, 1]]},
    "lines": {"entry": [[0, 0], [1, 1]]}, "masks": {"neighbour": [[0, 0], [1, 0], [1, 1]]},
    "buffer": 10, "record": {"segment": 60},
    "calibration": {"image": [[0, 1], [1, 1], [1, 0], [0, 0]], "ground": [[0, 0], [6, 0], [6, 9], [0, 9]]},
}  # fmt: skip
"""Another value for each field than that of `plan_of`."""
JOB = {
    "algorithm": "other", "params": {"score": 0.5}, "sources": ["a"], "enabled": False,
    "sampling": {"interval": 2}, "then": [{"algorithm": "tracker"}], "publish": {"qos": 1}, "deadline": 3,
    "worker": "own", "when": "motion", "record": {"on": ["moved"]},
}  # fmt: skip


def plan_of(source: dict[str, Any], job: dict[str, Any]) -> Plan:
    spec = {
        "sources": {"a": {"url": "a.mp4"} | source, "b": {"url": "b.mp4"}},
        "jobs": {"j": {"algorithm": "motion"} | job},
    }
    loaded = parse_settings(str({"device": "box", "spec": spec}).replace("True", "true").replace(
        "False", "false"), file="f.yaml", folder=Path("/etc/edged"))  # fmt: skip
    return make_plan(loaded, Path("/etc/edged"))


@pytest.mark.parametrize("field", Source.model_fields)
def test_a_source_is_replaced_for_what_its_capture_does_not_take_over(field: str) -> None:
    before, after = (plan_of(changed, {}).captures["a"] for changed in ({}, {field: SOURCE[field]}))
    different = {name for name in before.__slots__ if getattr(before, name) != getattr(after, name)}
    lives_on = different <= set(_LIVE_FIELDS)
    assert applies_of(Source)[field] is (Applies.LIVE if lives_on else Applies.SOURCE)


@pytest.mark.parametrize("field", Job.model_fields)
def test_a_job_is_opened_anew_for_another_chain_worker_or_existence(field: str) -> None:
    before, after = (plan_of({}, changed).jobs["j"] for changed in ({}, {field: JOB[field]}))
    assert before != after
    lives_on = (before.spec.chain, before.worker, before.enabled) == (
        after.spec.chain,
        after.worker,
        after.enabled,
    )
    assert applies_of(Job)[field] is (Applies.LIVE if lives_on else Applies.JOB)


def test_what_lies_below_a_field_applies_as_that_does() -> None:
    assert set(applies_of(Sampling).values()) == {applies_of(Job)["sampling"]}
    assert set(applies_of(Publish).values()) == {applies_of(Job)["publish"]}
    assert set(applies_of(Movement).values()) == {applies_of(Job)["when"]}
    assert set(applies_of(Calibration).values()) == {applies_of(Source)["calibration"]}
    assert set(applies_of(Link).values()) == {applies_of(Job)["then"]}


def test_a_field_that_does_not_say_is_found_out() -> None:
    class Half(BaseModel):
        said: int = Field(1, json_schema_extra=applies(Applies.LIVE))
        unsaid: int = 2

    with pytest.raises(KeyError, match=r"Half\.unsaid"):
        applies_of(Half)


def test_the_schema_shows_it() -> None:
    schema = json_schema("spec")
    for model in (Source, Calibration, Job, Link, Sampling, Publish, Movement):
        fields = schema["$defs"][model.__name__]["properties"]
        assert {name: field["x-applies"] for name, field in fields.items()} == applies_of(model)
