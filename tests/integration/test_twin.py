"""What becomes of a desired and of a patch: real processes, a real file, and power cuts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edged.control.commands.request import CommandFailed
from edged.errors import Problem, SpecRejected
from edged.model.twin import Gate
from edged.mqtt.desired import DesiredRejected
from tests.integration.device_rig import PATTERN
from tests.integration.twin_rig import SPEC, TICKS, Box, box, desired, settings, with_job

NEVER = {"algorithm": "gated", "params": {"version": 1, "gate": "/nowhere/to/be/found"}}
ENDLESS = Gate(stable_for_s=600.0)
"""A trial that goes on until something ends it."""


def check_never_away(box: Box) -> None:
    """The steady job was loaded once, and every run of it was heard."""
    results = box.rig.all("job/steady/gate/result")
    assert [result["seq"] for result in results] == list(range(1, len(results) + 1))
    assert [result["data"]["runs"] for result in results] == [result["seq"] for result in results]
    indexes = [result["frame"]["index"] for result in results]
    assert max(after - before for before, after in pairwise(indexes)) < 100, "it paused for five seconds"


def test_a_desired_is_prepared_tried_and_applied_and_is_what_the_device_starts_from(tmp_path: Path) -> None:
    async def first() -> None:
        async with box(tmp_path / "twin.json") as here:
            assert here.reported == {
                "revision": 0,
                "local": 0,
                "boot": "boot",
                "since": here.reported["since"],
            }
            assert (here.twin.revision, here.twin.origin, here.twin.in_effect_note) == (0, "file", "")
            await here.rig.results("steady", "gate", 2)
            wanted = desired(8, with_job({"algorithm": "gated", "params": {"version": 1}}))
            await here.twin.desired(wanted)
            assert here.kept["candidate"]["desired"]["revision"] == 8, "before it is acknowledged"
            await here.until("trial", 8)
            assert (here.reported["revision"], here.kept["candidate"]["stage"]) == (0, "trial")
            await here.until("applied", 8)
            assert here.rig.count("job/new/gate/result"), "its run is what the gate waited for"
            assert here.phases == [(None, None), (8, "preparing"), (8, "trial"), (8, "applied")]
            assert (here.reported["revision"], here.reported["digest"]) == (8, wanted.digest)
            await here.rig.results("steady", "gate", 5)
            check_never_away(here)
            before = (tmp_path / "twin.json").stat().st_mtime_ns
            await here.twin.desired(wanted)
            assert here.phases[-1] == (8, "applied"), "reported again"
            await here.twin.desired(desired(8, SPEC))
            assert here.reported["errors"][0]["code"] == "conflict"
            await here.twin.desired(desired(7, SPEC))
            assert (here.phases[-1], here.reported["errors"][0]["code"]) == ((7, "rejected"), "stale")
            assert here.reported["revision"] == 8
            assert (tmp_path / "twin.json").stat().st_mtime_ns == before

    async def second() -> None:
        async with box(tmp_path / "twin.json") as here:
            assert (here.reported["revision"], here.reported["phase"]) == (8, "applied")
            assert "revision 8 from MQTT is" in here.twin.in_effect_note
            assert here.twin.origin == "mqtt"
            await here.rig.results("new", "gate")

    asyncio.run(first())
    asyncio.run(second())


REJECTED = [
    ({"algorithm": "detector", "params": {"model": "no.onnx"}}, "jobs.new.params.model", "model_not_found"),
    ({"algorithm": "nobody"}, "jobs.new.algorithm", "algorithm_not_found"),
    (
        {"algorithm": "motion", "then": [{"algorithm": "zones", "params": {"zones": ["door"]}}]},
        "jobs.new.then.0.params.zones",
        "not_found",
    ),
    ({"algorithm": "trouble", "params": {"what": "init-raise"}}, "jobs.new.algorithm", "algorithm_failed"),
    ({"algorithm": "trouble", "params": {"what": "init-segfault"}}, "jobs.new", "algorithm_failed"),
    ({**NEVER, "worker": "other"}, "jobs.new", "timeout"),
    ({"algorithm": "ticks", "deadline": "soon"}, "jobs.new.deadline", "invalid"),
    ({"algorithm": "ticks", "params": {"a": "${env:HOME}"}}, "jobs.new.params.a", "not_allowed"),
]


def test_what_cannot_run_is_rejected_with_the_path_of_the_key_and_nobody_notices(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with box(tmp_path / "twin.json") as here:
            await here.rig.results("steady", "gate", 2)
            for revision, (job, path, code) in enumerate(REJECTED, start=1):
                here.twin._work._preparing_s = 0.5 if code == "timeout" else 20.0
                await here.twin.desired(desired(revision, with_job(job)))
                reported = await here.until("rejected", revision)
                assert [(error["path"], error["code"]) for error in reported["errors"]] == [(path, code)]
                assert reported["revision"] == 0
            assert "trial" not in [phase for _, phase in here.phases]
            assert not here.rig.count("job/new/status")
            check_never_away(here)
            last = here.kept["decided"]
            assert (last["revision"], last["phase"]) == (len(REJECTED), "rejected")

            envelope = [Problem("gate.timeout", "should be a number")]
            await here.twin.desired_rejected(DesiredRejected(envelope, 20, "sha256:20"))
            assert here.kept["decided"]["revision"] == 20
            assert here.reported["errors"][0]["path"] == "gate.timeout"
            await here.twin.desired_rejected(DesiredRejected(envelope, None, ""))
            assert here.phases[-1] == (None, "rejected")
            assert here.kept["decided"]["revision"] == 20

    asyncio.run(scenario())


def test_a_zone_that_a_job_names_cannot_be_taken_from_it(tmp_path: Path) -> None:
    """The job itself does not change, and would fail at its next run."""
    door = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]
    zones = {"algorithm": "zones", "params": {"dwell": {"door": 10}}}
    jobs = {"watch": {"algorithm": "motion", "sampling": {"interval": 0.1}, "then": [zones]}}

    async def live() -> None:
        async with box(tmp_path / "twin.json") as here:
            drawn = {**PATTERN, "zones": {"door": door, "hall": door}}
            await here.twin.desired(desired(1, {"sources": {"gate": drawn}, "jobs": jobs}))
            await here.until("applied", 1)
            gone = {**PATTERN, "zones": {"hall": door}}
            await here.twin.desired(desired(2, {"sources": {"gate": gone}, "jobs": jobs}))
            await here.until("rejected", 2)
            (error,) = here.reported["errors"]
            assert error["path"] == "jobs.watch.then.0.params.dwell"
            assert "no zone 'door'" in error["message"]
            smaller = {**PATTERN, "zones": {"door": door}}
            await here.twin.desired(desired(3, {"sources": {"gate": smaller}, "jobs": jobs}))
            await here.until("applied", 3)

    asyncio.run(live())


def test_what_fails_on_real_frames_is_rolled_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with box(tmp_path / "twin.json") as here:
            await here.rig.results("steady", "gate", 2)
            raises = {"algorithm": "trouble", "params": {"what": "raise", "after": 0}, "worker": "other"}
            await here.twin.desired(desired(1, with_job(raises)))
            reported = await here.until("rolled_back", 1)
            (error,) = reported["errors"]
            assert (error["path"], error["code"]) == ("jobs.new", "algorithm_failed")
            assert "the door is ajar" in error["message"]
            await here.rig.until(lambda: here.rig.all("job/new/status")[-1] is None)
            assert here.twin.effective() == SPEC
            await here.twin.desired(desired(1, with_job(raises)))
            assert here.phases[-2:] == [(1, "rolled_back")] * 2, "never tried again"

            with pytest.raises(SpecRejected) as rejected:
                await here.twin.patch(merge={"jobs": {"new": raises}})
            assert rejected.value.problems[0].path == "spec.jobs.new"
            assert (here.twin.local, here.kept["local"], here.kept["candidate"]) == (0, 0, None)

            away = {
                "sources": {"gate": PATTERN, "yard": {"url": "rtsp://127.0.0.1:9/x"}},
                "jobs": {"steady": TICKS},
            }
            await here.twin.desired(desired(2, away, gate=Gate(("jobs", "sources"), timeout_s=1.0)))
            reported = await here.until("rolled_back", 2)
            assert [error["path"] for error in reported["errors"]] == ["sources.yard"]
            await here.twin.desired(desired(3, away))
            await here.until("applied", 3)
            check_never_away(here)

    asyncio.run(scenario())


def test_a_newer_one_supersedes_what_is_at_work_in_every_phase(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with box(tmp_path / "twin.json") as here:
            await here.rig.results("steady", "gate")
            await here.twin.desired(desired(1, with_job(NEVER)))
            await here.until("preparing", 1)
            with pytest.raises(CommandFailed, match="revision 1 is at work") as busy:
                await here.twin.patch(merge={"jobs": {"steady": {"enabled": False}}})
            assert busy.value.code == "busy"
            await here.twin.desired(desired(2, with_job(TICKS), gate=ENDLESS))
            assert here.phases[-2:] == [(1, "superseded"), (2, "preparing")]
            await here.rig.results("new", "gate")
            assert here.phases[-1] == (2, "trial")
            await here.twin.desired(desired(2, with_job(TICKS), gate=ENDLESS))
            assert here.phases[-1] == (2, "trial"), "it is at work"
            await here.twin.desired(desired(2, SPEC))
            assert (here.phases[-1], here.reported["errors"][0]["code"]) == ((2, "rejected"), "conflict")
            await here.twin.desired(desired(2, with_job(TICKS), gate=ENDLESS))
            assert here.phases[-1] == (2, "trial"), "as it was, and told again"
            await here.twin.desired(desired(3, SPEC))
            assert (2, "superseded") in here.phases
            await here.until("applied", 3)
            assert here.rig.all("job/new/status")[-1] is None
            before = here.rig.supervisor.provers
            patching = asyncio.create_task(here.twin.patch(merge={"jobs": {"new": NEVER}}))
            await here.rig.until(lambda: here.rig.supervisor.provers > before)
            await here.twin.desired(desired(4, SPEC))
            with pytest.raises(CommandFailed, match="revision 4 superseded it") as cut:
                await patching
            assert cut.value.code == "interrupted"
            await here.until("applied", 4)
            check_never_away(here)

    asyncio.run(scenario())


def test_patches_lie_on_top_until_the_next_desired_and_outlive_the_daemon(tmp_path: Path) -> None:
    pause: dict[str, Any] = {"jobs": {"steady": {"enabled": False}}}

    async def first() -> None:
        async with box(tmp_path / "twin.json") as here:
            twin = here.twin
            await here.rig.results("steady", "gate")
            answer = await twin.patch(merge=pause, expect_local=0)
            assert answer["local"] == 1
            assert [action["job"] for action in answer["actions"]] == ["steady"]
            assert (here.reported["revision"], here.reported["local"]) == (0, 1)
            assert (await here.rig.state("job/steady", "paused"))["state"] == "paused"
            assert await twin.patch(merge=pause) == {"local": 1, "actions": []}
            for patch, code in (
                ({"merge": {}, "expect_local": 0}, "conflict"),
                ({"ops": [{"op": "test", "path": "/jobs", "value": 1}]}, "invalid"),
            ):
                with pytest.raises(CommandFailed) as failed:
                    await twin.patch(**patch)
                assert failed.value.code == code
            with pytest.raises(SpecRejected) as rejected:
                await twin.patch(merge={"jobs": {"steady": {"sampling": {"interval": -1}}}})
            assert rejected.value.problems[0].path == "spec.jobs.steady.sampling.interval"
            ops = [{"op": "add", "path": "/jobs/more", "value": TICKS}]
            assert (await twin.patch(ops=ops))["local"] == 2
            assert "2 local patches" in twin.in_effect_note

    async def second() -> None:
        async with box(tmp_path / "twin.json") as here:
            assert (here.reported["local"], here.twin.effective()["jobs"]["steady"]["enabled"]) == (2, False)
            await here.twin.desired(desired(1, with_job(TICKS), keep_local=True))
            await here.until("applied", 1)
            assert (here.twin.local, here.reported["local"]) == (2, 2)
            assert here.twin.effective()["jobs"]["steady"]["enabled"] is False
            await here.twin.desired(desired(2, SPEC))
            await here.until("applied", 2)
            assert (here.twin.local, here.twin.effective()) == (0, SPEC)
            patching = asyncio.create_task(here.twin.patch(merge={"jobs": {"new": NEVER}}))
            await here.rig.until(lambda: any("twin" in name for name in here.rig.supervisor.pids()))
            patching.cancel()
            await asyncio.wait({patching})
            assert (await here.twin.patch(merge={"jobs": {"new": TICKS}}))["local"] == 1, "not busy"

    asyncio.run(first())
    asyncio.run(second())


def test_patches_that_undo_each_other_still_count_and_are_no_end_of_patching(tmp_path: Path) -> None:
    add, remove = (
        {"op": "add", "path": "/jobs/more", "value": TICKS},
        {"op": "remove", "path": "/jobs/more"},
    )

    async def first() -> None:
        async with box(tmp_path / "twin.json") as here:
            assert (await here.twin.patch(ops=[add]))["local"] == 1
            assert (await here.twin.patch(ops=[remove]))["local"] == 2
            assert (here.twin.effective(), here.reported["local"], here.kept["overlay"]) == (SPEC, 2, {})
            assert (await here.twin.patch(ops=[add], expect_local=2))["local"] == 3
            assert (await here.twin.patch(ops=[remove]))["local"] == 4

    async def second() -> None:
        async with box(tmp_path / "twin.json") as here:
            assert here.reported["local"] == 4
            assert (await here.twin.patch(merge={"jobs": {"steady": {"enabled": False}}}))["local"] == 5

    asyncio.run(first())
    asyncio.run(second())


def test_patches_that_do_not_fit_a_desired_that_keeps_them_are_named_as_the_reason(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with box(tmp_path / "twin.json") as here:
            await here.twin.patch(merge={"jobs": {"steady": {"enabled": False}}})
            await here.twin.desired(desired(1, {**SPEC, "jobs": {}}, keep_local=True))
            errors = (await here.until("rejected", 1))["errors"]
            assert [each["path"] for each in errors] == ["jobs.steady.algorithm", "keep_local"]
            assert (errors[1]["code"], "without keep_local" in errors[1]["message"]) == ("conflict", True)
            wrong = {"jobs": {"steady": {"algorithm": "ticks", "deadline": "long"}}}
            await here.twin.desired(desired(2, wrong, keep_local=True))
            assert [each["path"] for each in (await here.until("rejected", 2))["errors"]] == [
                "jobs.steady.deadline"
            ]

    asyncio.run(scenario())


@pytest.mark.parametrize(("stage", "phase"), [("preparing", "rejected"), ("trial", "rolled_back")])
def test_what_a_power_cut_interrupts_is_tried_once_more(tmp_path: Path, stage: str, phase: str) -> None:
    path = tmp_path / "twin.json"
    spec = with_job(NEVER if stage == "preparing" else TICKS)

    async def begin() -> None:
        async with box(path) as here:
            await here.twin.desired(desired(1, spec, gate=ENDLESS))
            await here.until(stage, 1)

    async def cut_again() -> None:
        async with box(path) as here:
            await here.until(stage, 1)
            assert here.kept["candidate"]["attempts"] == 2

    async def end() -> None:
        async with box(path) as here:
            assert here.phases == [(1, phase)]
            assert here.reported["errors"][0]["code"] == "interrupted"
            assert (here.twin.revision, here.twin.effective()) == (0, SPEC)
            await here.rig.results("steady", "gate")

    for life in (begin, cut_again, end):
        asyncio.run(life())


def test_an_orderly_stop_is_no_crash_and_a_reset_ends_it(tmp_path: Path) -> None:
    path, gate = tmp_path / "twin.json", tmp_path / "open"
    slow = {"algorithm": "gated", "params": {"version": 1, "gate": str(gate)}}

    async def begin() -> None:
        async with box(path) as here:
            await here.twin.desired(desired(1, with_job(slow)))
            await here.until("preparing", 1)
            await here.twin.stop()

    async def stop_again() -> None:
        async with box(path) as here:
            await here.until("preparing", 1)
            assert here.kept["candidate"]["attempts"] == 1
            await here.twin.stop()

    async def end() -> None:
        async with box(path) as here:
            gate.touch()
            await here.until("applied", 1)
            await here.twin.patch(merge={"jobs": {"new": None}})
            await here.twin.reset()

    async def after_reset() -> None:
        async with box(path) as here:
            assert (here.reported["revision"], here.reported["local"]) == (0, 0)
            assert here.phases == [(1, "rolled_back")]
            await here.twin.desired(desired(1, with_job(slow)))
            assert here.phases[-1] == (1, "rolled_back"), "it is still on the broker, and not tried again"
            assert here.twin.effective() == SPEC

    for life in (begin, stop_again, stop_again, end, after_reset):
        asyncio.run(life())


def test_what_comes_while_the_daemon_ends_waits_for_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "twin.json"

    async def end() -> None:
        async with box(path) as here:
            await here.twin.stop()
            await here.twin.desired(desired(1, with_job(TICKS)))
            await here.twin.reload(settings({"sources": {}}))
            assert here.kept["candidate"]["attempts"] == 0
            await asyncio.sleep(0)
            assert here.twin.effective() == SPEC
            assert sorted(here.device.jobs) == ["steady"]

    async def start() -> None:
        async with box(path) as here:
            await here.until("applied", 1)

    for life in (end, start):
        asyncio.run(life())


class LateDisk:
    """Does what it is asked for, and says so when it is let."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.answers.set()

    async def __call__(self, work: Callable[[], Any]) -> Any:
        done = await asyncio.to_thread(work)
        await self.answers.wait()
        return done


