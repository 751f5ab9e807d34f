"""Any bytes on any op: one answer each or a count, one effect an id, within bounds and deadlines."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edged.control.commands.arguments import Nothing, Pause
from edged.control.commands.context import Context
from edged.control.commands.request import CommandFailed
from edged.control.commands.table import TABLE, Command, LaneName
from edged.errors import Problem, SpecRejected
from tests.unit.control.commands.desk_rig import ROOT, Effects, rig

PAUSE = {"job": "people"}
HARMLESS = ("ping", "get")


@dataclass
class Gate:
    """A command that runs until it is let go; counts its effects."""

    begun: int = 0
    cancelled: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)
    is_running: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, _arguments: Any, _context: Context) -> Mapping[str, Any]:
        self.begun += 1
        self.is_running.set()
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return {"begun": self.begun}

    def table(self, deadline_s: float = 30.0) -> dict[str, Command]:
        """With it as `wait`, in the lane of patches."""
        command = Command("wait", Nothing, deadline_s, self.run, LaneName.SPEC, has_effect=True)
        return {**TABLE, "wait": command}


def table_of(op: str, error: Exception) -> dict[str, Command]:
    """With one command that raises."""

    async def run(_arguments: Any, _context: Context) -> Mapping[str, Any]:
        raise error

    return {**TABLE, op: Command(op, Nothing, 5.0, run)}


def test_the_same_id_has_one_effect_and_the_same_answer_twice() -> None:
    async def scenario() -> None:
        async with rig() as desk:
            first = await desk.ask("pause", {"id": "a", **PAUSE})
            second = await desk.ask(
                "pause", {"id": "a", **PAUSE}, response_topic="who/asked", correlation=b"c"
            )
            assert first == second
            assert len(desk.effects.said) == 1
            sent = await desk.post.until(3)
            assert sent[0].payload == sent[1].payload == sent[2].payload
            assert (sent[2].topic, sent[2].correlation) == ("who/asked", b"c")
            assert desk.acknowledged == [1, 2]

    asyncio.run(scenario())


def test_without_an_id_it_runs_each_time() -> None:
    async def scenario() -> None:
        async with rig() as desk:
            assert "id" not in await desk.ask("pause", PAUSE)
            await desk.ask("pause", PAUSE)
            assert len(desk.effects.said) == 2

    asyncio.run(scenario())


def test_the_same_id_after_a_restart(tmp_path: Path) -> None:
    async def scenario() -> None:
        effects = Effects()
        async with rig(tmp_path / "edged.db", effects=effects) as desk:
            before = await desk.ask("pause", {"id": "a", **PAUSE})
        async with rig(tmp_path / "edged.db", effects=replace(effects, revision=99)) as desk:
            assert await desk.ask("pause", {"id": "a", **PAUSE}) == before
        assert len(effects.said) == 1

    asyncio.run(scenario())


def test_the_same_id_while_it_runs_is_answered_once_to_both() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with rig(table=gate.table()) as desk:
            await desk.send("wait", {"id": "a"}, response_topic="first", correlation=b"1")
            await gate.is_running.wait()
            await desk.send("wait", {"id": "a"}, response_topic="second", correlation=b"2")
            assert desk.post.sent == []
            assert desk.acknowledged == [1, 2]
            gate.open.set()
            sent = await desk.post.until(3)
            assert [(each.topic, each.correlation) for each in sent] == [
                (f"{ROOT}/res/wait", b""),
                ("first", b"1"),
                ("second", b"2"),
            ]
            assert gate.begun == 1

    asyncio.run(scenario())


def test_the_id_is_on_the_disk_before_it_is_acknowledged_and_the_answer_before_it_is_sent(
    tmp_path: Path,
) -> None:
    def on_disk(folder: str) -> list[tuple[str, bytes]]:
        """What a daemon would find after a power cut now: in a copy, since the file is locked."""
        copy = tmp_path / folder
        copy.mkdir()
        for name in ("edged.db", "edged.db-wal"):
            shutil.copy(tmp_path / "store" / name, copy / name)
        with sqlite3.connect(copy / "edged.db") as connection:
            return list(connection.execute("SELECT id, answer FROM command"))

    async def scenario() -> None:
        found: list[list[tuple[str, bytes]]] = []
        async with rig(tmp_path / "store" / "edged.db") as desk:
            send = desk.post.answer
            desk.post.answer = lambda *sent: (found.append(on_disk("sent")), send(*sent))[1]  # type: ignore[method-assign]
            await desk.ask(
                "pause", {"id": "a", **PAUSE}, on_acknowledge=lambda: found.append(on_disk("acknowledged"))
            )
            assert found == [[("a", b"")], [("a", desk.post.sent[0].payload)]]

    asyncio.run(scenario())


def test_what_the_daemons_end_interrupted_is_answered_when_it_is_back_and_never_run_again(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        gate = Gate()
        async with rig(tmp_path / "edged.db", table=gate.table()) as desk:
            await desk.send("wait", {"id": "a"}, response_topic="who/asked", correlation=b"c")
            await gate.is_running.wait()
        async with rig(tmp_path / "edged.db", table=gate.table()) as desk:
            answered = await desk.post.until(2)
            assert [(each.topic, each.answer["code"]) for each in answered] == [
                (f"{ROOT}/res/wait", "interrupted"),
                ("who/asked", "interrupted"),
            ]
            again = await desk.ask("wait", {"id": "a"})
            assert again == answered[0].answer
        async with rig(tmp_path / "edged.db", table=gate.table()) as desk:
            assert desk.post.sent == []
        assert gate.begun == 1

    asyncio.run(scenario())


def test_an_orderly_end_answers_what_runs_and_takes_no_more() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with rig(table=gate.table()) as desk:
            await desk.send("wait", {"id": "a"})
            await gate.is_running.wait()
            await desk.desk.stop()
            assert [each.answer["code"] for each in desk.post.sent] == ["interrupted"]
            assert gate.cancelled == 1
            late = await desk.send("ping")
            assert late not in desk.acknowledged
            assert len(desk.post.sent) == 1

    asyncio.run(scenario())


def test_the_daemon_is_told_to_end_after_the_answer_was_sent() -> None:
    async def scenario() -> None:
        effects = Effects()
        async with rig(effects=effects) as desk:
            publish = desk.post.publish
            desk.post.publish = lambda *sent: (effects.said.append(("sent",)), publish(*sent))[1]  # type: ignore[method-assign]
            assert (await desk.ask("restart", {"id": "a", "daemon": True}))["status"] == "ok"
            assert effects.said == [("sent",), ("order restart",)]

    asyncio.run(scenario())


def test_a_restart_of_the_daemon_that_came_before_its_answer_was_a_success(tmp_path: Path) -> None:
    async def scenario() -> None:
        gate = Gate()
        command = Command("wait", Nothing, 30.0, gate.run, is_order_to_end=lambda _: True)
        async with rig(tmp_path / "edged.db", table={"wait": command}) as desk:
            await desk.send("wait", {"id": "a"})
            await gate.is_running.wait()
        async with rig(tmp_path / "edged.db", table={"wait": command}) as desk:
            assert [each.answer["status"] for each in desk.post.sent] == ["ok"]

    asyncio.run(scenario())


def test_a_retained_command_is_refused_with_its_id_and_a_cleared_topic_is_nothing() -> None:
    async def scenario() -> None:
        async with rig() as desk:
            answer = await desk.ask("pause", {"id": "a", **PAUSE}, retain=True)
            assert (answer["id"], answer["code"]) == ("a", "retained")
            assert "without the retain flag" in answer["message"]
            await desk.send("pause", b"", retain=True)
            assert len(desk.post.sent) == 1
            assert desk.effects.said == []
            assert desk.acknowledged == [1, 2]
            await desk.ask("pause", {"id": "a", **PAUSE})
            assert len(desk.effects.said) == 1, "what was refused is not what was run"

    asyncio.run(scenario())


def test_an_empty_payload_is_no_arguments() -> None:
    async def scenario() -> None:
        async with rig() as desk:
            assert (await desk.ask("ping", b""))["status"] == "ok"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"{", "invalid"),
        (b"\xff", "invalid"),
        (b"[]", "invalid"),
        (b'{"id": 7}', "invalid"),
        (b'{"id": ""}', "invalid"),
        (b'{"id": null}', "invalid"),
        (json.dumps({"id": "x" * 129}).encode(), "invalid"),
        (b'{"id": "a\\nb"}', "invalid"),
        (b'{"x": 1}', "unknown_key"),
        (b'{"x": "' + b"a" * 256 * 1024 + b'"}', "too_large"),
    ],
)
def test_what_is_malformed_is_answered_and_acknowledged(payload: bytes, code: str) -> None:
    async def scenario() -> None:
        async with rig() as desk:
            answer = await desk.ask("ping", payload, response_topic="who/asked")
            assert (answer["status"], answer["code"]) == ("error", code)
            assert "id" not in answer
            assert (await desk.post.until(2))[1].topic == "who/asked"
            assert desk.acknowledged == [1]
            assert desk.desk.refused == {code: 1}

    asyncio.run(scenario())


def test_an_op_that_there_is_not() -> None:
    async def scenario() -> None:
        async with rig() as desk:
            answer = await desk.ask("pasue", {"id": "a"})
            assert (answer["id"], answer["code"]) == ("a", "unknown_op")
            assert 'did you mean "pause"?' in answer["message"]
            assert (await desk.ask("reboot"))["code"] == "unknown_op"
            await desk.send("no op/at all")
            assert len(desk.post.sent) == 2
            assert desk.desk.refused["unanswered"] == 1
            assert desk.acknowledged == [1, 2, 3]

    asyncio.run(scenario())


def test_a_response_topic_that_would_be_somebody_elses_word_is_left_out() -> None:
    async def scenario() -> None:
        async with rig() as desk:
            await desk.ask("ping", response_topic=f"{ROOT}/desired")
            await desk.ask("ping")
            assert [each.topic for each in desk.post.sent] == [f"{ROOT}/res/ping"] * 2

    asyncio.run(scenario())


def test_a_response_topic_that_is_where_all_answers_go_gets_one() -> None:
    async def scenario() -> None:
        async with rig() as desk:
            await desk.ask("ping", response_topic=f"{ROOT}/res/ping", correlation=b"c")
            await desk.ask("ping")
            sent = [(each.topic, each.correlation) for each in desk.post.sent]
            assert sent == [(f"{ROOT}/res/ping", b"c"), (f"{ROOT}/res/ping", b"")]

    asyncio.run(scenario())


def test_what_takes_too_long_is_cancelled_and_answered() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with rig(table=gate.table(deadline_s=0.4)) as desk:
            answer = await desk.ask("wait", {"id": "a"})
            assert answer["code"] == "timeout"
            await asyncio.sleep(0)
            assert gate.cancelled == 1
            assert await desk.ask("wait", {"id": "a"}) == answer
            assert gate.begun == 1
            assert desk.desk.present == 0

    asyncio.run(scenario())


def test_what_waits_for_its_turn_too_long_is_answered_and_never_begun() -> None:
    async def scenario() -> None:
        gate = Gate()
        soon = Command("soon", Nothing, 0.2, gate.run, LaneName.SPEC)
        async with rig(table={**gate.table(), "soon": soon}) as desk:
            await desk.send("wait")
            await desk.send("wait")
            assert (await desk.ask("soon"))["code"] == "timeout"
            assert gate.begun == 1

    asyncio.run(scenario())


def test_a_full_lane_is_busy_and_the_others_are_not() -> None:
    async def scenario() -> None:
        gate = Gate()
        async with rig(table=gate.table()) as desk:
            for number in range(8):
                await desk.send("wait", {"id": f"{number}"})
            assert (await desk.ask("pause", {"id": "late", **PAUSE}))["code"] == "busy"
            assert (await desk.ask("ping"))["status"] == "ok"
            gate.open.set()
            await desk.post.until(10)
            assert (await desk.ask("pause", {"id": "late", **PAUSE}))["status"] == "ok", (
                "busy is no answer for good"
            )
            assert gate.begun == 8

    asyncio.run(scenario())


def test_too_many_ids_in_a_day_are_busy() -> None:
    async def scenario() -> None:
        async with rig(most_ids=2) as desk:
            for command_id in "ab":
                await desk.ask("pause", {"id": command_id, **PAUSE})
            assert (await desk.ask("pause", {"id": "c", **PAUSE}))["code"] == "busy"
            assert (await desk.ask("pause", PAUSE))["status"] == "ok"
            assert len(desk.effects.said) == 3

    asyncio.run(scenario())


def test_a_flood_of_nonsense_is_answered_a_little_and_counted() -> None:
    async def scenario() -> None:
        async with rig() as desk:
            for _ in range(1000):
                await desk.send("ping", b"{")
            refused = desk.desk.refused
            assert refused["invalid"] == 1000
            assert 20 <= len(desk.post.sent) < 200
            assert len(desk.post.sent) + refused["unanswered"] == 1000
            assert len(desk.acknowledged) == 1000

    asyncio.run(scenario())


def test_a_burst_of_what_is_right_is_all_answered() -> None:
    async def scenario() -> None:
        async with rig() as desk:
            for number in range(500):
                await desk.send("ping", {"id": f"{number}"} if number % 10 == 0 else {})
            answers = [each.answer["status"] for each in await desk.post.until(500)]
            assert set(answers) == {"ok"}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (CommandFailed("conflict", "local is 2"), "conflict", "local is 2"),
        (
            SpecRejected([Problem("spec.jobs.a.params.model", "is not there", "model_not_found")]),
            "model_not_found",
            "jobs.a.params.model: is not there",
        ),
        (KeyError("password"), "internal", "a bug in odd: the log of the device says more"),
    ],
)
def test_what_goes_wrong_is_said(
    error: Exception, code: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        with caplog.at_level(logging.CRITICAL):
            async with rig(table=table_of("odd", error)) as desk:
                answer = await desk.ask("odd")
                assert (answer["code"], answer["message"]) == (code, message)
                assert (await desk.ask("ping"))["status"] == "ok"

    asyncio.run(scenario())


def test_all_problems_of_a_spec_are_in_the_answer() -> None:
    async def scenario() -> None:
        error = SpecRejected([Problem("spec.sources.a.url", "one", "not_allowed"), Problem("", "two")])
        async with rig(table=table_of("odd", error)) as desk:
            answer = await desk.ask("odd")
            assert answer["message"] == "sources.a.url: one; two"
            assert answer["data"]["errors"] == [
                {"path": "sources.a.url", "code": "not_allowed", "message": "one"},
                {"path": "", "code": "invalid", "message": "two"},
            ]

    asyncio.run(scenario())


@pytest.mark.parametrize("data", [{"text": "x" * 600_000}, {"odd": object()}])
def test_an_answer_that_cannot_travel_is_an_error(data: dict[str, Any]) -> None:
    async def run(_arguments: Any, _context: Context) -> Mapping[str, Any]:
        return data

    async def scenario() -> None:
        async with rig(table={"odd": Command("odd", Nothing, 5.0, run)}) as desk:
            answer = await desk.ask("odd", {"id": "a"})
            assert answer["id"] == "a"
            assert answer["code"] == ("too_large" if "text" in data else "internal")

    asyncio.run(scenario())


VALUES = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.lists(st.integers(), max_size=3)
)
OBJECTS = st.dictionaries(
    st.sampled_from(["id", "what", "source", "job", "spec", "paused", "daemon"]) | st.text(max_size=5), VALUES
)
PAYLOADS = st.binary(max_size=60) | OBJECTS.map(lambda value: json.dumps(value).encode())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(TABLE)) | st.text(max_size=12), PAYLOADS), max_size=12))
def test_any_bytes_on_any_op_are_answered_or_counted_and_malformed_ones_have_no_effect(
    messages: list[tuple[str, bytes]],
) -> None:
    async def scenario() -> None:
        async with rig() as desk:
            for op, payload in messages:
                await desk.send(op, payload)
            unanswered = desk.desk.refused["unanswered"]
            sent = await desk.post.until(len(messages) - unanswered)
            assert len(sent) == len(messages) - unanswered
            assert sorted(desk.acknowledged) == list(range(1, len(messages) + 1))
            answers = [each.answer for each in sent]
            effects = [each for each in answers if each["status"] == "ok" and each["op"] not in HARMLESS]
            assert len(desk.effects.said) <= len(effects)

    asyncio.run(scenario())


def test_the_table_has_what_the_contract_lists() -> None:
    assert sorted(TABLE) == [
        "get", "patch", "pause", "ping", "probe", "rebirth", "record", "restart", "resume", "snapshot",
        "validate",
    ]  # fmt: skip
    assert all(command.op == op and command.deadline_s > 0 for op, command in TABLE.items())
    assert TABLE["pause"].arguments is Pause
