from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edged.mqtt.sockets import xor


@given(st.binary(max_size=70), st.binary(min_size=4, max_size=4))
def test_masking_is_rfc_6455s(data: bytes, key: bytes) -> None:
    assert xor(data, key) == bytes(byte ^ key[place % 4] for place, byte in enumerate(data))
