"""What becomes of running sources and jobs when another plan is applied."""

from __future__ import annotations

import asyncio
import contextlib
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.integration.device_rig import PATTERN, rig

TICKS = {"algorithm": "ticks", "sampling": {"interval": 0.1}}


def descriptors(pid: int, name: str) -> int:
    """How many descriptors of a process are memory of this name."""
    found = 0
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # that of the listing itself
            found += name in str(entry.readlink())
    return found


def check_never_away(results: list[Any]) -> None:
    """Its algorithm was loaded once, and every run of it was heard."""
    assert [result["data"]["runs"] for result in results] == [result["seq"] for result in results]


def test_a_source_that_comes_back_has_results_again() -> None:
    async def scenario() -> None:
        async with rig() as box:
            both = {"gate": PATTERN, "yard": PATTERN}
            box.apply(both, {"all": TICKS})
            await box.results("all", "yard")
            box.apply({"gate": PATTERN}, {"all": TICKS})
            await box.results("all", "gate", 3)
            box.apply(both, {"all": TICKS})
            await box.results("all", "yard", 3)
            seqs = [result["seq"] for result in box.all("job/all/yard/result")]
            assert seqs == list(range(1, len(seqs) + 1))

    asyncio.run(scenario())


def test_a_worker_lets_go_of_the_tracks_of_sources_that_are_gone_or_paused() -> None:
    async def scenario() -> None:
        async with rig() as box:
            box.apply({"gate": PATTERN, "yard": PATTERN, "door": PATTERN}, {"all": TICKS})
            for source in ("gate", "yard", "door"):
                await box.results("all", source)
            worker = box.supervisor.pids()["worker:main"]
            of_three = descriptors(worker, "edged-frame-track")
            ours = descriptors(os.getpid(), "edged-frame-track")
            box.apply({"gate": PATTERN, "yard": {**PATTERN, "enabled": False}}, {"all": TICKS})
            async with asyncio.timeout(10):
                while descriptors(worker, "edged-frame-track") > of_three / 3:
                    await box.results("all", "gate")
            assert descriptors(os.getpid(), "edged-frame-track") == ours - 2

    asyncio.run(scenario())


def test_adding_and_removing_a_source_leaves_a_job_on_all_sources_running() -> None:
    async def scenario() -> None:
        async with rig() as box:
            box.apply({"gate": PATTERN}, {"all": TICKS})
            await box.results("all", "gate", 2)
            box.apply({"gate": PATTERN, "yard": PATTERN}, {"all": TICKS})
            await box.results("all", "yard", 2)
            box.apply({"gate": PATTERN}, {"all": TICKS})
            await box.results("all", "gate", 10)
            check_never_away(box.all("job/all/gate/result"))
            await box.state("job/all", "running")

    asyncio.run(scenario())


