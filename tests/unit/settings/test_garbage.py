"""Whatever stands in a file, it is accepted or rejected with problems; nothing else ever happens."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edged.errors import ERROR_CODES, SpecRejected
from edged.settings import json_schema, parse_settings

KEYS = """
    device groups mqtt storage models media algorithms secrets spec sources jobs gate people
    url enabled size fps transport
    loop timeout hwaccel zones lines masks algorithm params sampling then publish deadline worker interval
    count step on when qos password hosts credential env file prefix protocol ca path max_mb << ? a.b
""".split()  # noqa: SIM905
WORDS = [
    *KEYS,
    "*",
    "motion",
    "video.mp4",
    "mqtt://h",
    "rtsp://u:hunter2@h",
    "${env:X}",
    "${",
    "${secret:cam}",
    "tcp",
    "",
]

keys = st.sampled_from(KEYS) | st.text(max_size=5)
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=10)
)
values = st.recursive(
    leaves,
    lambda below: st.lists(below, max_size=4) | st.dictionaries(keys, below, max_size=5),
    max_leaves=30,
)


def accept_or_reject(text: str) -> None:
    try:
        parse_settings(text, file="f.yaml", folder=Path("/folder"))
    except SpecRejected as rejected:
        assert rejected.problems
        lines = text.count("\n") + 1 + sum(text.count(mark) for mark in "\r\x85\u2028\u2029")
        for problem in rejected.problems:
            assert problem.message
            assert problem.code in ERROR_CODES
            assert problem.file == "f.yaml"
            assert 1 <= problem.line <= lines + 1
            assert problem.column >= 1
            assert "hunter2" not in str(problem)


@given(values)
@settings(max_examples=400, deadline=None)
def test_any_data(data: Any) -> None:
    accept_or_reject(json.dumps(data))


def _shaped(schema: dict[str, Any], defs: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Data of nearly the right shape: the right keys, now and then a wrong value."""
    if "$ref" in schema:
        return _shaped(defs[schema["$ref"].rpartition("/")[2]], defs, depth)
    if schema.get("type") == "object" and depth < 7:
        below = {key: _shaped(each, defs, depth + 1) for key, each in schema.get("properties", {}).items()}
        named = [_shaped(each, defs, depth + 1) for each in schema.get("patternProperties", {}).values()]
        if named:
            return st.dictionaries(st.sampled_from(["gate", "people", "b d"]), named[0], max_size=3)
        return st.fixed_dictionaries({}, optional=below) | leaves
    examples = schema.get("examples", [])
    return (st.sampled_from(examples) | leaves) if examples else leaves


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_data_of_nearly_the_right_shape(data: st.DataObject) -> None:
    schema = json_schema("settings")
    accept_or_reject(json.dumps(data.draw(_shaped(schema, schema["$defs"]))))


@given(st.text(st.sampled_from("ab:,-[]{}&*!|>'\"%@`#?\n\t \r\ufeff\u2028~01.<"), max_size=60))
@settings(max_examples=500, deadline=None)
def test_any_text(text: str) -> None:
    accept_or_reject(text)


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_unicode(text: str) -> None:
    accept_or_reject(text)
