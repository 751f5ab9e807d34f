"""What is read of packets before they are decoded: right where it can be told, silent where not."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.offline.reading.coded import Coded, Entry, inspector

CODECS = ("h264", "hevc", "mpeg4", "mpeg2video", "mpeg1video", "vp8", "vp9", "av1")
AVCC = bytes([1, 100, 0, 40, 0xFF, 0xE0])
"""Lengths of four bytes."""


def look(codec: str, data: bytes, *, extradata: bytes = b"", keyframe: bool = False) -> Coded | None:
    inspect = inspector(codec, extradata, intra_only=False)
    assert inspect is not None
    return inspect(memoryview(data), keyframe=keyframe)


def sized(*units: bytes) -> bytes:
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in units)


def marked(*units: bytes) -> bytes:
    return b"".join(b"\0\0\0\1" + unit for unit in units)


@pytest.mark.parametrize(
    ("join", "extradata"), [(sized, AVCC), (marked, b"")], ids=["lengths", "start codes"]
)
def test_h264(join: object, extradata: bytes) -> None:
    def of(*units: bytes) -> Coded | None:
        assert callable(join)
        return look("h264", join(*units), extradata=extradata)

    assert of(b"\x65idr") == Coded(entry=Entry.CLOSED, keyframe=True)
    assert of(b"\x41ref") == Coded()
    assert of(b"\x01alone") == Coded(reference=False)
    assert of(b"\x01one field", b"\x41the other") == Coded()
    assert of(b"\x09\xf0", b"\x06\x05\x02xy\x06\x01\xc4\x80", b"\x41i") == Coded(keyframe=True)
    assert of(b"\x06\x06\x01\x24\x80", b"\x41refreshed bit by bit") is None
    assert of(b"\x67sps", b"\x68pps", b"\x65idr") == Coded(
        entry=Entry.CLOSED, keyframe=True, parameters=b"\x67sps"
    )
    assert of(b"\x06\x01\x01\x80") == Coded(shown=False)


def hevc(kind: int, layer: int = 0, rest: bytes = b"...") -> bytes:
    return bytes([kind << 1, layer + 1]) + rest


def test_hevc() -> None:
    one_layer, two_layers = hevc(33, rest=b"\x01sps"), hevc(33, rest=b"\x03sps")

    def of(kind: int, layer: int = 0, *, sps: bytes = one_layer) -> Coded | None:
        return look("hevc", marked(hevc(kind, layer)), extradata=marked(sps))

    assert of(1) == Coded()
    assert of(0) == Coded(reference=False)
    assert of(0, sps=two_layers) == Coded(), "the other layer may need it"
    assert of(0, 1, sps=two_layers) == Coded(reference=False)
    assert of(8) == Coded(reference=False, skipped=True)
    assert of(9) == Coded(skipped=True)
    assert of(19) == of(20) == Coded(entry=Entry.CLOSED, keyframe=True)
    assert of(21) == Coded(entry=Entry.OPEN, keyframe=True)
    assert look("hevc", marked(hevc(0))) == Coded(), "nothing is known of its layers"


def test_others() -> None:
    vop = b"\0\0\1\xb6"
    assert look("mpeg4", vop + b"\x00" * 12) == Coded(entry=Entry.OPEN, keyframe=True)
    assert look("mpeg4", vop + b"\x40" * 12) == look("mpeg4", vop + b"\xc0" * 12) == Coded()
    assert look("mpeg4", vop + b"\x80" * 12) == Coded(reference=False)
    assert look("mpeg4", vop + b"\x40") is None, "perhaps not coded at all"
    assert look("mpeg4", vop + b"\x40" * 12 + vop + b"\x80" * 12) is None, "two in one"
    assert look("mpeg2video", b"\0\0\1\0\0\x18\0\0") == Coded(reference=False)
    assert look("mpeg2video", b"\0\0\1\xb3size\0\0\1\0\0\x08\0\0") == Coded(
        entry=Entry.OPEN, keyframe=True, parameters=b"size"
    )
    assert look("vp8", b"\x10\0\0\x9d\x01\x2asize..") == Coded(
        entry=Entry.CLOSED, keyframe=True, parameters=b"size"
    )
    assert look("vp8", b"\x01\0\0.......") == Coded(shown=False)
    assert look("vp9", b"\x86.........") == Coded()
    assert look("vp9", b"\x84.........") == Coded(shown=False)
    assert look("vp9", b"\x84........\xc0") == Coded(), "several in one, of which one is shown"
    assert inspector("flv1", b"", intra_only=False) is None


@given(st.sampled_from(CODECS), st.binary(max_size=60), st.binary(max_size=60), st.booleans())
def test_what_is_broken_is_read_within_its_bounds(
    codec: str, data: bytes, extradata: bytes, keyframe: bool
) -> None:
    with suppress(IndexError):  # said to be cut off: everything is decoded then
        look(codec, data, extradata=extradata, keyframe=keyframe)
