"""The window against a model of a broker: any order of acknowledgements and lost connections."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edged.mqtt.message import Message
from edged.mqtt.outbox import MemoryOutbox
from edged.mqtt.window import NEVER, Window


class Wire:
    """What was published, in order; identifiers rise."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.unacknowledged: list[int] = []

    def publish(self, message: Message) -> int:
        self.sent.append(message)
        self.unacknowledged.append(len(self.sent))
        return len(self.sent)


def test_the_birth_goes_first_at_each_connect_then_the_other_states_then_the_queue() -> None:
    window, wire = Window(), Wire()
    window.outbox.append(Message("event", b"1", qos=1))
    window.retain("state", b"online")
    window.retain("info", b"{}")
    window.retain("state", b"stopping")
    window.begin(20)
    window.send(wire.publish, 0.0)
    assert [(m.topic, m.payload) for m in wire.sent] == [
        ("state", b"stopping"), ("info", b"{}"), ("event", b"1"),
    ]  # fmt: skip


def test_the_same_state_twice_is_sent_once() -> None:
    window, wire = Window(), Wire()
    window.begin(20)
    assert window.retain("state", b"a")
    window.send(wire.publish, 0.0)
    assert not window.retain("state", b"a")
    window.send(wire.publish, 0.0)
    assert len(wire.sent) == 1


def test_a_cleared_topic_is_cleared_on_the_broker_once_and_then_forgotten() -> None:
    window, wire = Window(), Wire()
    window.retain("job/x/status", b"{}")
    window.begin(20)
    window.retain("job/x/status", b"")
    window.send(wire.publish, 0.0)
    assert wire.sent == [Message("job/x/status", b"", qos=1, retain=True)]
    window.acked(1)
    window.begin(20)
    window.send(wire.publish, 0.0)
    assert len(wire.sent) == 1
    assert window.idle


def test_a_topic_cleared_twice_is_forgotten_only_after_the_last_acknowledgement() -> None:
    window, wire = Window(), Wire()
    window.begin(20)
    for payload in (b"", b"1", b""):
        window.retain("a", payload)
        window.send(wire.publish, 0.0)
    window.acked(1)
    window.begin(20)  # the connection broke before the last one arrived
    window.send(wire.publish, 0.0)
    assert wire.sent[3:] == [Message("a", b"", qos=1, retain=True)]


def test_what_the_broker_does_not_take_is_owed_no_longer() -> None:
    window, wire = Window(), Wire()
    window.retain("large", b"state")
    for payload in (b"large", b"small"):
        window.outbox.append(Message("event", payload, qos=1))
    window.begin(20)
    window.send(lambda m: NEVER if m.topic == "large" or m.payload == b"large" else wire.publish(m), 0.0)
    assert [m.payload for m in wire.sent] == [b"small"]
    window.acked(1)
    assert window.idle


def test_a_message_to_be_kept_by_the_broker_is_no_state_of_ours() -> None:
    """Published once, sent again until it is acknowledged, and not again at the next connect."""
    window, wire = Window(), Wire()
    message = Message("homeassistant/x/config", b"{}", qos=1, retain=True)
    window.outbox.append(message)
    window.begin(20)
    window.send(wire.publish, 0.0)
    window.begin(20)  # the connection broke before it arrived
    window.send(wire.publish, 0.0)
    assert wire.sent == [message, message]
    assert window.acked(2) == message
    window.begin(20)
    window.send(wire.publish, 0.0)
    assert window.idle
    assert wire.sent == [message, message]


@given(st.integers(1, 30), st.integers(1, 65_535))
def test_no_more_in_flight_than_both_ends_allow(own: int, receive_maximum: int) -> None:
    window, wire = Window(in_flight_limit=own), Wire()
    for number in range(100):
        window.outbox.append(Message("e", str(number).encode(), qos=1))
    window.begin(receive_maximum)
    window.send(wire.publish, 0.0)
    assert len(wire.sent) == min(own, receive_maximum)


class Life(RuleBasedStateMachine):
    """Nothing that was appended is lost while the queue is not full; order is kept; states are the latest.

    TCP delivers in order, so an acknowledgement proves that all before it arrived; when the connection is
    lost, any tail of what was not acknowledged never did.
    """

    def __init__(self) -> None:
        super().__init__()
        self.window = Window(MemoryOutbox(limit=10_000), in_flight_limit=4)
        self.wire = Wire()
        self.connected = False
        self.appended = 0
        self.arrived = 0
        self.delivered: list[bytes] = []
        self.broker_states: dict[str, bytes] = {}
        self.states: dict[str, bytes] = {}

    @rule()
    def append(self) -> None:
        self.window.outbox.append(Message("event", str(self.appended).encode(), qos=1))
        self.appended += 1
        self.pump()

    @rule(topic=st.sampled_from("ab"), payload=st.sampled_from([b"", b"1"]))
    def retain(self, topic: str, payload: bytes) -> None:
        self.window.retain(topic, payload)
        self.states[topic] = payload
        self.pump()

    @precondition(lambda self: not self.connected)
    @rule()
    def connect(self) -> None:
        self.window.begin(65_535)
        self.connected = True
        self.pump()

    @precondition(lambda self: self.connected)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self.arrive(data.draw(st.integers(self.arrived, len(self.wire.sent))))
        self.arrived = len(self.wire.sent)
        self.wire.unacknowledged.clear()
        self.connected = False

    @precondition(lambda self: self.wire.unacknowledged)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        identifier = data.draw(st.sampled_from(self.wire.unacknowledged))
        self.wire.unacknowledged.remove(identifier)
        self.arrive(identifier)
        message = self.window.acked(identifier)
        assert message == self.wire.sent[identifier - 1]
        assert self.window.acked(identifier) is None
        self.pump()

    def arrive(self, until: int) -> None:
        for message in self.wire.sent[self.arrived : until]:
            if message.retain:
                self.broker_states[message.topic] = message.payload
            else:
                self.delivered.append(message.payload)
        self.arrived = max(self.arrived, until)

    def pump(self) -> None:
        if self.connected:
            self.window.send(self.wire.publish, 0.0)

    @invariant()
    def few_are_in_flight(self) -> None:
        assert self.window.in_flight <= 4

    @invariant()
    def first_deliveries_are_in_order(self) -> None:
        firsts = list(dict.fromkeys(self.delivered))
        assert firsts == [str(number).encode() for number in range(len(firsts))]

    def teardown(self) -> None:
        if not self.connected:
            self.connect()
        while self.wire.unacknowledged:
            identifier = self.wire.unacknowledged.pop(0)
            self.arrive(identifier)
            self.window.acked(identifier)
            self.pump()
        assert self.window.idle
        assert len(set(self.delivered)) == self.appended
        for topic, payload in self.states.items():
            assert self.broker_states.get(topic, b"") == payload


TestLife = Life.TestCase