def test_a_changed_job_runs_on_as_it_was_until_the_new_one_is_proved_and_loaded(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig() as box:
            job = {"algorithm": "gated", "params": {"version": 1}, "sampling": {"interval": 0.1}}
            box.apply({"gate": PATTERN}, {"job": job})
            await box.results("job", "gate", 2)
            gate = tmp_path / "open"
            box.apply({"gate": PATTERN}, {"job": {**job, "params": {"version": 2, "gate": str(gate)}}})
            meanwhile = await box.results("job", "gate", 20)
            assert {result["data"]["version"] for result in meanwhile} == {1}
            check_never_away(box.all("job/job/gate/result"))
            gate.touch()
            topic = "job/job/gate/result"
            await box.until(lambda: box.all(topic)[-1]["data"]["version"] == 2)
            assert all(after["seq"] == before["seq"] + 1 for before, after in pairwise(box.all(topic)))
            await box.state("job/job", "running")

    asyncio.run(scenario())


def test_what_is_still_being_proved_is_given_up_when_it_is_changed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig() as box:
            slow = {"algorithm": "gated", "params": {"version": 1, "gate": str(tmp_path / "never")}}
            box.apply({"gate": PATTERN}, {"slow": slow, "quick": TICKS})
            await box.until(lambda: "prover:1.1" in box.supervisor.pids())
            await box.until(lambda: bool(box.device.listed.algorithms))  # by another prover, beside it
            box.apply({"gate": PATTERN}, {"slow": {**slow, "params": {"version": 2}}, "quick": TICKS})
            await box.state("job/slow", "running")
            await box.until(lambda: "prover:1.1" not in box.supervisor.pids(), within_s=3)
            check_never_away(box.all("job/quick/gate/result"))

    asyncio.run(scenario())


def test_what_failed_is_tried_again_when_the_same_plan_is_applied_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with rig(algorithms=tmp_path) as box:
            algorithm, film = tmp_path / "mine.py", tmp_path / "film.mp4"
            algorithm.write_text("from edged import BaseAlgo\nthis is no Python\n")
            film.write_text("this is no film")
            sources = {"gate": PATTERN, "film": {"url": str(film)}}
            jobs = {"mine": {"sources": ["gate"], "algorithm": "mine"}}
            box.apply(sources, jobs)
            await box.state("job/mine", "failed")
            await box.state("source/film", "failed")
            algorithm.write_text(
                "from edged import BaseAlgo\n\n\nclass Mine(BaseAlgo):\n"
                "    def run(self, frames):\n        return {}\n"
            )
            tries = box.count("source/film/status")
            box.apply(sources, jobs)
            await box.results("mine", "gate")
            await box.state("job/mine", "running")
            await box.until(
                lambda: "starting" in [status["state"] for status in box.all("source/film/status", tries)]
            )

    asyncio.run(scenario())


def test_a_source_that_is_changed_starts_and_is_no_mishap() -> None:
    async def scenario() -> None:
        async with rig() as box:
            box.apply({"gate": PATTERN}, {"all": TICKS})
            await box.results("all", "gate")
            since = box.count("source/gate/status")
            box.apply({"gate": {**PATTERN, "size": [32, 24]}}, {"all": TICKS})
            topic = "job/all/gate/result"
            await box.until(lambda: box.all(topic)[-1]["frame"]["width"] == 32)
            statuses = box.all("source/gate/status", since)
            assert {status["state"] for status in statuses} == {"starting", "running"}
            assert not [status["error"] for status in statuses if status.get("error")]
            assert box.all(topic)[-1]["seq"] == len(box.all(topic))

    asyncio.run(scenario())


def test_a_job_that_moves_to_another_worker_goes_on_with_its_numbers() -> None:
    async def scenario() -> None:
        async with rig() as box:
            jobs = {"moves": TICKS, "stays": TICKS}
            box.apply({"gate": PATTERN}, jobs)
            await box.results("moves", "gate", 3)
            for worker in ("own", "main", "own"):
                jobs["moves"] = {**TICKS, "worker": worker}
                box.apply({"gate": PATTERN}, jobs)
                await box.state("job/moves", "running")
                await box.results("moves", "gate", 3)
            seqs = [result["seq"] for result in box.all("job/moves/gate/result")]
            assert seqs == list(range(1, len(seqs) + 1))
            check_never_away(box.all("job/stays/gate/result"))

    asyncio.run(scenario())


def test_an_init_that_failed_is_tried_again_and_runs_once_what_it_needs_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edged.control.job._FIRST_AGAIN_S", 0.0)

    async def scenario() -> None:
        async with rig(algorithms=tmp_path) as box:
            needed = tmp_path / "needed"
            (tmp_path / "needs.py").write_text(
                "from edged import BaseAlgo\n\n\nclass Needs(BaseAlgo):\n"
                f"    def init(self):\n        open({str(needed)!r}).close()\n"
                "    def run(self, frames):\n        return {}\n"
            )
            jobs = {name: {"algorithm": name} for name in ("needs", "later")}
            box.apply({"gate": PATTERN}, {**jobs, "busy": {"algorithm": "motion"}})
            since = (await box.state("job/needs", "failed"))["since"]
            await box.state("job/later", "failed")
            box.device.retry()
            await box.until(lambda: box.device.jobs["later"].failed_proofs == 2)
            assert (await box.state("job/needs", "failed"))["since"] == since, "nothing has changed"
            needed.touch()
            (tmp_path / "later.py").write_text(
                "from edged import BaseAlgo\n\n\nclass Later(BaseAlgo):\n"
                "    def run(self, frames):\n        return {}\n"
            )
            box.device.retry()
            await box.results("needs", "gate")
            await box.results("later", "gate")
            await box.state("job/needs", "running")

    asyncio.run(scenario())


def test_what_could_not_be_planned_is_told_once_and_cleared_when_it_is_removed_or_mended() -> None:
    async def scenario() -> None:
        async with rig() as box:
            sources = {"gate": {"url": "rtsp://u:${env:EDGED_NOT_SET}@h/"}, "yard": {"url": "gopher://h/"}}
            broken = {"algorithm": "ticks", "params": {"a": "${env:EDGED_NOT_SET}"}}
            box.apply(sources, {"one": broken, "two": broken})
            box.apply(sources, {"one": broken, "two": broken})
            topics = ("source/gate/status", "source/yard/status", "job/one/status", "job/two/status")
            for topic in topics:
                assert [status["state"] for status in box.all(topic)] == ["failed"]
            box.apply({"gate": PATTERN}, {"one": TICKS})
            assert box.all("source/gate/status")[-1]["state"] == "starting"
            assert box.all("job/one/status")[-1]["state"] == "starting"
            assert box.all("source/yard/status")[-1] is None
            assert box.all("job/two/status")[-1] is None
            await box.results("one", "gate")

    asyncio.run(scenario())
