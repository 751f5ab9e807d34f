"""docs/mqtt.md against the code: its tables are whole, its topics exist, its examples fit the schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from algos.tracker import Tracker
from algos.zones import Zones
from edged.app.ctl.operations import OPERATIONS, OWN
from edged.control.commands.table import TABLE
from edged.errors import ERROR_CODES
from edged.model.twin import Gate, Phase
from edged.mqtt.codec import Health
from edged.mqtt.desired import parse_desired
from edged.settings import json_schema
from tests.pages import blocks, documents, named_in
from tests.topics import TOPICS, is_known

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mqtt.md"
TEXT = PAGE.read_text()
_UNITS_S = {"s": 1, "min": 60}


def rows(header: str) -> Iterator[list[str]]:
    """The cells of the table with this first cell in its head."""
    _, _, below = TEXT.partition(f"\n| {header} |")
    for line in below.splitlines()[2:]:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


def example(key: str) -> dict[str, object]:
    """The first JSON of the page that has this key."""
    shown = (each for block in blocks(PAGE) if block.language == "json" for each in documents(block.text))
    return next(each for each in shown if key in each)


def test_every_error_code_has_its_row() -> None:
    assert [row[0] for row in rows("code")] == [f"`{code}`" for code in ERROR_CODES]
    assert all(len(row) == 3 and all(row) for row in rows("code")), "with what it means, and what to do"


def test_every_command_has_its_row_with_arguments_and_deadline() -> None:
    shown = {row[0].strip("`"): row for row in rows("op")}
    assert list(shown) == list(TABLE)
    for op, (_, arguments, _, _, deadline) in shown.items():
        number, unit = deadline.split()
        assert float(number) * _UNITS_S[unit] == TABLE[op].deadline_s, op
        named = set(re.findall(r"`(\w+)`", arguments))
        assert set(TABLE[op].arguments.model_fields) <= named, op


def test_what_ctl_is_told_on_the_page_it_knows() -> None:
    told = re.findall(r"edged ctl \S+ (\w+)", TEXT)
    assert set(told) <= {*OPERATIONS, *OWN}
    assert set(OWN) <= set(told)


def test_the_names_of_events_that_are_kept_are_those_of_the_algorithms() -> None:
    _, _, below = TEXT.partition("## Events")
    kept = re.search(r"the names\s+(.*?) are kept", below, re.DOTALL)
    assert kept is not None
    sent = {*Zones.sends, *Tracker.sends}
    assert set(re.findall(r"`(\w+)`", kept[1])) == {*sent, "clip"}


def test_every_topic_has_its_row() -> None:
    shown = [topic for row in rows("topic") for topic in re.findall(r"`(.*?)`", row[0])]
    fills = {"…": "edged/v1/gate-01", "<prefix>": "edged/v1", "<source>": "gate", "<job>": "moving"}
    fills["<output>"] = "gate"
    fills |= {"<group>": "site-a", "<op>": "ping"}
    filled = [re.sub("…|<[a-z]+>", lambda part: fills[part[0]], topic) for topic in shown]
    assert sorted(filled) == sorted(TOPICS)


def test_every_topic_that_is_typed_exists() -> None:
    typed = re.findall(r"edged/v1/[^\s'\"`]+", "\n".join(block.text for block in blocks(PAGE)))
    assert len(typed) > 20
    assert not [topic for topic in typed if not is_known(topic)]


def test_what_is_desired_and_reported_is_told_to_the_last_key() -> None:
    named = named_in(PAGE, "Desired and reported")
    assert set(json_schema("desired")["properties"]) <= named
    assert set(json_schema("reported")["properties"]) <= named
    assert {phase.value for phase in Phase} <= named
    shown = parse_desired(example("spec"))
    assert (shown.gate, shown.keep_local) == (Gate(), False), "it says that these are the defaults"


def test_examples_of_results_and_events_have_every_key() -> None:
    event, result = json_schema("event")["properties"], json_schema("result")["properties"]
    assert set(example("type")) == set(event)
    assert set(example("detections")) == set(result)
    detection = result["detections"]["items"]["properties"]
    shown = example("detections")["detections"]
    assert isinstance(shown, list)
    assert set(detection) <= set(shown[0]) | named_in(PAGE, "Results")


def test_every_key_of_health_is_told() -> None:
    rest = set(Health.__dataclass_fields__) - {"wall_ns"}
    assert rest <= named_in(PAGE, "How it is")


def test_links_within_the_page_lead_somewhere() -> None:
    headings = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([\w-]+)\)", TEXT)) <= anchors
