"""Jobs that would record events which none of their algorithms sends: refused over MQTT, else told of."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from edged.errors import SpecRejected
from edged.settings import Loaded
from tests.integration.clips import Clip, make_clip
from tests.integration.twin_rig import TICKS, box, desired, settings

FOLLOWED: dict[str, Any] = {
    "algorithm": "motion",
    "then": [{"algorithm": "tracker"}],
    "sampling": {"interval": 0.2},
}


class Yard:
    """A film as the camera: what is generated cannot be recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.film = make_clip(folder / "film.mp4", Clip(frames=40, fps=20, gop=20))

    def spec(self, *types: str, **job: Any) -> dict[str, Any]:
        people = {**FOLLOWED, "record": {"on": list(types)}, **job}
        return {"sources": {"gate": {"url": str(self.film), "loop": True}}, "jobs": {"people": people}}

    def file(self, spec: dict[str, Any]) -> Loaded:
        return settings(spec, media=[str(self.folder)], recordings={"path": str(self.folder / "recordings")})


def of_people(**job: Any) -> dict[str, Any]:
    """A patch."""
    return {"jobs": {"people": job}}


def test_over_mqtt_it_is_rejected_with_the_place_and_the_mend(tmp_path: Path) -> None:
    yard = Yard(tmp_path)

    async def scenario() -> None:
        async with box(tmp_path / "twin.json", yard.file({})) as here:
            await here.twin.desired(desired(1, yard.spec("object_start", "object_strat")))
            (error,) = (await here.until("rejected", 1))["errors"]
            assert (error["path"], error["code"]) == ("jobs.people.record.on.1", "invalid")
            assert 'did you mean "object_start"? (it sends object_end, object_start)' in error["message"]
            assert not here.rig.count("job/people/status")

            await here.twin.desired(desired(2, yard.spec("object_start")))
            await here.until("applied", 2)
            # only what it records is new: its algorithms are known to load
            with pytest.raises(SpecRejected) as caught:
                await here.twin.patch(merge=of_people(record={"on": ["object_start", "zone_enter"]}))
            (problem,) = caught.value.problems
            assert problem.path == "spec.jobs.people.record.on.1"
            assert "zones does: put {algorithm: zones} into `then:`" in problem.message
            await here.twin.patch(merge=of_people(record={"on": ["object_end"]}))
            with pytest.raises(SpecRejected) as caught:
                await here.twin.validate(yard.spec("object_strat"))
            assert [problem.path for problem in caught.value.problems] == ["spec.jobs.people.record.on.0"]

            # what does not say which events it sends may send any
            await here.twin.desired(desired(3, yard.spec("whatever", **TICKS, then=[])))
            await here.until("applied", 3)

    asyncio.run(scenario())


def test_what_runs_already_runs_on_and_holds_up_no_other_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    yard = Yard(tmp_path)
    old = yard.spec("object_start", "object_strat")

    async def scenario() -> None:
        async with box(tmp_path / "twin.json", yard.file(old)) as here:
            await here.rig.results("people", "gate")
            told = [each.getMessage() for each in caplog.records if "object_strat" in each.getMessage()]
            assert len(told) == 1
            assert told[0].startswith("jobs.people.record.on.1: no algorithm of this job sends")
            await here.twin.patch(merge=of_people(deadline=9))
            await here.twin.patch(merge=of_people(enabled=False))
            await here.twin.patch(merge=of_people(enabled=True))
            more = {**old, "jobs": {**old["jobs"], "steady": TICKS}}
            await here.twin.desired(desired(1, more))
            await here.until("applied", 1)
            other = {"algorithm": "tracker", "params": {"min_hits": 3}}
            with pytest.raises(SpecRejected):
                await here.twin.patch(merge=of_people(then=[other]))

    asyncio.run(scenario())
