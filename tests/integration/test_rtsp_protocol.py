"""The RTSP server by the letter: raw requests, and what RFC 2326 says is answered."""

from __future__ import annotations

import base64
import re
import socket
import struct
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edged.errors import EdgedError
from edged.output.rtp.nal import ParameterSets, nal_type, split_annex_b
from edged.output.rtsp import RtspServer, StreamFacts, connection, server, viewer
from edged.output.rtsp.login import digest_response
from tests.integration.rtsp_rig import LOGIN, Clip, RawClient, Rig, clip, hurry, serving, until

TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"


def test_a_session_from_options_to_teardown() -> None:
    with serving() as rig, RawClient(rig) as client:
        options = client.ask("OPTIONS")
        assert options.status == 200
        assert options.headers["public"] == (
            "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
        )
        described = client.ask("DESCRIBE", "gate?any=thing", Accept="application/sdp")
        assert described.status == 200
        assert described.headers["content-type"] == "application/sdp"
        assert described.headers["content-base"] == rig.url() + "/"
        assert b"a=control:trackID=0\r\n" in described.body
        setup = client.ask("SETUP", "gate/trackID=0", Transport="RTP/AVP/TCP;unicast;interleaved=6-7")
        assert setup.status == 200
        assert re.fullmatch(r"[0-9a-f]{32};timeout=60", setup.headers["session"])
        transport = setup.headers["transport"]
        assert transport.startswith("RTP/AVP/TCP;unicast;interleaved=6-7;ssrc=")
        play = client.ask("PLAY", "gate/", Session=setup.session, Range="npt=0.000-")
        assert play.status == 200
        assert play.headers["range"] == "npt=now-"
        began = re.fullmatch(
            re.escape(f"url={rig.url()}/trackID=0;seq=") + r"(\d+);rtptime=(\d+)", play.headers["rtp-info"]
        )
        assert began
        report, first = client.message(), client.message()
        assert isinstance(report, tuple)
        assert isinstance(first, tuple)
        assert report[0] == 7
        assert report[1][1] == 200, "a sender report before the first packet"
        _, _, sequence, timestamp, ssrc = struct.unpack("!BBHII", first[1][:12])
        assert first[0] == 6
        assert (sequence, timestamp) == (int(began[1]), int(began[2])), "RTP-Info names the first packet"
        assert f"ssrc={ssrc:08X}" in transport
        assert first[1][12] & 0x1F == 24, "SPS and PPS come first, in one packet"
        assert client.ask("GET_PARAMETER", Session=setup.session).headers["session"] == setup.session
        assert client.ask("PAUSE", Session=setup.session).status == 200
        assert client.ask("PAUSE", Session=setup.session).status == 455
        again = client.ask("PLAY", Session=setup.session)
        assert "seq=" in again.headers["rtp-info"]
        assert client.ask("TEARDOWN", Session=setup.session).status == 200
        assert client.ask("PLAY", Session=setup.session).status == 454
        assert until(lambda: rig.server.view("gate").viewers == 0)


def test_what_is_refused_and_how() -> None:
    with serving() as rig, RawClient(rig) as client:
        assert client.ask("DESCRIBE", "other").status == 404
        assert client.ask("DESCRIBE", "gate/trackID=0").status == 404
        assert client.ask("SETUP", "gate/trackID=1", Transport=TCP).status == 404
        assert client.ask("DESCRIBE", Accept="text/plain").status == 406
        required = client.ask("OPTIONS", Require="play.scale")
        assert (required.status, required.headers["unsupported"]) == (551, "play.scale")
        assert client.ask("OPTIONS", Proxy_Require="x").status == 551
        assert client.ask("FLY").status == 501
        record = client.ask("ANNOUNCE")
        assert record.status == 405
        assert "DESCRIBE" in record.headers["allow"]
        assert client.ask("SETUP", Transport="RTP/AVP;multicast;port=5000-5001").status == 461
        assert client.ask("SETUP").status == 461
        assert client.ask("PLAY").status == 454
        assert client.ask("PLAY", Session="made-up").status == 454
        assert client.ask("SETUP", Session="made-up", Transport=TCP).status == 454
        assert client.ask("GET_PARAMETER", Session="made-up").status == 454
        assert client.ask("GET_PARAMETER", "*").status == 200
        setup = client.ask("SETUP", Transport=TCP)
        assert client.ask("PAUSE", Session=setup.session).status == 455
        assert client.ask("PLAY", Session=setup.session, Range="clock=19961108T142300Z-").status == 457
        assert client.ask("PLAY", Session=setup.session).status == 200
        assert client.ask("SETUP", Session=setup.session, Transport=TCP).status == 455
        assert client.ask("PLAY", Session=setup.session).status == 200, "it plays already"
        client.sock.sendall(b"OPTIONS * RTSP/1.0\r\n\r\n")
        assert client.answer().status == 400, "no CSeq"
        assert client.ask("OPTIONS", "*").status == 200, "that alone does not end the connection"


