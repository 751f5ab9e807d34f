"""What each command does, through the desk."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from edged.errors import ERROR_CODES
from edged.model.probe import ProbeReport
from tests.unit.control.commands.desk_rig import Effects, rig


def ask(op: str, payload: dict[str, Any] | None = None, effects: Effects | None = None) -> dict[str, Any]:
    """One answer of a fresh desk."""

    async def scenario() -> dict[str, Any]:
        async with rig(effects=effects) as desk:
            return await desk.ask(op, payload)

    return asyncio.run(scenario())


def test_ping() -> None:
    assert ask("ping", {"id": "a"}) == {"id": "a", "op": "ping", "status": "ok", "revision": 7}


def test_get_spec_shows_no_password() -> None:
    data = ask("get", {"what": "spec"})["data"]
    assert (data["revision"], data["local"], data["source"]) == (7, 2, "mqtt")
    assert data["spec"]["sources"]["gate"]["url"] == "rtsp://admin:***@10.0.0.5/1"
    assert data["spec"]["jobs"] == {"people": {"algorithm": "motion"}}


def test_get_schema_knows_the_spec_and_the_error_codes() -> None:
    schema = ask("get", {"what": "schema"})["data"]["schema"]
    assert {"sources", "jobs"} <= set(schema["properties"])
    assert schema["x-error-codes"] == list(ERROR_CODES)


def test_get_info_stats_and_logs() -> None:
    assert ask("get", {"what": "info"})["data"] == {"version": "1"}
    assert ask("get", {"what": "stats"})["data"] == {"health": {}}
    assert ask("get", {"what": "logs", "lines": 2})["data"] == {"lines": ["two", "three"]}
    assert ask("get", {"what": "logs"})["data"] == {"lines": ["one", "two", "three"]}


@pytest.mark.parametrize(
    ("op", "payload", "said"),
    [
        ("validate", {"spec": {"jobs": {}}}, ("validate", {"jobs": {}})),
        ("patch", {"spec": {"jobs": None}, "expect_local": 2}, ("patch", {"jobs": None}, 2)),
        ("patch", {"ops": [{"op": "test"}]}, ("patch", [{"op": "test"}], None)),
        ("pause", {"job": "people"}, ("patch", {"jobs": {"people": {"enabled": False}}}, None)),
        ("pause", {"source": "gate"}, ("patch", {"sources": {"gate": {"enabled": False}}}, None)),
        (
            "pause",
            {"source": "yard", "paused": False},
            ("patch", {"sources": {"yard": {"enabled": True}}}, None),
        ),
        ("resume", {"source": "yard"}, ("patch", {"sources": {"yard": {"enabled": True}}}, None)),
        ("snapshot", {"source": "gate"}, ("snapshot", "gate", None, 80, None)),
        (
            "snapshot",
            {"source": "gate", "job": "people", "max_width": 64},
            ("snapshot", "gate", "people", 80, 64),
        ),
        ("record", {"source": "gate"}, ("record", "gate", 5.0, 10.0)),
        ("record", {"source": "gate", "before": 0, "after": 300}, ("record", "gate", 0.0, 300.0)),
        ("get", {"what": "recordings"}, ("listing", None, 100)),
        ("get", {"what": "recordings", "source": "gate", "limit": 1000}, ("listing", "gate", 1000)),
        ("probe", {"url": "rtsp://cam/1", "timeout": 3}, ("probe", "rtsp://cam/1", 3.0)),
        ("restart", {"source": "gate"}, ("restart source", "gate")),
        ("restart", {"job": "people"}, ("restart job", "people")),
        ("restart", {"worker": "main"}, ("restart worker", "main")),
        ("restart", {"daemon": True}, ("order restart",)),
        ("rebirth", {}, ("rebirth",)),
    ],
)
def test_what_is_told_to_whom(op: str, payload: dict[str, Any], said: tuple[Any, ...]) -> None:
    effects = Effects()
    assert ask(op, payload, effects)["status"] == "ok"
    assert effects.said == [said]


@pytest.mark.parametrize(
    ("op", "payload", "mend"),
    [
        ("record", {"source": "gate", "before": 121}, "120"),
        ("record", {"source": "gate", "after": 301}, "300"),
        ("record", {"source": "gate", "before": 0, "after": 0}, "some seconds before, or after"),
        ("record", {"before": 1}, "source"),
        ("get", {"what": "recordings", "limit": 1001}, "1000"),
        ("get", {"what": "recordings", "lines": 5}, "what: logs"),
        ("get", {"what": "logs", "source": "gate"}, "what: recordings"),
    ],
)
def test_bounds_are_kept(op: str, payload: dict[str, Any], mend: str) -> None:
    effects = Effects()
    answer = ask(op, payload, effects)
    assert (answer["code"], mend in answer["message"]) == ("invalid", True)
    assert effects.said == []


@pytest.mark.parametrize(("op", "payload"), [("resume", {"source": "gate"}), ("pause", {"source": "yard"})])
def test_what_is_so_already_is_no_patch(op: str, payload: dict[str, Any]) -> None:
    effects = Effects()
    assert ask(op, payload, effects)["status"] == "ok"
    assert effects.said == []


def test_what_is_not_there_is_not_found() -> None:
    effects = Effects()
    answer = ask("pause", {"job": "poeple"}, effects)
    assert (answer["code"], answer["message"]) == (
        "not_found",
        'there is no job poeple; did you mean "people"?',
    )
    assert ask("restart", {"job": "nobody"}, effects)["code"] == "not_found"
    assert effects.said == []


def test_a_source_that_cannot_be_opened_is_an_error_with_its_reason() -> None:
    effects = Effects(probed=ProbeReport("rtsp://a:***@cam", error="rtsp://a:secret@cam: nothing listens"))
    answer = ask("probe", {"url": "rtsp://a:secret@cam"}, effects)
    assert (answer["code"], answer["data"]) == ("source_failed", {"url": "rtsp://a:***@cam"})
    assert answer["message"] == "rtsp://a:***@cam: nothing listens"


def test_what_a_probe_found() -> None:
    data = ask("probe", {"url": "rtsp://cam/1"})["data"]
    assert (data["url"], data["codec"], data["width"]) == ("rtsp://cam/1", "h264", 640)
    assert "error" not in data
