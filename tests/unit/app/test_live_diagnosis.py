"""What `edged doctor` says of the ports of live pictures."""

from __future__ import annotations

import socket

from edged.app.diagnosis import Level
from edged.app.live_diagnosis import look_at_port
from edged.planning.outputs import LivePlan


def test_a_port_is_free_taken_or_nowhere() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        verdict = look_at_port(LivePlan(), port, "rtsp_port")
        assert verdict.level is Level.WARN
        assert "live.rtsp_port" in verdict.mend
    assert look_at_port(LivePlan(), port, "rtsp_port").level is Level.OK
    assert look_at_port(LivePlan(host="192.0.2.1"), port, "rtsp_port").level is Level.FAIL