def test_another_may_not_play_or_end_a_session() -> None:
    with serving() as rig, RawClient(rig) as owner, RawClient(rig) as other:
        session = owner.ask("SETUP", Transport=TCP).session
        assert other.ask("PLAY", Session=session).status == 454
        assert other.ask("TEARDOWN", Session=session).status == 454
        assert owner.ask("PLAY", Session=session).status == 200


def test_two_sessions_of_a_connection_have_channels_of_their_own() -> None:
    with serving() as rig, RawClient(rig) as client:
        assert "interleaved=0-1" in client.ask("SETUP", Transport=TCP).headers["transport"]
        assert "interleaved=2-3" in client.ask("SETUP", Transport=TCP).headers["transport"]
        for _ in range(6):
            assert client.ask("SETUP", Transport=TCP).status == 200
        assert client.ask("SETUP", Transport=TCP).status == 453


def test_requests_may_come_together_and_in_pieces() -> None:
    with serving() as rig, RawClient(rig) as client:
        text = "".join(f"DESCRIBE {rig.url()} RTSP/1.0\r\nCSeq: {number}\r\n\r\n" for number in (1, 2, 3))
        for begin in range(0, len(text), 7):
            client.sock.sendall(text[begin : begin + 7].encode())
        assert [client.answer().headers["cseq"] for _ in range(3)] == ["1", "2", "3"]


def test_malformed_requests_are_answered_and_end_the_connection() -> None:
    with serving() as rig:
        for text, status in ((b"GET / HTTP/1.1\r\n\r\n", 505), (b"\x16\x03\x01\x02\r\n\r\n", 400)):
            with RawClient(rig) as client:
                client.sock.sendall(text)
                assert client.answer().status == status
                assert client.is_closed()


@pytest.fixture(scope="module")
def served() -> object:
    with serving() as rig:
        yield rig


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.lists(st.one_of(
    st.binary(max_size=400),
    st.sampled_from([
        b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n", b"DESCRIBE rtsp://h/gate RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        b"SETUP rtsp://h/gate RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n",
        b"PLAY rtsp://h/gate RTSP/1.0\r\nCSeq: 3\r\nSession: ", b"Session: x\r\n", b"\r\n\r\n",
        b"$\0\0\4abcd",        b"Authorization: Digest username=\"", b"Content-Length: 5\r\n", b"$\1\xff\xff",
    ])), max_size=8))  # fmt: skip
def test_nothing_that_is_sent_harms_the_server(served: Rig, data: list[bytes]) -> None:
    with RawClient(served) as client:
        for part in data:
            try:
                client.sock.sendall(part)
            except OSError:
                break
    assert served.server.running


def test_the_server_still_plays_after_all_that(served: Rig) -> None:
    with RawClient(served) as client:
        assert client.play().status == 200
        assert client.collect(20)


def digest(asked: str, method: str, url: str, password: str = LOGIN.password) -> str:
    found = dict(re.findall(r'(\w+)="([^"]*)"', asked))
    words = {"username": LOGIN.username, "realm": found["realm"], "nonce": found["nonce"], "uri": url}
    words["response"] = digest_response(type(LOGIN)(LOGIN.username, password), method, words)
    return "Digest " + ", ".join(f'{name}="{value}"' for name, value in words.items())


def test_both_logins_are_asked_for_and_taken() -> None:
    with serving(login=LOGIN) as rig, RawClient(rig) as client:
        assert client.ask("OPTIONS").status == 200
        for method in ("DESCRIBE", "SETUP", "PLAY"):
            asked = client.ask(method)
            assert asked.status == 401
            digest_line, basic_line = asked.headers["www-authenticate"].split("\n")
            assert digest_line.startswith('Digest realm="edged", nonce="')
            assert basic_line == 'Basic realm="edged"'
            assert (
                client.ask("DESCRIBE", Authorization=digest(digest_line, "DESCRIBE", rig.url())).status == 200
            )
        plain = base64.b64encode(b"viewer:s3cr:t").decode()
        assert client.ask("SETUP", Transport=TCP, Authorization=f"Basic {plain}").status == 200


