"""Errors of FFmpeg in plain words, without what must not be told."""

from __future__ import annotations

import errno

import av.error
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.capture.explain import as_policy, explain
from edged.errors import SourceUnavailable, SourceUnsupported
from edged.model.redact import redact_url

KINDS = sorted(
    {
        kind
        for kind in vars(av.error).values()
        if isinstance(kind, type) and issubclass(kind, av.error.FFmpegError)
    },
    key=lambda kind: kind.__name__,
)
NUMBERS = sorted(errno.errorcode)
SCHEMES = ["rtsp", "rtsps", "rtmp", "http", "https", "srt", "udp"]


@given(
    kind=st.sampled_from(KINDS),
    number=st.sampled_from(NUMBERS),
    scheme=st.sampled_from(SCHEMES),
    password=st.from_regex(r"PW[a-z0-9%{}!$-]{4,12}PW", fullmatch=True),
)
def test_no_error_tells_a_password(
    kind: type[av.error.FFmpegError], number: int, scheme: str, password: str
) -> None:
    url = f"{scheme}://admin:{password}@10.0.0.5:8554/live?passphrase={password}"
    error = kind(number, "what it says", url)
    told = explain(error, redact_url(url))
    assert told
    assert password not in told
    assert password not in str(as_policy(error, redact_url(url)))


@given(path=st.text(st.characters(blacklist_categories=("Cs",)), min_size=1))
def test_any_path_can_be_told_of(path: str) -> None:
    assert explain(av.error.FileNotFoundError(2, "No such file", path), path)


@pytest.mark.parametrize(
    ("error", "url", "told"),
    [
        (av.error.ConnectionRefusedError(111, ""), "rtsp://cam/x", "nothing listens at cam, port 554"),
        (av.error.ConnectionRefusedError(111, ""), "rtsps://cam/x", "nothing listens at cam, port 322"),
        (av.error.OSError(errno.EHOSTUNREACH, ""), "rtsp://cam/x", "cam cannot be reached"),
        (av.error.OSError(errno.EBUSY, ""), "/dev/video0", "/dev/video0 is in use by another program"),
        (av.error.PermissionError(13, ""), "/dev/video0", "group video"),
        (av.error.ArgumentError(22, ""), "/dev/video0", "size, rate or input_format"),
        (av.error.ExitError(1, ""), "rtsp://cam/x", "check that it is on"),
        (av.error.HTTPUnauthorizedError(1, ""), "rtsp://cam/x", "asks for user and password"),
        (av.error.HTTPUnauthorizedError(1, ""), "rtsp://u:***@cam/x", "refuses this user or password"),
        (av.error.EOFError(1, ""), "rtsp://cam/x", "the stream ended"),
        (ValueError("odd rtsp://u:pw@cam/{x}"), "rtsp://cam/x", "ValueError: odd rtsp://u:***@cam/{x}"),
    ],
)
def test_the_mend_is_told(error: Exception, url: str, told: str) -> None:
    assert told in explain(error, url)


def test_only_what_cannot_change_by_itself_is_unsupported() -> None:
    broken = av.error.InvalidDataError(1, "")
    assert isinstance(as_policy(broken, "videos/a.mp4"), SourceUnsupported)
    assert isinstance(as_policy(broken, "rtsp://cam/x"), SourceUnavailable)
    assert isinstance(as_policy(av.error.FileNotFoundError(2, ""), "videos/a.mp4"), SourceUnavailable)
    assert isinstance(as_policy(av.error.ProtocolNotFoundError(1, ""), "srt://cam:1"), SourceUnsupported)
    said = SourceUnsupported("as it is")
    assert as_policy(said, "rtsp://cam/x") is said


def test_only_udp_is_told_of_firewalls_that_hold_udp_back() -> None:
    silent = av.error.ExitError(1, "")
    assert "transport: tcp" in explain(silent, "rtsp://cam/x", "udp")
    assert "transport: tcp" not in explain(silent, "rtsp://cam/x", "tcp")
