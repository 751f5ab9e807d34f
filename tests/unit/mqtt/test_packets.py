from __future__ import annotations

from paho.mqtt.client import Client

from edged.mqtt.options import MqttOptions
from edged.mqtt.packets import LARGEST_PACKET_BYTES, Beginning, accepted, bound_packet, new_client
from edged.mqtt.protocol import Protocol


def reading(length: int) -> Client:
    """A client in the middle of a packet of ``length`` bytes."""
    client = new_client(MqttOptions("b", 1883, "c"), Protocol.V311, keep_session=False)
    client._in_packet["remaining_length"] = length
    client._in_packet["packet"] += b"start"
    return client


def test_of_a_packet_that_is_too_large_only_the_beginning_is_kept() -> None:
    client = reading(LARGEST_PACKET_BYTES + 1)
    chunk = bytes(4 * 1024 * 1024 + 1)
    for _ in range(8):
        bound_packet(client)
        client._in_packet["packet"] += chunk
    assert len(client._in_packet["packet"]) == LARGEST_PACKET_BYTES
    assert client._in_packet["packet"].startswith(b"start")


def test_any_other_packet_is_left_alone() -> None:
    client = reading(LARGEST_PACKET_BYTES)
    bound_packet(client)
    assert not isinstance(client._in_packet["packet"], Beginning)


def test_a_broker_that_names_no_limits_has_the_protocols() -> None:
    assert (accepted(None).receive_maximum, accepted(None).maximum_packet_bytes) == (65535, 268_435_455)
