"""What a session of `edged ctl` does without a broker."""

from __future__ import annotations

import asyncio

import pytest

from edged.app.ctl.address import Address
from edged.app.ctl.session import Session
from edged.mqtt.message import Received
from edged.mqtt.options import MqttOptions


def test_receiving_can_be_cancelled_in_the_moment_in_which_a_message_comes() -> None:
    """Else ``watch --timeout`` and Ctrl-C would now and then not end it."""

    async def scenario() -> None:
        session = Session(Address(MqttOptions("127.0.0.1", 1, ""), "edged/v1"), [])
        receiving = asyncio.create_task(session.receive(None))
        await asyncio.sleep(0)
        session._on_message(Received("edged/v1/gate/state", b"{}"))
        receiving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await receiving

    asyncio.run(scenario())