@pytest.mark.parametrize("what", ["stop", "reload"])
def test_what_is_decided_stays_so_though_the_disk_is_still_busy_with_it(tmp_path: Path, what: str) -> None:
    async def scenario() -> None:
        disk = LateDisk()
        async with box(tmp_path / "twin.json", in_thread=disk) as here:
            await here.twin.desired(desired(1, with_job({"algorithm": 5})))
            disk.answers.clear()
            await here.rig.until(lambda: here.kept["decided"] is not None)
            interrupting = asyncio.ensure_future(
                here.twin.stop() if what == "stop" else here.twin.reload(settings())
            )
            await here.until("rejected", 1)
            disk.answers.set()
            await interrupting
            assert here.reported["errors"][0]["path"] == "jobs.new.algorithm"

    asyncio.run(scenario())


def test_the_file_is_read_again_under_what_came_over_mqtt(tmp_path: Path) -> None:
    film = str(tmp_path / "film.mp4")
    with_film = {"sources": {"gate": PATTERN, "film": {"url": film}}, "jobs": {"steady": TICKS}}
    more = {"sources": {"gate": PATTERN}, "jobs": {"steady": TICKS, "more": TICKS}}

    async def scenario() -> None:
        async with box(tmp_path / "twin.json", settings(media=[str(tmp_path)])) as here:
            await here.rig.results("steady", "gate")
            await here.twin.patch(merge={"jobs": {"steady": {"deadline": 5}}})
            await here.twin.reload(settings(more))
            assert here.twin.effective()["jobs"] == {"steady": {**TICKS, "deadline": 5}, "more": TICKS}
            await here.twin.reload(settings({"sources": {"gate": PATTERN}}))
            assert (here.twin.local, here.twin.effective()) == (0, {"sources": {"gate": PATTERN}})
            assert "dropped" in here.reported["errors"][0]["message"]

            await here.twin.desired(desired(1, SPEC, gate=ENDLESS))
            await here.until("trial", 1)
            await here.twin.reload(settings(more))
            assert here.twin.effective() == more, "the trial begins anew"
            await here.until("trial", 1)
            await here.twin.desired(desired(2, SPEC))
            await here.until("applied", 2)
            await here.twin.reload(settings(with_film))
            assert (here.twin.effective(), here.twin.revision) == (SPEC, 2)
            assert "errors" not in here.reported

    asyncio.run(scenario())


