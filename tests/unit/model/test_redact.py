"""No password gets through, however odd the URL."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from edged.model.redact import hide, redact_text, redact_url, redact_value


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://admin:hunter2@10.0.0.5:554/s", "rtsp://admin:***@10.0.0.5:554/s"),
        ("rtsp://user:p@ss@host/", "rtsp://user:***@host/"),
        ("rtsp://user:p/ss@host/", "rtsp://user:***@host/"),
        ("rtsp://user:p?s#s@host/", "rtsp://user:***@host/"),
        ("rtsp://user:p://ss@host/", "rtsp://user:***@host/"),
        ("rtsp://us/er:p@host/", "rtsp://us/er:***@host/"),
        ("rtsp://user:${other:p}@host/", "rtsp://user:***@host/"),
        ("rtsp://user:p%40ss@host/", "rtsp://user:***@host/"),
        ("rtsp://user%3Apass@host/", "rtsp://user:***@host/"),
        ("rtsp://:pass@host/", "rtsp://:***@host/"),
        ("rtsp://user:@host/", "rtsp://user:@host/"),
        ("rtsp://user@host/", "rtsp://user@host/"),
        ("rtsp://host:8554/a", "rtsp://host:8554/a"),
        ("rtsp://[::1]:8554/a", "rtsp://[::1]:8554/a"),
        ("rtsp://u:p@[::1]:8554/a", "rtsp://u:***@[::1]:8554/a"),
        ("user:pass@host/x", "user:***@host/x"),
        ("//user:pass@host/x", "//user:***@host/x"),
        ("rtsp:user:pass@host", "rtsp:***@host"),
        ("http://h/x?password=a&b=c&Token=d", "http://h/x?password=***&b=c&Token=***"),
        ("http://h/x?%70assword=a", "http://h/x?%70assword=***"),
        ("srt://h:1?passphrase=a&mode=caller", "srt://h:1?passphrase=***&mode=caller"),
        ("http://h/x?api_key=a;key=b#secret=c", "http://h/x?api_key=***;key=***#secret=***"),
        ("http://h/x?keyframes=1&monkey=2", "http://h/x?keyframes=1&monkey=2"),
        ("rtsp://h/user=admin&password=x&channel=1", "rtsp://h/user=admin&password=***&channel=1"),
        ("http://proxy/?u=rtsp://a:b@h/s", "http://proxy/?u=rtsp:***@h/s"),
        ("http://proxy/?u=rtsp%3A%2F%2Fa%3Ab%40h", "http://proxy/?u=***"),
        ("rtsp://admin:${secret:cam}@h/s", "rtsp://admin:${secret:cam}@h/s"),
        ("rtsp://admin:x${secret:cam}@h/s", "rtsp://admin:***@h/s"),
        ("http://h/?token=${env:T}", "http://h/?token=${env:T}"),
        ("pattern://testsrc2?size=1280x720&rate=30", "pattern://testsrc2?size=1280x720&rate=30"),
        ("/dev/video0", "/dev/video0"),
        ("videos/a b.mp4", "videos/a b.mp4"),
        ("", ""),
        ("\x00rtsp://a:b@c", "rtsp://a:***@c"),
    ],
)
def test_what_is_shown(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@given(
    st.text(),
    st.text(max_size=20),
    st.sampled_from(["rtsp://u:{}@host/s", "u:{}@h", "//u:{}@h", "http://h:1/?a=b&u:{}@h"]),
)
def test_a_password_of_any_characters_is_hidden(noise: str, tail: str, shape: str) -> None:
    password = f"{noise}MARKER{tail}"
    assume("${" not in password)
    assert "MARKER" not in redact_url(shape.format(password))


@given(st.text(st.sampled_from("ab:/?#@&=;%$ \x00{}*.") | st.characters(), max_size=60))
def test_no_text_makes_it_fail(text: str) -> None:
    redact_url(text)
    redact_text(text, text)
    redact_value({text: [text, {"password": text}]})


def test_messages_of_libraries() -> None:
    url = "rtsp://u:a b'c@host/s"
    message = f"[Errno 111] refused: '{url}' after rtsp://u:pw@h:1/x, 'http://h/?token=t'"
    shown = redact_text(message, url)
    assert (
        shown == "[Errno 111] refused: 'rtsp://u:***@host/s' after rtsp://u:***@h:1/x, 'http://h/?token=***'"
    )


def test_values_of_secret_names() -> None:
    value = {"api_key": "x", "n": 3, "list": [{"password": 5}], "token": "${secret:t}", "u": "rtsp://a:b@h"}
    assert redact_value(value) == {
        "api_key": "***", "n": 3, "list": [{"password": "***"}], "token": "${secret:t}", "u": "rtsp://a:***@h",
    }  # fmt: skip


@given(st.text("ab "), st.text("XY'\"\\\n\u2603 ", min_size=4).filter(str.strip), st.text("ab "))
def test_a_known_secret_is_in_no_text(before: str, secret: str, after: str) -> None:
    for written in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]):
        assert hide(f"{before}{written}{after}", [secret]) == f"{before}***{after}"


def test_a_short_secret_goes_where_it_stands_alone() -> None:
    assert hide("PIN 123 of 1234, not '123'", ["123"]) == "PIN *** of 1234, not '***'"


def test_of_two_secrets_the_longer_goes_first() -> None:
    assert hide("hunter2000", ["hunter", "hunter2000", ""]) == "***"


@pytest.mark.parametrize("unit", ["a", "${", "a1.", "://", "a@", "=", "a:"])
def test_the_longest_text_that_may_come_takes_a_moment(unit: str) -> None:
    """Anybody may send it as a URL, and main waits: with work that grows by the square it takes minutes."""
    text = unit * (256 * 1024 // len(unit))
    assert "hunter2" not in redact_url(f"rtsp://h/{text}?token=hunter2")
    assert "hunter2" not in redact_text(f"{text} rtsp://u:hunter2@h/")
