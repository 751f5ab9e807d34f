from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from edged.mqtt.subscription import Replay, Subscription

levels = st.sampled_from(["a", "b", "", "$x"])
topics = st.lists(levels, min_size=1, max_size=4).map("/".join)
filters = st.builds(
    lambda head, tail: "/".join([*head, *tail]),
    st.lists(levels | st.just("+"), min_size=1, max_size=4),
    st.sampled_from([[], ["#"]]),
) | st.sampled_from(["#", "+", "+/#"])


@given(filters, topics)
def test_it_matches_what_mqtt_says(wanted: str, topic: str) -> None:
    assert Subscription(wanted, replay=Replay.ALWAYS).matches(topic) == topic_matches_sub(wanted, topic)
