"""One source: what of its capture's words counts."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from edged.app.processes import CAPTURE
from edged.control.source import SourceControl
from edged.model.capturing import CaptureSpec, SourceReport, SourceState, TrackRequest
from edged.model.frame import FrameFormat
from edged.supervise import wire
from edged.supervise.channel import CONTROL, Packet
from edged.supervise.supervisor import Supervisor

SPEC = CaptureSpec(0, "gate", "pattern://testsrc2", "pattern://testsrc2", enabled=False)
LATE = (SourceReport(SourceState.RUNNING), TrackRequest(FrameFormat(64, 48)))


def test_what_a_capture_said_before_it_was_stopped_comes_too_late() -> None:
    async def scenario() -> None:
        heard: list[SourceState] = []
        source = SourceControl(
            SPEC, Supervisor(), CAPTURE, lambda source: heard.append(source.report.state), lambda _: None
        )
        source.set_readers({"main": 1}, SPEC.demand)
        source.start()
        source.apply(replace(SPEC, enabled=True))
        source.apply(SPEC)
        for message in LATE:
            source.on_packet(source.process, Packet(CONTROL, wire.encode(message)))
        assert source.report.state is SourceState.PAUSED
        assert source.desk.track is None
        source.stop()
        for message in LATE:
            source.on_packet(source.process, Packet(CONTROL, wire.encode(message)))
        assert set(heard) == {SourceState.PAUSED}
        assert source.desk.track is None

    asyncio.run(scenario())
