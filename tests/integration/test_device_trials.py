"""What a running device makes of a change, and what whoever watches the change is shown."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from edged.control.commands.request import CommandFailed
from edged.model.capturing import SourceState
from edged.model.messages import JobSpec, JobState
from edged.model.sampling import Sampling
from edged.mqtt.message import Worth
from edged.planning.plan import JobPlan
from tests.integration.device_rig import PATTERN, Rig, rig
from tests.integration.test_device import TICKS, check_never_away

GATE = {"gate": PATTERN}
EMITS = """
from edged import BaseAlgo

class Emits(BaseAlgo):
    def run(self, frames):
        self.emit("one", score=0.5)
        self.emit("two", score=0.5)
        return {}
"""


def gated(version: int, **params: Any) -> dict[str, Any]:
    return {"algorithm": "gated", "params": {"version": version, **params}, "sampling": {"interval": 0.1}}


def trouble(what: str, after: int) -> dict[str, Any]:
    return {
        "algorithm": "trouble",
        "params": {"what": what, "after": after},
        "sampling": {"interval": 0.1},
        "worker": "own",
        "deadline": 0.5,
    }


async def begin(box: Rig, jobs: dict[str, Any]) -> None:
    """Apply, until all of them ran and nothing is proved any more."""
    box.apply(GATE, jobs)
    await box.until(lambda: all(box.job(name).runs for name in jobs))
    await box.until(lambda: bool(box.device.listed.algorithms))
    await box.until(lambda: not [name for name in box.supervisor.pids() if name.startswith("prover")])


def test_a_new_interval_is_taken_over_by_what_runs_and_costs_no_process() -> None:
    async def scenario() -> None:
        async with rig() as box:
            jobs = {"job": {**TICKS, "sampling": {"interval": 3}}, "other": TICKS}
            await begin(box, jobs)
            started, since = list(box.supervisor.started), box.count("job/job/status")
            before = box.all("job/job/gate/result")[-1]
            jobs["job"] = {**TICKS, "sampling": {"interval": 0.1}, "publish": {"qos": 1}}
            assert box.device.unproved(box.plan(GATE, jobs)) == ()
            box.change(GATE, jobs)
            assert (box.job("job").state, box.job("job").runs) == (JobState.STARTING, 0)
            results = await box.results("job", "gate", 3)
            await box.until(lambda: box.job("job").runs >= 3 and box.job("job").state is JobState.RUNNING)
            assert [result["data"]["runs"] for result in results] == [
                before["data"]["runs"] + place for place in range(1, len(results) + 1)
            ]
            assert box.supervisor.started == started
            assert {status["state"] for status in box.all("job/job/status", since)} == {"running"}
            check_never_away(box.all("job/other/gate/result"))

    asyncio.run(scenario())


def test_what_the_version_before_does_while_the_next_one_loads_is_not_the_next_ones(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig() as box:
            await begin(box, {"job": gated(1)})
            started = list(box.supervisor.started)
            box.change(GATE, {"job": gated(2, gate=str(tmp_path / "open"))})
            meanwhile = await box.results("job", "gate", 15)
            assert {result["data"]["version"] for result in meanwhile} == {1}
            assert (box.job("job").state, box.job("job").runs) == (JobState.STARTING, 0)
            (tmp_path / "open").touch()
            await box.until(lambda: box.job("job").runs > 0)
            assert box.job("job").state is JobState.RUNNING
            assert box.all("job/job/gate/result")[-1]["data"]["version"] == 2
            box.change(GATE, {"job": gated(1)})
            await box.until(lambda: box.all("job/job/gate/result")[-1]["data"]["version"] == 1)
            assert box.supervisor.started == started, "it was proved before"

    asyncio.run(scenario())


@pytest.mark.parametrize("what", ["segfault", "hang"])
def test_a_change_that_brings_its_worker_down_is_seen_at_the_first_time(what: str) -> None:
    async def scenario() -> None:
        async with rig() as box:
            good = trouble("raise", 1_000_000)
            await begin(box, {"job": good, "other": TICKS})
            box.change(GATE, {"job": trouble(what, 2), "other": TICKS})
            await box.until(lambda: box.job("job").errors > 0)
            view = box.job("job")
            assert (view.crashes, view.state) == (1, JobState.STARTING)
            assert view.runs <= 2, "as many as were counted before it went down"
            assert "worker" in view.error
            box.change(GATE, {"job": good, "other": TICKS})
            assert box.job("job").errors == 0
            await box.until(lambda: box.job("job").runs > 0)
            check_never_away(box.all("job/other/gate/result"))
            seqs = [result["seq"] for result in box.all("job/job/gate/result")]
            assert seqs == list(range(1, len(seqs) + 1))

    asyncio.run(scenario())


def test_a_change_that_raises_at_its_first_frame_has_failed() -> None:
    async def scenario() -> None:
        async with rig() as box:
            await begin(box, {"job": trouble("raise", 1_000_000)})
            box.change(GATE, {"job": trouble("raise", 0)})
            await box.until(lambda: box.job("job").state is JobState.FAILED)
            view = box.job("job")
            assert (view.code, view.runs) == ("algorithm_failed", 0)
            assert "the door is ajar" in view.error
            await box.until(lambda: box.job("job").errors > 0)
            box.change(GATE, {"job": {**trouble("raise", 0), "deadline": 1.0}})
            assert (box.job("job").state, box.job("job").errors) == (JobState.STARTING, 0)

    asyncio.run(scenario())


def test_what_is_being_proved_goes_on_when_another_job_is_changed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig() as box:
            slow, quick = gated(1, gate=str(tmp_path / "open")), gated(1)
            box.apply(GATE, {"quick": quick, "slow": slow})
            await box.until(lambda: box.job("quick").runs > 0)
            provers = {pid for name, pid in box.supervisor.pids().items() if name.startswith("prover")}
            for interval in (0.2, 0.1):
                quick = {**quick, "sampling": {"interval": interval}}
                box.apply(GATE, {"quick": quick, "slow": slow}, afresh=False)
            slow = {**slow, "sampling": {"interval": 0.2}}
            box.apply(GATE, {"quick": quick, "slow": slow}, afresh=False)
            await box.until(lambda: box.job("quick").runs > 0)
            assert provers & set(box.supervisor.pids().values())
            (tmp_path / "open").touch()
            await box.until(lambda: box.job("slow").runs > 0)

    asyncio.run(scenario())


def test_a_job_that_is_restarted_forgets_and_its_neighbour_does_not() -> None:
    async def scenario() -> None:
        async with rig() as box:
            await begin(box, {"job": TICKS, "other": TICKS})
            started, since = list(box.supervisor.started), box.count("job/job/gate/result")
            box.device.restart_job("job")
            assert (box.job("job").state, box.job("job").runs) == (JobState.STARTING, 0)
            await box.until(lambda: box.job("job").runs > 0)
            assert 1 in [result["data"]["runs"] for result in box.all("job/job/gate/result", since)]
            assert box.supervisor.started == started
            check_never_away(box.all("job/other/gate/result"))
            seqs = [result["seq"] for result in box.all("job/job/gate/result")]
            assert seqs == list(range(1, len(seqs) + 1))

    asyncio.run(scenario())


def test_a_source_and_a_worker_that_are_restarted_are_other_processes() -> None:
    async def scenario() -> None:
        async with rig() as box:
            await begin(box, {"job": TICKS})
            before = box.supervisor.pids()
            box.device.restart_source("gate")
            view = box.source("gate")
            assert (view.state, view.frames, view.is_capture_alive) == (SourceState.STARTING, 0, False)
            await box.until(lambda: box.source("gate").state is SourceState.RUNNING)
            await box.results("job", "gate", 2)
            assert box.source("gate").frames > 0
            check_never_away(box.all("job/job/gate/result"))
            box.device.restart_worker("main")
            await box.until(lambda: box.all("job/job/status")[-1]["state"] == "starting")
            await box.state("job/job", "running")
            await box.results("job", "gate", 2)
            assert box.job("job").crashes == 0
            assert not set(before.values()) & set(box.supervisor.pids().values())
            seqs = [result["seq"] for result in box.all("job/job/gate/result")]
            assert seqs == list(range(1, len(seqs) + 1))

    asyncio.run(scenario())


def test_what_is_not_there_or_paused_is_not_restarted() -> None:
    async def scenario() -> None:
        async with rig() as box:
            sources = {**GATE, "yard": {**PATTERN, "enabled": False}, "bad": {"url": "gopher://h/"}}
            box.apply(sources, {"people": TICKS, "off": {**TICKS, "enabled": False}})
            refused = [
                (box.device.restart_job, "poeple", "not_found", 'did you mean "people"?'),
                (box.device.restart_source, "zzz", "not_found", "there are gate, yard, bad"),
                (box.device.restart_worker, "own", "not_found", "there is main"),
                (box.device.restart_source, "bad", "source_failed", "cannot be started as it stands"),
                (box.device.restart_source, "yard", "conflict", "resume"),
                (box.device.restart_job, "off", "conflict", "resume"),
            ]
            for restart, name, code, words in refused:
                with pytest.raises(CommandFailed, match=words.replace("?", r"\?")) as failed:
                    restart(name)
                assert failed.value.code == code
            bad = box.source("bad")
            assert (bad.state, bad.is_capture_alive) == (SourceState.FAILED, False)
            assert box.job("off").state is JobState.PAUSED
            assert box.device.job_view("nobody") is None

    asyncio.run(scenario())


def test_events_have_numbers_of_their_own_that_go_on_in_the_next_worker(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(algorithms=tmp_path) as box:
            (tmp_path / "emits.py").write_text(EMITS)
            job = {"algorithm": "emits", "sampling": {"interval": 0.1}, "publish": {"when": "events"}}
            box.apply(GATE, {"job": job})
            topic = "job/job/gate/event"
            await box.until(lambda: box.count(topic) >= 4)
            box.device.restart_worker("main")
            since = box.count(topic)
            await box.until(lambda: box.count(topic) >= since + 4)
            box.apply(GATE, {})
            box.apply(GATE, {"job": {**job, "publish": {"when": "always"}}})
            since = box.count(topic)
            await box.until(lambda: box.count(topic) >= since + 4)
            seqs = [event["seq"] for event in box.all(topic)]
            assert seqs == list(range(1, len(seqs) + 1))
            assert box.all("job/job/gate/result")[0]["seq"] == 1
            assert box.publisher.worths[topic] is Worth.EVENT

    asyncio.run(scenario())


def test_a_temporary_job_has_frames_and_a_worker_and_says_nothing() -> None:
    async def scenario() -> None:
        async with rig() as box:
            box.apply(GATE, {})
            spec = JobSpec("_look.gate", ("gate",), (), Sampling(100_000))
            with pytest.raises(ValueError, match="dot"):
                box.device.add_temporary_job(
                    JobPlan(JobSpec("look", (), (), Sampling()), "_look", enabled=True)
                )
            box.device.add_temporary_job(JobPlan(spec, "_look", enabled=True))
            await box.until(lambda: box.job("_look.gate").runs > 0)
            box.apply(GATE, {"job": TICKS})
            await box.until(lambda: box.job("job").runs > 0)
            assert "worker:_look" in box.supervisor.pids()
            box.device.remove_temporary_job("_look.gate")
            box.device.remove_temporary_job("_look.gate")
            await box.until(lambda: "worker:_look" not in box.device.workers)
            assert not [topic for topic in box.publisher.said if "_look" in topic]
            assert box.device.told.keys() == {
                "edged/v1/box/source/gate/status",
                "edged/v1/box/job/job/status",
            }
            box.apply({}, {})
            assert not box.device.told

    asyncio.run(scenario())
