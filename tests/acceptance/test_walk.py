"""The smallest whole path: a file's frames become results, statuses and a clean end on MQTT."""

from __future__ import annotations

from pathlib import Path

from tests.servers.daemon import DEVICE, Daemon, Subscriber
from tests.servers.mosquitto import Mosquitto

SPEC = {
    "sources": {"gate": {"url": "pattern://testsrc2?size=320x240&rate=20"}},
    "jobs": {"moves": {"algorithm": "motion", "sampling": {"interval": 0.2}}},
}


def test_frames_become_results_on_mqtt(tmp_path: Path, broker: Mosquitto) -> None:
    with Subscriber(broker.port) as ears, Daemon(tmp_path / "box", broker.port, SPEC) as daemon:
        birth = ears.until("state", lambda state: state["state"] == "online").content
        tenth = ears.until("job/moves/gate/result", lambda result: result["seq"] == 10).content
        ears.until("source/gate/status", lambda status: status["state"] == "running")
        ears.until("job/moves/status", lambda status: status["state"] == "running")
        ears.until("info", lambda info: "detector" in info["algorithms"])
        took_s = daemon.stop()
        ears.until("state", lambda state: state["state"] == "offline")

        results = [one.content for one in ears.results("moves", "gate")]
        assert [result["seq"] for result in results] == list(range(1, len(results) + 1))
        assert {result["boot"] for result in results} == {birth["boot"]}
        assert tenth["device"] == DEVICE
        assert (tenth["frame"]["width"], tenth["frame"]["height"]) == (320, 240)
        assert all(0 <= edge <= 1 for one in tenth["detections"] for edge in one["box"])
        states = [one.content["state"] for one in ears.messages("state")]
        assert states == ["online", "stopping", "offline"]
        assert took_s < 10
