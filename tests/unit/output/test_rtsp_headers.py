"""The parts of requests and answers: addresses, transports, logins, descriptions."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.output.rtsp import login
from edged.output.rtsp.login import REALM, Access, Doorkeeper, Login, digest_response
from edged.output.rtsp.sdp import StreamFacts, description
from edged.output.rtsp.target import parse_target
from edged.output.rtsp.transport import OverTcp, OverUdp, Transport, choose_transport

LOGIN = Login("viewer", "s3cr:t ü")


@pytest.mark.parametrize(
    ("url", "name", "base", "track"),
    [
        ("rtsp://device:8554/gate", "gate", "rtsp://device:8554/gate", False),
        ("rtsp://device:8554/gate/", "gate", "rtsp://device:8554/gate", False),
        ("rtsp://device/gate?a=b&c", "gate", "rtsp://device/gate", False),
        ("rtsp://viewer:s3cret@[::1]:8554/gate/trackID=0", "gate", "rtsp://[::1]:8554/gate", True),
        ("rtsp://device/g%61te", "gate", "rtsp://device/g%61te", False),
        ("rtsp://device:8554", "", "rtsp://device:8554", False),
        ("*", "", "", False),
    ],
)
def test_an_address_names_an_output(url: str, name: str, base: str, track: bool) -> None:
    target = parse_target(url)
    assert target is not None
    assert (target.name, target.base, target.track) == (name, base, track)


@pytest.mark.parametrize(
    "url",
    ["", "gate", "/gate", "http://device/gate", "rtsp:///gate", "rtsp://h/gate/trackID=1", "rtsp://[/gate"],
)
def test_other_addresses_name_nothing(url: str) -> None:
    assert parse_target(url) is None


@given(st.text(max_size=60))
def test_no_address_is_too_odd(text: str) -> None:
    parse_target(text)
    parse_target("rtsp://" + text)


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("RTP/AVP/TCP;unicast;interleaved=0-1", OverTcp(0, 1)),
        ("RTP/AVP/TCP;interleaved=4-5", OverTcp(4, 5)),
        ("RTP/AVP/TCP;unicast", OverTcp(0, 1)),
        ("RTP/AVP;unicast;client_port=5000-5001", OverUdp(5000, 5001)),
        ("RTP/AVP/UDP;unicast;client_port=5000", OverUdp(5000, 5001)),
        ('rtp/avp;unicast;client_port=5000-5001;mode="PLAY"', OverUdp(5000, 5001)),
        ("RTP/AVP;multicast;client_port=5000-5001", None),
        ("RTP/AVP;multicast,RTP/AVP/TCP;interleaved=2-3", OverTcp(2, 3)),
        (
            "RTP/SAVP;unicast;client_port=5000-5001, RTP/AVP;unicast;client_port=6000-6001",
            OverUdp(6000, 6001),
        ),
        ("RTP/AVP;unicast;client_port=5000-5001;mode=RECORD", None),
        ("RTP/AVP;unicast", None),
        ("RTP/AVP;unicast;client_port=22-23", None),
        ("RTP/AVP;unicast;client_port=65535-65536", None),
        ("RTP/AVP;unicast;client_port=5001-5000", None),
        ("RTP/AVP/TCP;interleaved=255-256", None),
        ("", None),
    ],
)
def test_the_first_transport_that_is_served_is_taken(header: str, chosen: Transport | None) -> None:
    assert choose_transport(header) == chosen


@given(st.text(max_size=200))
def test_no_transport_is_too_odd(header: str) -> None:
    choose_transport(header)
    choose_transport("RTP/AVP;" + header)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def digest(keeper: Doorkeeper, who: Login, method: str = "DESCRIBE", **changes: str) -> str:
    """As a player answers the challenge."""
    nonce = keeper.challenges()[0][1].partition('nonce="')[2].partition('"')[0]
    words = {"username": who.username, "realm": REALM, "nonce": nonce, "uri": "rtsp://h/gate", **changes}
    words["response"] = digest_response(who, method, words)
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in words.items())


def test_without_a_login_everybody_may_look() -> None:
    assert Doorkeeper(None).check("DESCRIBE", "") is Access.GRANTED


def test_both_schemes_open() -> None:
    keeper = Doorkeeper(LOGIN)
    assert keeper.check("DESCRIBE", "") is Access.ASKED
    assert keeper.check("DESCRIBE", basic("viewer:s3cr:t ü")) is Access.GRANTED
    assert keeper.check("DESCRIBE", digest(keeper, LOGIN)) is Access.GRANTED
    with_qop = digest(keeper, LOGIN, qop="auth", nc="00000001", cnonce="xyz")
    assert keeper.check("DESCRIBE", with_qop) is Access.GRANTED


def test_what_is_wrong_does_not() -> None:
    keeper = Doorkeeper(LOGIN)
    for header in (
        basic("viewer:wrong"), basic("other:s3cr:t ü"), basic(""), "Basic §", "Basic", "Bearer x", "Digest",
        digest(keeper, Login("viewer", "wrong")), digest(keeper, Login("other", LOGIN.password)),
        digest(keeper, LOGIN, method="SETUP"), digest(keeper, LOGIN, realm="other"),
        digest(keeper, LOGIN, algorithm="SHA-256"),
    ):  # fmt: skip
        assert keeper.check("DESCRIBE", header) is not Access.GRANTED, header


def test_the_nonce_of_another_connection_is_stale_not_wrong() -> None:
    other, keeper = Doorkeeper(LOGIN), Doorkeeper(LOGIN)
    header = digest(other, LOGIN)
    assert keeper.check("DESCRIBE", header) is Access.ASKED
    assert keeper.is_stale(header)
    assert not other.is_stale(header)


def test_the_example_of_the_rfc(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 2617 section 3.5."""
    words = {
        "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093", "uri": "/dir/index.html", "qop": "auth",
        "nc": "00000001", "cnonce": "0a4f113b",
    }  # fmt: skip
    monkeypatch.setattr(login, "REALM", "testrealm@host.com")
    response = digest_response(Login("Mufasa", "Circle Of Life"), "GET", words)
    assert response == "6629fae49393a05397450978507c4ef1"


