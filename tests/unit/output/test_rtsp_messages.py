"""RTSP on the wire: whatever comes, it is cut as RFC 2326 has it or refused, and never grows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.output.rtsp.messages import (
    MAX_BODY,
    MAX_HEAD,
    MAX_LINE,
    Interleaved,
    Malformed,
    MessageReader,
    Request,
    response,
)

tokens = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ_-", min_size=1, max_size=20)
values = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=60)
requests = st.builds(
    Request,
    tokens,
    st.just("rtsp://device:8554/gate"),
    st.dictionaries(tokens.map(str.lower).filter(lambda name: name != "content-length"), values, max_size=8),
    st.binary(max_size=200),
)
binaries = st.builds(Interleaved, st.integers(0, 255), st.binary(max_size=300))


def printed(message: Request | Interleaved) -> bytes:
    if isinstance(message, Interleaved):
        return b"$" + bytes((message.channel,)) + len(message.data).to_bytes(2, "big") + message.data
    lines = [f"{message.method} {message.url} RTSP/1.0"]
    lines += [f"{name}: {value}" for name, value in message.headers.items()]
    lines += [f"Content-Length: {len(message.body)}", "", ""]
    return "\r\n".join(lines).encode() + message.body


def read(data: bytes, piece: int) -> list[Request | Interleaved]:
    reader, found = MessageReader(), []
    for begin in range(0, len(data), piece):
        reader.feed(data[begin : begin + piece])
        while message := reader.next():
            found.append(message)
    assert not reader.waiting
    return found


@given(st.lists(st.one_of(requests, binaries), max_size=6), st.integers(1, 400))
def test_messages_are_cut_however_they_arrive(messages: list[Request | Interleaved], piece: int) -> None:
    found = read(b"".join(map(printed, messages)), piece)
    for came, sent in zip(found, messages, strict=True):
        if isinstance(sent, Request) and isinstance(came, Request):
            assert came.headers.pop("content-length") == str(len(sent.body))
        assert came == sent


@given(
    st.one_of(
        st.binary(max_size=3000),
        st.binary(max_size=300).map(lambda tail: b"DESCRIBE rtsp://h/gate RTSP/1.0\r\n" + tail + b"\r\n\r\n"),
        st.binary(max_size=300).map(lambda tail: b"$\0" + tail),
        st.binary(max_size=100).map(
            lambda tail: b"OPTIONS * RTSP/1.0\r\nContent-Length: " + tail + b"\r\n\r\n"
        ),
    ),
    st.integers(1, 500),
)
def test_any_bytes_are_read_or_refused(data: bytes, piece: int) -> None:
    reader = MessageReader()
    try:
        for begin in range(0, len(data), piece):
            reader.feed(data[begin : begin + piece])
            while reader.next():
                pass
            assert reader.waiting <= MAX_HEAD + MAX_BODY + 65_540
    except Malformed as error:
        assert error.status in (400, 413, 414, 505)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"DESCRIBE\r\n\r\n", 400),
        (b"DESCRIBE rtsp://h/gate\r\n\r\n", 400),
        (b"DESCRIBE  rtsp://h/gate RTSP/1.0\r\n\r\n", 400),
        (b"DESCR(BE rtsp://h/gate RTSP/1.0\r\n\r\n", 400),
        (b"DESCRIBE rtsp://h/g\xc3\xa4te RTSP/1.0\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n", 505),
        (b"OPTIONS * RTSP/2.0\r\n\r\n", 505),
        (b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nno colon\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\n: value\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nContent-Length: -1\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nContent-Length: 1, 1\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1), 413),
        (b"OPTIONS * RTSP/1.0\r\n" + b"a: b\r\n" * 70 + b"\r\n", 413),
        (b"OPTIONS * RTSP/1.0\r\nname: " + b"x" * MAX_HEAD, 413),
        (b"OPTIONS rtsp://h/" + b"x" * MAX_LINE, 414),
        (b"OPTIONS rtsp://h/" + b"x" * MAX_LINE + b" RTSP/1.0\r\n\r\n", 414),
    ],
)
def test_what_is_wrong_is_named(data: bytes, status: int) -> None:
    reader = MessageReader()
    reader.feed(data)
    with pytest.raises(Malformed) as refused:
        reader.next()
    assert refused.value.status == status


@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_lines_end_with_either_newline(end: bytes) -> None:
    """RFC 2326 section 4."""
    (request,) = read(end.join([b"OPTIONS * RTSP/1.0", b"CSeq: 7", b"A: b", b"\tc", b"a: d", b"", b""]), 1000)
    assert isinstance(request, Request)
    assert request.headers == {"cseq": "7", "a": "b c, d"}


@pytest.mark.parametrize(("value", "cseq"), [("7", "7"), ("", ""), ("-1", ""), ("x", ""), ("9" * 30, "")])
def test_only_a_number_is_a_cseq(value: str, cseq: str) -> None:
    assert Request("OPTIONS", "*", {"cseq": value}).cseq == cseq


def test_a_response_is_laid_out_as_the_rfc_has_it() -> None:
    assert response(200, "3", [("Session", "ab;timeout=60")], b"v=0\r\n") == (
        b"RTSP/1.0 200 OK\r\nCSeq: 3\r\nServer: edged\r\n"
        b"Session: ab;timeout=60\r\nContent-Length: 5\r\n\r\nv=0\r\n"
    )