def test_what_the_disk_does_not_take_is_not_tried(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()

    async def scenario() -> None:
        async with box(tmp_path / "a file" / "twin.json") as here:
            assert "cannot be read" in here.reported["errors"][0]["message"]
            await here.twin.desired(desired(1, with_job(TICKS)))
            assert here.phases[-1] == (1, "rejected")
            error = here.reported["errors"][0]
            assert error["code"] == "internal"
            assert "storage.path" in error["message"]
            with pytest.raises(SpecRejected, match=r"storage\.path"):
                await here.twin.patch(merge={"jobs": {"steady": {"enabled": False}}})
            assert here.twin.effective() == SPEC
            (tmp_path / "a file").unlink()
            await here.twin.desired(desired(1, with_job(TICKS)))
            await here.until("applied", 1)

    asyncio.run(scenario())


def test_after_a_bug_what_ran_before_runs_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def a_bug(*_: object) -> None:
        raise RuntimeError("nobody thought of this")

    async def scenario() -> None:
        async with box(tmp_path / "twin.json") as here:
            await here.rig.results("steady", "gate")
            with monkeypatch.context() as patched:
                patched.setattr("edged.control.change.watch", a_bug)
                await here.twin.desired(desired(1, with_job(TICKS)))
                reported = await here.until("rolled_back", 1)
            assert reported["errors"][0]["code"] == "internal"
            assert here.rig.all("job/new/status")[-1] is None
            await here.twin.desired(desired(2, SPEC))
            await here.until("applied", 2)
            check_never_away(here)

    asyncio.run(scenario())


def test_a_spec_can_be_validated_beside_everything_else(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with box(tmp_path / "twin.json") as here:
            await here.rig.results("steady", "gate")
            said = len(here.phases)
            actions = (await here.twin.validate(with_job(TICKS)))["actions"]
            assert [(action["action"], action["job"]) for action in actions] == [("start", "new")]
            with pytest.raises(SpecRejected) as rejected:
                await here.twin.validate(with_job({"algorithm": "trouble", "params": {"what": "init-raise"}}))
            assert rejected.value.problems[0].path == "spec.jobs.new.algorithm"
            assert len(here.phases) == said
            assert not here.path.exists()
            assert here.twin.effective() == SPEC
            check_never_away(here)

    asyncio.run(scenario())
