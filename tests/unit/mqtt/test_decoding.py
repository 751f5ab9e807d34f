from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.model.canonical import canonical
from edged.mqtt.decoding import MAX_DEPTH, MAX_INBOUND_BYTES, MAX_VALUES, Malformed, decode_object

SAFE = 2**53 - 1
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-SAFE, SAFE)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
fragments = st.sampled_from(
    [b'"', b"{", b"}", b"[", b"]", b":", b",", b'{"a":', b'{"a":1,', b"1e999", b"-", b"9" * 30, b"NaN",
     b"-Infinity", b"true", b"null", b"\\", b"\\ud800", b"\xff", b"\xef\xbb\xbf", b"\0", b" ", b"[" * 40]
)  # fmt: skip


def nested(depth: int) -> bytes:
    """An object of ``depth`` levels."""
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@given(st.dictionaries(texts, values, max_size=5), st.booleans())
def test_every_object_that_can_travel_reads_back(wanted: dict[str, Any], ascii_only: bool) -> None:
    found = decode_object(json.dumps(wanted, ensure_ascii=ascii_only).encode())
    assert found == wanted
    canonical(found)


@given(st.binary(max_size=300) | st.lists(fragments, max_size=30).map(b"".join))
def test_any_bytes_are_an_object_or_malformed_and_what_passes_can_be_signed_and_sent(payload: bytes) -> None:
    try:
        found = decode_object(payload)
    except Malformed as refused:
        assert refused.code in ("invalid", "too_large")
        assert 0 < len(str(refused)) < 300
        str(refused).encode()
        return
    assert isinstance(found, dict)
    canonical(found)


@pytest.mark.parametrize(
    ("payload", "code", "words"),
    [
        (b"", "invalid", "empty"),
        (b"ping", "invalid", "not JSON"),
        (b"[1]", "invalid", "JSON object"),
        (b'"x"', "invalid", "JSON object"),
        (b"{} {}", "invalid", "not JSON"),
        (b"\xff\xfe{\x00}\x00", "invalid", "not UTF-8: byte 1"),
        (b'{"a":"\xed\xa0\x80"}', "invalid", "not UTF-8"),
        (b'{"a":"\\ud800"}', "invalid", "half a character"),
        (b'{"\\udc00":1}', "invalid", "half a character"),
        (b'{"a":["\\u0000"]}', "invalid", "NUL"),
        (b'{"a":1,"b":{"c":1,"c":1}}', "invalid", "'c' stands twice"),
        (b'{"a":NaN}', "invalid", "NaN"),
        (b'{"a":-Infinity}', "invalid", "-Infinity"),
        (b'{"a":1e999}', "invalid", "1e999"),
        (b'{"a":9007199254740992}', "invalid", "2^53"),
        (b'{"a":-9007199254740992}', "invalid", "2^53"),
        (b'{"a":' + b"9" * 10_000 + b"}", "invalid", "2^53"),
        (b'{"a":0.' + b"1" * 10_000 + b"}", "invalid", "too long"),
        (nested(MAX_DEPTH + 1), "invalid", "nested"),
        (b"[" * 100_000, "invalid", "nested"),
        (b'{"a":' * 50_000, "invalid", "nested"),
        (b'{"a":[' + b"1," * MAX_VALUES + b"1]}", "too_large", "50000 values"),
        (bytes(MAX_INBOUND_BYTES + 1), "too_large", "256 KiB"),
        (b'{"a":"' + b"x" * 10_000_000 + b'"}', "too_large", "256 KiB"),
    ],
)  # fmt: skip
def test_what_is_refused_and_why(payload: bytes, code: str, words: str) -> None:
    with pytest.raises(Malformed, match=words.replace("^", r"\^")) as refused:
        decode_object(payload)
    assert refused.value.code == code
    assert len(str(refused.value)) < 300


def test_what_is_just_inside_the_limits_passes() -> None:
    assert decode_object(b'{"a":9007199254740991,"b":-9007199254740991,"c":1e308}')["c"] == 1e308
    assert decode_object(nested(MAX_DEPTH))
    filled = b'{"a":"' + b"x" * (MAX_INBOUND_BYTES - 8) + b'"}'
    assert len(filled) == MAX_INBOUND_BYTES
    assert decode_object(filled)
    assert math.copysign(1, decode_object(b'{"a":-0.0}')["a"]) == -1