def test_a_wrong_login_waits_and_five_are_enough() -> None:
    with serving(login=LOGIN) as rig, RawClient(rig) as client:
        asked = client.ask("DESCRIBE").headers["www-authenticate"]
        begun = time.monotonic()
        assert (
            client.ask("DESCRIBE", Authorization=digest(asked, "DESCRIBE", rig.url(), "wrong")).status == 401
        )
        assert time.monotonic() - begun > 0.9
        for _ in range(4):
            client.say("DESCRIBE", Authorization="Basic " + base64.b64encode(b"viewer:wrong").decode())
        for _ in range(4):
            assert client.answer().status == 401
        assert client.is_closed()
        assert rig.encoder.said == [], "nobody who may not look starts the encoder"


def test_describe_starts_the_encoder_and_what_nobody_plays_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    with serving() as rig, RawClient(rig) as client:
        assert rig.encoder.said == []
        assert client.ask("DESCRIBE").status == 200
        assert rig.encoder.said == [("gate", 1)]
        assert until(lambda: rig.encoder.said[-1] == ("gate", 0))
        given = len(rig.encoder.given)
        assert client.ask("DESCRIBE").status == 200, "the parameter sets are known now"
        assert given > 0


def test_an_encoder_that_gives_nothing_is_503() -> None:
    with serving() as rig, RawClient(rig) as client:
        rig.encoder.mute = True
        answer = client.ask("DESCRIBE")
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")


def test_a_path_that_is_taken_away_says_goodbye_and_closes() -> None:
    with serving() as rig, RawClient(rig) as client:
        client.play()
        client.collect(5)
        rig.server.set_paths({"yard"})
        last = b""
        with pytest.raises(EOFError):
            while True:
                message = client.message()
                assert isinstance(message, tuple)
                last = message[1] if message[0] == 1 else last
        assert b"\x81\xcb" in last, "RTCP BYE"
        with RawClient(rig) as late:
            assert late.ask("DESCRIBE").status == 404
        assert until(lambda: rig.encoder.counts["gate"] == 0)


def test_the_number_of_connections_is_bounded() -> None:
    with serving() as rig:
        clients = [RawClient(rig) for _ in range(server.MAX_CONNECTIONS_PER_ADDRESS)]
        try:
            assert all(client.ask("OPTIONS").status == 200 for client in clients)
            with RawClient(rig) as one_more:
                assert one_more.answer().status == 503
                assert one_more.is_closed()
        finally:
            for client in clients:
                client.sock.close()

        def has_room() -> bool:
            with RawClient(rig) as again:
                again.say("OPTIONS")
                return again.answer().status == 200

        assert until(has_room)


def test_who_does_not_finish_a_request_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "REQUEST_S", 0.5)
    with serving() as rig, RawClient(rig) as client:
        client.sock.sendall(b"OPTIONS * RTSP/1.0\r\nCSeq")
        assert client.answer().status == 408
        assert client.is_closed()


def test_who_asks_nothing_is_closed_and_who_plays_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "IDLE_S", 0.5)
    monkeypatch.setattr(viewer, "SESSION_S", 0.5)
    with serving() as rig, RawClient(rig) as player, RawClient(rig) as idle:
        player.play()
        idle.say("OPTIONS")
        assert idle.answer().status == 200
        assert idle.is_closed()
        assert player.collect(100)


def test_who_never_asked_anything_keeps_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "REQUEST_S", 0.5)
    with serving() as rig, RawClient(rig) as mute, RawClient(rig) as asking:
        asking.say("OPTIONS")
        assert asking.answer().status == 200
        assert mute.is_closed()
        asking.say("OPTIONS")
        assert asking.answer().status == 200


def test_a_viewer_over_udp_is_removed_without_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewer, "SESSION_S", 1.5)
    with serving() as rig, RawClient(rig) as client, socket.socket(type=socket.SOCK_DGRAM) as rtcp:
        rtcp.bind(("127.0.0.1", 0))
        port = rtcp.getsockname()[1]
        setup = client.ask("SETUP", Transport=f"RTP/AVP;unicast;client_port={port - 1}-{port}")
        ports = re.search(r"server_port=(\d+)-(\d+)", setup.headers["transport"])
        assert ports
        assert client.ask("PLAY", Session=setup.session).status == 200
        end = time.monotonic() + 3.0
        while time.monotonic() < end:
            rtcp.sendto(struct.pack("!BBHI", 0x80, 201, 1, 1), ("127.0.0.1", int(ports[2])))
            time.sleep(0.2)
        assert rig.server.view("gate").viewers == 1, "receiver reports are a sign of life"
        assert until(lambda: rig.server.view("gate").viewers == 0)
        assert client.ask("PLAY", Session=setup.session).status == 454