@given(st.text(max_size=100))
def test_no_login_is_too_odd(text: str) -> None:
    for header in (text, "Digest " + text, "Basic " + text, 'Digest nonce="' + text):
        assert Doorkeeper(LOGIN).check("PLAY", header) is not Access.GRANTED


def test_a_login_does_not_show_its_password() -> None:
    assert "s3cr" not in repr(LOGIN)


def test_a_description_has_what_players_need() -> None:
    info = StreamFacts(b"\x67\x42\xc0\x1f\xaa", b"\x68\xce", 1280, 720, 15.0)
    lines = description("gate", info, "192.0.2.7", 42).decode().split("\r\n")
    assert lines[0] == "v=0"
    assert lines[1] == "o=- 42 1 IN IP4 192.0.2.7"
    assert "m=video 0 RTP/AVP 96" in lines
    assert "a=rtpmap:96 H264/90000" in lines
    assert (
        "a=fmtp:96 packetization-mode=1;profile-level-id=42C01F;sprop-parameter-sets=Z0LAH6o=,aM4=" in lines
    )
    assert "a=framerate:15" in lines
    assert lines[-2:] == ["a=control:trackID=0", ""]
    assert all(line[1] == "=" for line in lines[:-1])


@pytest.mark.parametrize(
    ("address", "origin"),
    [("::1", "IN IP6 ::1"), ("::ffff:192.0.2.7", "IN IP4 192.0.2.7"), ("fe80::1%eth0", "IN IP6 fe80::1")],
)
def test_a_description_names_the_family_of_the_address(address: str, origin: str) -> None:
    info = StreamFacts(b"\x67\x42\xc0\x1f", b"\x68\xce")
    text = description("gate", info, address, 1).decode()
    assert origin in text
    assert "framerate" not in text
