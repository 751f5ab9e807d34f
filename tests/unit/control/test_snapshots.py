"""Which job a picture comes from, and how long a source is looked at for one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from edged.control.onlookers import Onlookers, is_onlooker, name_of, onlooker
from edged.control.sight import first_quick
from edged.model.capturing import Demand
from edged.model.messages import JobSpec, LinkSpec
from edged.model.sampling import SampleOn, Sampling
from edged.planning.plan import JobPlan, demand_of


def job(name: str, *sources: str, enabled: bool = True, **sampling: object) -> JobPlan:
    made = Sampling(**sampling)  # type: ignore[arg-type]
    return JobPlan(JobSpec(name, sources, (LinkSpec("motion"),), made), "main", enabled)


@dataclass
class Jobs:
    """Where temporary jobs go; what was done, in order."""

    done: list[str] = field(default_factory=list)

    def add_temporary_job(self, plan: JobPlan) -> None:
        self.done.append(f"+{plan.spec.name}")

    def remove_temporary_job(self, name: str) -> None:
        self.done.append(f"-{name}")


def test_the_first_job_that_looks_at_the_source_often_is_chosen() -> None:
    jobs = [
        job("elsewhere", "yard", interval_us=0),
        job("paused", "gate", enabled=False),
        job("seldom", "gate", interval_us=2_000_001),
        job("keyed", "gate", on=SampleOn.KEYFRAMES),
        job("often", "yard", "gate", interval_us=2_000_000),
        job("always", "gate", interval_us=0),
    ]
    assert first_quick(jobs, "gate") == "often"
    assert first_quick(jobs, "yard") == "elsewhere"
    assert first_quick(jobs[:4], "gate") is None


@pytest.mark.parametrize(
    "samplings",
    [
        [],
        [Sampling(on=SampleOn.KEYFRAMES)],
        [Sampling(interval_us=5_000_000)],
        [Sampling(interval_us=0)],
        [Sampling(count=4), Sampling(on=SampleOn.KEYFRAMES)],
    ],
)
def test_looking_on_decodes_no_more_than_before_and_never_copies_every_frame(
    samplings: list[Sampling],
) -> None:
    before = demand_of(samplings)
    with_onlooker = demand_of([*samplings, onlooker("gate", before).spec.sampling])
    assert not with_onlooker.nothing
    assert with_onlooker.keyframes_only == (before.nothing or before.keyframes_only)
    assert with_onlooker.every_frame == before.every_frame
    assert with_onlooker.keep_keyframes == before.keep_keyframes


def test_an_onlooker_can_be_mistaken_for_no_job_of_a_spec() -> None:
    assert "." in name_of("gate")
    assert is_onlooker(name_of("gate"))
    assert not is_onlooker("_snapshot-gate")
    assert onlooker("gate", Demand()).spec.publish_when == "never"


def test_one_onlooker_serves_all_who_ask_and_stays_a_while() -> None:
    async def scenario() -> None:
        jobs = Jobs()
        onlookers = Onlookers(jobs, keep_s=0.0)
        with onlookers.looking_at("gate", Demand()), onlookers.looking_at("gate", Demand()):
            pass
        with onlookers.looking_at("gate", Demand()), onlookers.looking_at("yard", Demand()):
            await asyncio.sleep(0)  # its end had been due
            assert jobs.done == ["+_snapshot.gate", "+_snapshot.yard"]
        while len(jobs.done) < 4:
            await asyncio.sleep(0)
        assert jobs.done[2:] == ["-_snapshot.yard", "-_snapshot.gate"]
        with onlookers.looking_at("gate", Demand()):
            assert jobs.done[4:] == ["+_snapshot.gate"]

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_closing_sends_all_away_also_while_somebody_looks() -> None:
    async def scenario() -> None:
        jobs = Jobs()
        onlookers = Onlookers(jobs, keep_s=3600)
        with onlookers.looking_at("yard", Demand()):
            pass
        with onlookers.looking_at("gate", Demand()):
            onlookers.close()
            assert sorted(jobs.done[2:]) == ["-_snapshot.gate", "-_snapshot.yard"]
        assert len(jobs.done) == 4

    asyncio.run(asyncio.wait_for(scenario(), 10))
