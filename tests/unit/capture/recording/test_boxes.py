"""A film that is broken off anywhere plays, and loses no more than what was not whole."""

from __future__ import annotations

import io
from functools import cache

import av
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.recording.boxes import whole_bytes
from tests.integration.clips import Clip, encode


@cache
def fragmented() -> bytes:
    file = io.BytesIO()
    options = {"movflags": "frag_keyframe+delay_moov+default_base_moof"}
    with av.open(file, "w", format="mp4", options=options) as container:
        encode(container, Clip(frames=60, gop=10))
    return file.getvalue()


def count(data: bytes) -> int:
    with av.open(io.BytesIO(data), format="mp4") as container:
        return sum(1 for _ in container.decode(video=0))


@given(st.integers(0, 1 << 16))
def test_any_length(number: int) -> None:
    data = fragmented()
    length = number % (len(data) + 1)
    whole = whole_bytes(io.BytesIO(data[:length]))
    assert whole <= length
    if data.find(b"mdat") < whole:
        assert count(data[:whole]) % 10 == 0
    assert whole_bytes(io.BytesIO(data[:whole])) == whole, "once is enough"


def test_nothing_is_taken_from_a_whole_one() -> None:
    data = fragmented()
    assert whole_bytes(io.BytesIO(data)) == len(data)
    assert count(data) == 60
    second_end = data.find(b"moof", data.find(b"moof", data.find(b"moof") + 4) + 4) - 4
    assert count(data[: whole_bytes(io.BytesIO(data[: second_end + 30]))]) == 20


@given(st.binary(max_size=200))
def test_any_bytes_will_do(data: bytes) -> None:
    assert 0 <= whole_bytes(io.BytesIO(data)) <= len(data)
