"""What people type for `edged ctl`, and what they read."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.app.ctl.address import Given, Target, find_broker, find_target
from edged.app.ctl.applying import Standing, Wanted
from edged.app.ctl.arguments import BadWord, parse_arguments, parse_value, read_spec
from edged.app.ctl.asking import Reply, read_object
from edged.app.ctl.operations import OPERATIONS, complete
from edged.app.ctl.printing import Printer
from edged.app.ctl.run import Order, prepare
from edged.app.ctl.wording import Place, answer_line, clean, news_line, problem_lines, recording_lines
from edged.control.commands.table import TABLE
from edged.errors import EdgedError, SpecRejected
from edged.mqtt.protocol import Protocol

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)

# ---- arguments ----


def test_operations_are_those_of_the_device() -> None:
    assert {op: each.deadline_s for op, each in OPERATIONS.items()} == {
        op: command.deadline_s for op, command in TABLE.items()
    }


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (
            ["source=gate", "max_width=640", "quality=80.5"],
            {"source": "gate", "max_width": 640, "quality": 80.5},
        ),
        (["source=1", "job=true", 'worker="a"'], {"source": "1", "job": "true", "worker": "a"}),
        (["url=rtsp://u@h/?a=b"], {"url": "rtsp://u@h/?a=b"}),
        (
            ['spec={"jobs":{"a":null}}', "daemon=true", "x="],
            {"spec": {"jobs": {"a": None}}, "daemon": True, "x": ""},
        ),
        (["x=NaN", "y=[1", "z=nul"], {"x": "NaN", "y": "[1", "z": "nul"}),
    ],
)
def test_values_are_json_where_they_are(words: list[str], arguments: dict[str, Any]) -> None:
    assert parse_arguments(words) == arguments


@given(JSON)
def test_any_json_is_taken_as_it_is(value: Any) -> None:
    assert parse_value(json.dumps(value)) == value


@given(st.text())
def test_any_text_is_a_value(text: str) -> None:
    parse_value(text)


@pytest.mark.parametrize("words", [["gate"], ["=1"], ["a b=1"], ["a.b=1"], ["id=7"], ["a=1", "a=2"]])
def test_what_is_no_argument_is_said_so(words: list[str]) -> None:
    with pytest.raises(BadWord):
        parse_arguments(words)


def test_files_are_json_or_yaml(tmp_path: Path) -> None:
    (tmp_path / "ops.json").write_text('[{"op":"remove","path":"/jobs/a"}]')
    (tmp_path / "patch.yaml").write_text("jobs:\n  a: {enabled: no}\n")
    assert parse_arguments([f"ops=@{tmp_path}/ops.json", f"spec=@{tmp_path}/patch.yaml"]) == {
        "ops": [{"op": "remove", "path": "/jobs/a"}],
        "spec": {"jobs": {"a": {"enabled": "no"}}},
    }


def test_a_bad_file_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "patch.yaml"
    file.write_text("jobs:\n  a: 1\n  a: 2\n")
    with pytest.raises(SpecRejected, match=r"patch\.yaml:3:3"):
        parse_arguments([f"spec=@{file}"])
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(EdgedError, match="UTF-8"):
        parse_arguments([f"spec=@{file}"])
    with pytest.raises(FileNotFoundError):
        parse_arguments([f"spec=@{tmp_path}/none.yaml"])


def test_a_spec_is_found_in_a_whole_configuration(tmp_path: Path) -> None:
    alone, whole = tmp_path / "spec.yaml", tmp_path / "gate.yaml"
    alone.write_text("sources: {gate: {url: a.mp4}}\n")
    whole.write_text("device: gate-01\nspec: {sources: {gate: {url: a.mp4}}}\n")
    assert read_spec(alone) == read_spec(whole) == {"sources": {"gate": {"url": "a.mp4"}}}


# ---- which broker, whom ----


def test_a_broker_is_named_one_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EDGED_MQTT", raising=False)
    with pytest.raises(ValueError, match="EDGED_MQTT"):
        find_broker(Given())
    monkeypatch.setenv("EDGED_MQTT", "mqtt://from-environment")
    assert find_broker(Given()).options.host == "from-environment"
    assert find_broker(Given(mqtt="mqtt://from-option")).options.host == "from-option"
    config = tmp_path / "gate.yaml"
    config.write_text("mqtt: {url: 'embedded://127.0.0.1:1999', prefix: fleet/a}\n")
    address = find_broker(Given(config=config))
    assert (address.options.port, address.options.protocol, address.prefix) == (
        1999,
        Protocol.V311,
        "fleet/a",
    )
    with pytest.raises(ValueError, match="not both"):
        find_broker(Given(config=config, mqtt="mqtt://other"))


def test_nothing_of_it_stays_on_the_broker_and_nobody_is_thrown_out() -> None:
    one, other = (find_broker(Given(mqtt="mqtt://h")).options for _ in range(2))
    assert one.client_id != other.client_id
    assert not one.keep_session


def test_a_password_comes_from_a_file_or_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(" geheim \n")
    monkeypatch.setenv("EDGED_MQTT_PASSWORD", "other")
    given = Given(mqtt="mqtt://h", username="me")
    assert find_broker(given).options.password == "other"
    assert find_broker(Given(mqtt="mqtt://h")).options.password is None
    given = Given(mqtt="mqtt://h", username="me", password_file=tmp_path / "password")
    address = find_broker(given)
    assert address.options.password == " geheim "
    assert "geheim" not in repr(address)


def test_messages_name_the_options_of_the_command_line() -> None:
    with pytest.raises(ValueError, match="--username"):
        find_broker(Given(mqtt="mqtt://me:geheim@h"))
    address = find_broker(Given(mqtt="mqtt://h"))
    assert address.in_words("check mqtt.url and mqtt.ca") == "check --mqtt and --ca"


@pytest.mark.parametrize("name", ["gate-01", "@all", "@site_a"])
def test_devices_and_groups_are_named(name: str) -> None:
    assert find_target(find_broker(Given(mqtt="mqtt://h")), name).name == name


@pytest.mark.parametrize("name", ["", "@", "a/b", "+", "#", "@@all", "a b", "x" * 65])
def test_what_is_no_device_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no device"):
        find_target(find_broker(Given(mqtt="mqtt://h")), name)


def test_a_group_is_answered_by_each_device() -> None:
    many = Target("edged/v1", "@site-a")
    assert (many.root, many.roots) == ("edged/v1/@site-a", "edged/v1/+")
    assert many.device("edged/v1/gate-07/res/ping") == "gate-07"


@pytest.mark.parametrize(
    "order",
    [
        Order("gate", "ping", output=Path("a.jpg")),
        Order("@all", "snapshot", output=Path("a.jpg")),
        Order("gate", "snapshot", output=Path("/nowhere/a.jpg")),
        Order("gate", "ping", revision=3),
        Order("@all", "apply", ("a.yaml",)),
        Order("@all", "wait", ("revision=1",)),
        Order("@site-a", "watch"),
        Order("gate", "apply"),
        Order("gate", "wait"),
        Order("gate", "wait", ("revision=x",)),
        Order("gate", "watch", ("what=x",)),
        Order("gate", "watch", ("job=+",)),
        Order("gate", "get", ("spec",)),
    ],
    ids=str,
)
def test_what_does_not_go_together_is_a_mistake_of_usage(order: Order) -> None:
    with pytest.raises(ValueError):
        prepare(Given(mqtt="mqtt://h"), order)


def test_the_shell_completes_operations() -> None:
    assert [word for word, _ in complete("re")] == ["resume", "record", "restart", "rebirth"]
    assert {"watch", "apply", "wait", *TABLE} == {word for word, _ in complete("")}


def test_completing_and_asking_for_help_stay_light() -> None:
    heavy = "{'paho', 'pydantic', 'ruamel', 'rfc8785', 'asyncio'}"
    script = f"import sys, edged.app.cli; print(*{heavy} & set(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    assert loaded.stdout.strip() == ""


# ---- a desired ----


def standing(revision: int, phase: str | None, desired: int | None, **more: Any) -> Standing:
    return Standing({"revision": revision, "phase": phase, "desired_revision": desired, **more})


@pytest.mark.parametrize(
    ("reported", "verdict"),
    [
        (standing(7, None, None), None),
        (standing(7, "applied", 7), None),
        (standing(7, "preparing", 8), None),
        (standing(8, "trial", 8), None),
        (standing(8, "applied", 8), "applied"),
        (standing(7, "rejected", 8), "rejected"),
        (standing(7, "rolled_back", 8), "rolled_back"),
        (standing(7, "preparing", 9), "superseded"),
        (standing(8, "rejected", 9), "applied"),
        (Standing({}), None),
        (Standing({"desired_revision": "8", "phase": ["applied"]}), None),
    ],
)
def test_the_end_of_a_revision(reported: Standing, verdict: str | None) -> None:
    ended = reported.verdict(8)
    assert (ended.phase if ended is not None else None) == verdict


def test_a_desired_carries_its_digest() -> None:
    content = json.loads(Wanted({"jobs": {}}, envelope={"keep_local": True}).payload(8))
    assert content["digest"].startswith("sha256:")
    assert (content["revision"], content["spec"], content["keep_local"]) == (8, {"jobs": {}}, True)
    with pytest.raises(EdgedError):
        Wanted({"jobs": {"a": 2**60}}).payload(8)


# ---- what is printed ----

RESULT = {
    "seq": 42,
    "time": "2026-11-20T09:00:00.123Z",
    "latency_ms": {"total": 9.04},
    "detections": [{"label": "person", "score": 0.91, "track_id": 7}, {"label": "car", "score": 0.5}],
    "data": {},
}
EVENT = {
    "type": "line_cross",
    "time": "2026-11-20T09:00:00.123Z",
    "label": "person",
    "track_id": 7,
    "line": "entry",
}


def text(pieces: list[tuple[str, str]]) -> str:
    return "  ".join(piece for piece, _ in pieces)


def test_results_and_events_are_one_line() -> None:
    result = Place.of("edged/v1", "edged/v1/gate-01/job/people/gate/result")
    event = Place.of("edged/v1", "edged/v1/gate-01/job/people/gate/event")
    assert result is not None
    assert event is not None
    line = text(news_line(result, RESULT, with_device=False))
    assert line == "09:00:00.123  people/gate  #42  person #7 91%, car 50%  9.0 ms"
    line = text(news_line(event, EVENT, with_device=True))
    assert line == "09:00:00.123  gate-01  people/gate  line_cross  person #7 entry"
    data = {"file": "gate/clips/c.mp4", "duration": 16.44, "bytes": 1_840_000, "sha256": "ab" * 32}
    line = text(news_line(event, {"time": EVENT["time"], "type": "clip", "data": data}, with_device=False))
    assert line == "09:00:00.123  people/gate  clip  gate/clips/c.mp4  16.4 s  1.8 MB"


@pytest.mark.parametrize("topic", ["edged/v1/a/state", "edged/v1/a/job/j/s/counts", "other/a/job/j/s/result"])
def test_other_topics_are_no_news(topic: str) -> None:
    assert Place.of("edged/v1", topic) is None


@given(
    st.dictionaries(st.sampled_from([*RESULT, *EVENT, "score"]), JSON), st.sampled_from(["result", "event"])
)
def test_whatever_comes_is_one_harmless_line(content: dict[str, Any], kind: str) -> None:
    out = io.StringIO()
    place = Place("gate", "people", "yard", kind)
    Printer(out, out, as_json=False).news(with_device=True)(place, content, b"")
    line = out.getvalue()
    assert line.count("\n") == 1
    assert line[:-1].isprintable()


class _Narrow(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_an_event_on_a_narrow_terminal_wraps_between_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    out = _Narrow()
    monkeypatch.setattr("sys.stdout", out)
    event = {
        "time": "2026-11-25T14:05:00.000Z", "type": "object_end", "label": "person", "track_id": 2,
        "data": {"duration": 21.5, "first_seen": 23.0, "last_seen": 44.5, "travelled": 0.8, "reason": "lost"},
    }  # fmt: skip
    Printer(out, out, as_json=False).news(with_device=False)(
        Place("gate", "people", "yard", "event"), event, b""
    )
    rows = re.sub(r"\x1b\[[\d;]*m", "", out.getvalue()).splitlines()
    assert 2 <= len(rows) <= 4
    assert max(map(len, rows)) <= 60
    assert all(row.startswith(" " * 14) and not row.rstrip().endswith(":") for row in rows[1:])


@given(st.text())
def test_nothing_steers_the_terminal(any_text: str) -> None:
    assert clean(any_text).isprintable()
    assert len(clean(any_text)) == len(any_text)


@given(st.binary())
def test_an_answer_that_is_none_is_nothing(payload: bytes) -> None:
    assert isinstance(read_object(payload), dict)


def printed(reply: dict[str, Any], *, as_json: bool = False) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    Printer(out, err, as_json=as_json).answer(Reply("gate", reply))
    return out.getvalue(), err.getvalue()


def test_answers_are_printed_for_people_and_for_programs() -> None:
    assert printed({"status": "ok"}) == ("ok\n", "")
    assert printed({"status": "ok", "data": {"a": "é"}}) == ('{\n  "a": "é"\n}\n', "")
    failed = {"status": "error", "code": "busy", "message": "ask again\x1b[2J"}
    assert printed(failed) == ("", "edged: gate: busy: ask again\N{REPLACEMENT CHARACTER}[2J\n")
    assert printed(failed, as_json=True)[0].count("\n") == 1
    problem = {"path": "jobs.a.params.model", "code": "model_not_found", "message": "is not there"}
    rejected = {"status": "error", "code": "invalid", "message": "long", "data": {"errors": [problem]}}
    assert printed(rejected) == ("", "edged: gate: invalid\n  jobs.a.params.model: is not there\n")


def test_recordings_are_a_table() -> None:
    segment = {
        "file": "gate/2026-11-25/14-05-00.000Z.mp4", "source": "gate", "kind": "segment", "bytes": 37_200_000,
        "start": "2026-11-25T14:05:00.000Z", "duration": 300.2, "open": True,
    }  # fmt: skip
    clip = {
        "file": "gate/clips/c.mp4", "source": "gate", "kind": "clip", "job": "people", "bytes": 900_000,
        "start": "2026-11-25T14:03:00.000Z",
    }  # fmt: skip
    listed = {"folder": "/r", "recordings": [segment, clip], "more": 3}
    assert printed({"status": "ok", "data": listed}) == (
        "2026-11-25 14:05:00  300.2 s  37.2 MB  segment (open)  gate/2026-11-25/14-05-00.000Z.mp4\n"
        "2026-11-25 14:03:00            0.9 MB  clip of people  gate/clips/c.mp4\n",
        "2 in /r, and 3 older ones: limit=1000, source=NAME\n",
    )
    assert printed({"status": "ok", "data": {"folder": "/r", "recordings": []}}) == ("", "0 in /r\n")


@given(st.lists(JSON))
def test_recordings_may_be_anything(recordings: list[Any]) -> None:
    assert all(line.isprintable() for line in recording_lines(recordings))


@given(JSON)
def test_problems_may_be_anything(errors: Any) -> None:
    assert all(line.isprintable() for line in problem_lines(errors))


def test_many_answers_are_a_line_each() -> None:
    assert text(answer_line("gate", "", "", None)) == "gate  ok"
    assert text(answer_line("gate", "busy", "ask again", {"a": 1})) == "gate  busy  ask again"
    assert text(answer_line("gate", "", "", {"a": 1})) == 'gate  ok  {"a":1}'