@pytest.mark.parametrize(
    ("host", "to"), [("", "127.0.0.1"), ("", "::1"), ("::1", "::1"), ("localhost", "127.0.0.1")]
)
def test_both_families_are_served(host: str, to: str) -> None:
    with serving(host=host) as rig, RawClient(rig, to) as client:
        assert client.ask("DESCRIBE").status == 200
        client.play()
        assert client.collect(5)


def test_a_viewer_over_udp_outlives_its_connection_for_some_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    """RFC 2326 section 1.1: a session is not tied to a connection; who says nothing more is removed."""
    monkeypatch.setattr(viewer, "ORPHAN_S", 1.5)
    with serving() as rig, socket.socket(type=socket.SOCK_DGRAM) as rtp:
        rtp.bind(("127.0.0.1", 0))
        rtp.settimeout(5.0)
        port = rtp.getsockname()[1]
        with RawClient(rig) as client:
            session = client.ask("SETUP", Transport=f"RTP/AVP;unicast;client_port={port}-{port + 1}").session
            assert client.ask("PLAY", Session=session).status == 200
        for _ in range(20):
            assert rtp.recv(2048)
        with RawClient(rig) as other:
            assert other.ask("GET_PARAMETER", Session=session).status == 200
            assert other.ask("PAUSE", Session=session).status == 200
            assert other.ask("PLAY", Session=session).status == 200
        assert until(lambda: rig.server.view("gate").viewers == 0)


def test_viewers_that_are_dismissed_may_come_again() -> None:
    with serving() as rig, RawClient(rig) as client:
        client.play()
        rig.server.dismiss("gate")
        assert client.is_closed()
        with RawClient(rig) as again:
            assert again.play().status == 200
            assert again.collect(5)


def test_parameter_sets_that_the_encoder_leaves_out_are_sent_before_each_keyframe() -> None:
    sets = ParameterSets.among(split_annex_b(clip().units[0]))
    assert sets
    bare = tuple(
        b"".join(b"\0\0\1" + nal for nal in split_annex_b(unit) if nal_type(nal) in (1, 5))
        for unit in clip().units
    )
    with serving(Clip(bare, clip().digests)) as rig, RawClient(rig) as client:
        rig.server.describe("gate", StreamFacts(sets.sps, sets.pps, 320, 240, 30.0))
        described = client.ask("DESCRIBE")
        assert b"a=framerate:30\r\na=framesize:96 320-240\r\n" in described.body
        client.play()
        first = client.collect(1)[0]
        assert first[12] & 0x1F == 24
        assert sets.sps in first
        assert sets.pps in first


_INIT = {"SETUP": (200, "ready"), "PLAY": (454, "init"), "PAUSE": (454, "init"), "TEARDOWN": (454, "init")}
_READY = {"SETUP": (200, "ready"), "PLAY": (200, "plays"), "PAUSE": (455, "ready"), "TEARDOWN": (200, "init")}
_PLAYS = {"SETUP": (455, "plays"), "PLAY": (200, "plays"), "PAUSE": (200, "ready"), "TEARDOWN": (200, "init")}
_STATES = {"init": _INIT, "ready": _READY, "plays": _PLAYS}
"""What each method is answered in each state, and the state after it (RFC 2326 appendix A.2)."""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(methods=st.lists(st.sampled_from(["SETUP", "PLAY", "PAUSE", "TEARDOWN"]), max_size=10))
def test_a_session_has_the_states_of_the_rfc(served: Rig, methods: list[str]) -> None:
    state, session = "init", ""
    with RawClient(served) as client:
        for method in methods:
            headers = {"Session": session} if session else {}
            answer = client.ask(method, **headers, **({"Transport": TCP} if method == "SETUP" else {}))
            expected, state = _STATES[state][method]
            assert answer.status == expected, (state, method)
            if method == "SETUP" and not session:
                session = answer.session
            if state == "init":
                session = ""


def test_a_port_that_is_taken_is_said_with_the_mend() -> None:
    with serving() as rig:
        second = RtspServer("127.0.0.1", rig.server.port, login=None, on_viewers=lambda name, count: None)
        with pytest.raises(EdgedError, match=r"live\.rtsp_port"):
            second.start()
        second.close()


def test_the_clip_is_what_the_tests_think() -> None:
    assert all(unit.startswith(b"\0\0\0\1") for unit in clip().units)
