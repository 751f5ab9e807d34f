"""What is told of the last desired, and how long."""

from __future__ import annotations

import json
from typing import Any, cast

from edged.control.trial import Understood
from edged.control.twin_record import Decided, TwinRecord
from edged.control.twin_report import TwinReport
from edged.errors import Problem
from edged.model.twin import Phase
from edged.mqtt.message import Worth
from edged.mqtt.topics import Topics
from edged.planning.plan import Plan
from edged.settings import Loaded

RECORD = TwinRecord(decided=Decided(5, "sha256:five", Phase.APPLIED))
STALE = (RECORD, Phase.REJECTED, 3, "sha256:three", [Problem("", "too low", "stale")])


class Broker:
    """Keeps the last."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def publish(self, topic: str, payload: bytes, qos: int, worth: Worth = Worth.RESULT) -> None:
        raise AssertionError("it is retained")

    def retain(self, topic: str, payload: bytes, *, again: bool = False) -> None:
        self.kept = json.loads(payload)


def running(local: int) -> Understood:
    return Understood({}, cast(Loaded, None), Plan(), 5, local)


def told() -> tuple[TwinReport, Broker]:
    broker = Broker()
    report = TwinReport(broker, Topics("edged/v1", "box"), "boot")
    record, phase, revision, digest, errors = STALE
    report.tell_of(record, running(0), phase, revision, digest, errors)
    return report, broker


def test_a_refused_desired_is_told_of_after_a_patch_as_well() -> None:
    report, broker = told()
    before = broker.kept
    report.tell_anew(RECORD, running(1))
    assert broker.kept == {**before, "local": 1, "since": broker.kept["since"]}
    assert (before["phase"], before["desired_revision"], before["highest_revision"]) == ("rejected", 3, 5)
    assert [error["code"] for error in before["errors"]] == ["stale"]


def test_a_decided_one_takes_its_place() -> None:
    report, broker = told()
    report.tell(RECORD, running(0))
    report.tell_anew(RECORD, running(1))
    assert (broker.kept["phase"], broker.kept["desired_revision"], broker.kept["local"]) == ("applied", 5, 1)
    assert "errors" not in broker.kept
