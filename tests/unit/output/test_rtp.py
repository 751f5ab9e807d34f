"""H.264 over RTP: what goes in comes out, in packets that RFC 6184 and RFC 3550 allow."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from edged.output.rtp import Packetizer, SenderCount, Timeline, goodbye, is_rtcp, sender_report
from edged.output.rtp.nal import ParameterSets, split_annex_b

MAX_PACKET = 100
sizes = st.integers(1, 400)


@st.composite
def nal_units(draw: st.DrawFn) -> bytes:
    """Any NAL unit: kind 1-23, no start code inside, no zero at the end."""
    head = draw(st.integers(0, 3)) << 5 | draw(st.integers(1, 23))
    body = draw(st.binary(max_size=400)).replace(b"\0", b"\1")
    return bytes((head,)) + body


def unpacked(packets: list[bytes]) -> list[bytes]:
    """The NAL units of one picture's payloads, as a receiver puts them together (RFC 6184 section 7)."""
    nals: list[bytes] = []
    fragment = bytearray()
    for packet in packets:
        payload = packet[12:]
        kind = payload[0] & 0x1F
        if kind == 24:
            rest = payload[1:]
            while rest:
                size = int.from_bytes(rest[:2], "big")
                assert len(rest) >= 2 + size
                nals.append(rest[2 : 2 + size])
                rest = rest[2 + size :]
        elif kind == 28:
            start, end = payload[1] & 0x80, payload[1] & 0x40
            assert not (start and end), "one fragment is no fragment"
            assert bool(start) == (not fragment)
            if start:
                fragment += bytes(((payload[0] & 0xE0) | (payload[1] & 0x1F),))
            fragment += payload[2:]
            if end:
                nals.append(bytes(fragment))
                fragment.clear()
        else:
            nals.append(payload)
    assert not fragment, "a fragment without its end"
    return nals


@given(st.lists(nal_units(), min_size=1, max_size=12), st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF))
def test_a_receiver_gets_what_was_encoded(nals: list[bytes], sequence: int, timestamp: int) -> None:
    unit = Packetizer(0xDEADBEEF, sequence, max_packet=MAX_PACKET).pack(nals, timestamp, keyframe=True)
    assert unpacked(list(unit.packets)) == nals
    for place, packet in enumerate(unit.packets):
        version, kind, number, time, ssrc = struct.unpack("!BBHII", packet[:12])
        assert len(packet) <= MAX_PACKET
        assert (version, kind & 0x7F, ssrc, time) == (0x80, 96, 0xDEADBEEF, timestamp)
        assert number == (sequence + place) & 0xFFFF
        assert bool(kind & 0x80) == (place == len(unit.packets) - 1), "the marker ends the picture"
    assert unit.sequence == sequence
    assert unit.octets == sum(len(packet) - 12 for packet in unit.packets)


@given(st.lists(nal_units(), min_size=1, max_size=6))
def test_small_neighbours_share_a_packet_with_the_highest_importance(nals: list[bytes]) -> None:
    for packet in Packetizer(1, 0, max_packet=MAX_PACKET).pack(nals, 0, keyframe=False).packets:
        if packet[12] & 0x1F == 24:
            inside = unpacked([packet])
            assert len(inside) > 1
            assert packet[12] & 0x60 == max(nal[0] & 0x60 for nal in inside)


def test_numbers_go_on_from_picture_to_picture() -> None:
    packetizer = Packetizer(1, 0xFFFF)
    first = packetizer.pack([b"\x65" + b"\1" * 5000], 0, keyframe=True)
    second = packetizer.pack([b"\x41\1"], 3000, keyframe=False)
    assert len(first.packets) == 4
    assert first.sequence == 0xFFFF
    assert second.sequence == 3


@given(st.lists(st.tuples(nal_units(), st.sampled_from([b"\0\0\1", b"\0\0\0\1", b"\0\0\0\0\1"])), max_size=8))
def test_annex_b_is_cut_at_start_codes_of_any_length(parts: list[tuple[bytes, bytes]]) -> None:
    stream = b"".join(code + nal for nal, code in parts)
    assert split_annex_b(stream) == [nal for nal, _ in parts]


@given(st.binary(max_size=200))
def test_any_bytes_are_cut_without_empty_units(data: bytes) -> None:
    assert all(split_annex_b(data))


def test_parameter_sets_are_found_only_together() -> None:
    sps, pps = b"\x67\x42\xc0\x1f\xaa", b"\x68\xce"
    assert ParameterSets.among([b"\x06\1", sps, pps, b"\x65\1"]) == ParameterSets(sps, pps)
    assert ParameterSets.among([sps, b"\x65\1"]) is None
    assert ParameterSets.among([b"\x67\x42", pps]) is None, "an SPS without profile and level"


@given(st.integers(0, 0xFFFFFFFF), st.lists(st.integers(-90_000, 10 * 90_000), min_size=1, max_size=30))
def test_the_rtp_clock_follows_the_pts(start: int, steps: list[int]) -> None:
    timeline, pts = Timeline(start), 0
    assert timeline.at(pts) == start
    for step in steps:
        pts += step
        assert timeline.at(pts) == (start + pts) & 0xFFFFFFFF


@given(st.one_of(st.integers(-(2**40), -90_001), st.integers(900_001, 2**40)))
def test_an_encoder_that_starts_anew_does_not_turn_the_clock_back(jump: int) -> None:
    timeline = Timeline(7)
    timeline.at(1000)
    assert timeline.at(1000 + jump) == 7 + 1000 + 3600
    assert timeline.at(1000 + jump + 6000) == 7 + 1000 + 3600 + 6000


def test_a_sender_report_says_when_and_how_much() -> None:
    report = sender_report(0xABCD, 90_000, 1_700_000_000_500_000_000, SenderCount(3, 4000), "edged")
    head, kind, words, ssrc, seconds, fraction, stamp, packets, octets = struct.unpack(
        "!BBHIIIIII", report[:28]
    )
    assert (head, kind, words, ssrc, stamp, packets, octets) == (0x80, 200, 6, 0xABCD, 90_000, 3, 4000)
    assert seconds - 2_208_988_800 == 1_700_000_000
    assert fraction == 1 << 31
    described = report[28:]
    assert described[1] == 202, "a compound packet has an SDES"
    assert b"edged" in described
    assert len(described) == 4 * (int.from_bytes(described[2:4], "big") + 1)
    assert is_rtcp(report)
    assert is_rtcp(goodbye(1, "edged"))


@given(st.binary(max_size=64))
def test_a_datagram_is_rtcp_only_with_its_whole_head(data: bytes) -> None:
    if is_rtcp(data):
        assert len(data) >= 8
        assert 200 <= data[1] <= 207


def test_rtp_and_noise_are_not_rtcp() -> None:
    assert not is_rtcp(b"\x80\x60" + b"\0" * 20)
    assert not is_rtcp(b"\xce\xfa\xed\xfe" * 2)
    assert not is_rtcp(b"\x80\xc9\x00\x09" + b"\0" * 8)
