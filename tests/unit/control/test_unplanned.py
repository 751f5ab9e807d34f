"""What failed before it was started: told once, cleared when it is gone."""

from __future__ import annotations

from edged.control.unplanned import Unplanned
from edged.errors import Problem
from edged.planning.plan import Failure


def failure(message: str) -> Failure:
    return Failure((Problem("spec.sources.gate.url", message, "not_found"),))


def test_told_once_and_cleared_when_gone() -> None:
    said: list[tuple[str, str, int]] = []
    cleared: list[str] = []
    unplanned = Unplanned(
        lambda name, why, since_ns: said.append((name, why.message, since_ns)), cleared.append
    )
    unplanned.apply({"gate": failure("a"), "yard": failure("b")}, ())
    assert [one[:2] for one in said] == [("gate", "a"), ("yard", "b")]
    unplanned.apply({"gate": failure("a"), "yard": failure("c")}, ())
    assert said[2:] == [("yard", "c", said[1][2])], "it has failed since the first time"
    unplanned.apply({}, {"gate"})
    assert cleared == ["yard"], "gate has a status of its own now"
    unplanned.apply({"gate": failure("a")}, ())
    assert said[3][:2] == ("gate", "a")
    assert said[3][2] > said[0][2]
