"""A person at `edged ctl`, and Home Assistant, each with a real daemon on a real broker."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from tests.homeassistant import check, pressed, rendered
from tests.servers.daemon import ALGORITHMS, DEVICE, PATTERN, ROOT, TICKS, Daemon, Subscriber
from tests.servers.mosquitto import Mosquitto

SPEC = {
    "sources": {"gate": {"url": PATTERN}},
    "jobs": {"ticking": TICKS, "moving": {"algorithm": "motion", "sampling": {"interval": 0.2}}},
}
DISCOVERY = f"homeassistant/device/{ROOT.replace('/', '_')}/config"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a broker with a daemon that runs `SPEC` and is in Home Assistant."""
    folder = tmp_path_factory.mktemp("ctl")
    with Mosquitto(folder / "mosquitto") as broker:
        settings = {
            "groups": ["site-a"],
            "algorithms": [ALGORITHMS],
            "mqtt": {"url": f"mqtt://127.0.0.1:{broker.port}", "discovery": "homeassistant"},
        }
        with Daemon(folder / "daemon", broker.port, SPEC, **settings), Subscriber(broker.port) as hearing:
            hearing.until("job/ticking/gate/result")
            yield broker.port


def ctl(port: int, *words: str | Path, device: str = DEVICE) -> tuple[int, str, str]:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "edged",
            "ctl",
            device,
            *map(str, words),
            "--mqtt",
            f"mqtt://127.0.0.1:{port}",
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_device_answers_and_shows_its_spec(port: int) -> None:
    assert ctl(port, "ping") == (0, "ok\n", "")
    code, out, _ = ctl(port, "get", "what=spec")
    assert code == 0
    assert json.loads(out)["spec"]["sources"] == {"gate": {"url": PATTERN}}
    assert ctl(port, "ping", "--timeout", "1", device="@site-a") == (0, f"{DEVICE}  ok\n", "")


def test_what_a_device_refuses_is_said_with_the_mend(port: int) -> None:
    code, out, err = ctl(port, "pause", "job=tiking")
    assert (code, out) == (1, "")
    assert err.startswith(f"edged: {DEVICE}: not_found: ")
    assert "ticking" in err
    code, _, err = ctl(port, "frobnicate")
    assert code == 1
    assert "unknown_op" in err
    code, _, err = ctl(port, "patch", 'spec={"jobs":{"moving":{"algoritm":"x"}}}')
    assert code == 1
    assert "\n  jobs.moving.algoritm: " in err


def test_a_job_is_paused_and_resumed(port: int) -> None:
    with Subscriber(port) as hearing:
        assert ctl(port, "pause", "job=moving")[0] == 0
        hearing.until("job/moving/status", lambda status: status["state"] == "paused")
        since_s = time.monotonic()
        assert ctl(port, "resume", "job=moving")[0] == 0
        hearing.until("job/moving/status", lambda status: status["state"] == "running", since_s=since_s)


def test_a_snapshot_is_a_picture(port: int, tmp_path: Path) -> None:
    code, _, err = ctl(
        port, "snapshot", "source=gate", "job=moving", "max_width=160", "-o", tmp_path / "a.jpg"
    )
    assert code == 0, err
    assert (tmp_path / "a.jpg").read_bytes()[:3] == b"\xff\xd8\xff"


def test_a_spec_from_a_file_is_applied_or_refused(port: int, tmp_path: Path) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(json.dumps({**SPEC, "jobs": {**SPEC["jobs"], "more": {"algorithm": "motoin"}}}))
    code, _, err = ctl(port, "apply", spec)
    assert code == 1
    assert "jobs.more.algorithm: " in err
    spec.write_text(json.dumps(SPEC))
    code, out, err = ctl(port, "apply", spec)
    assert code == 0, err
    assert out.startswith(f"{DEVICE} runs revision ")
    revision = out.split()[-1]
    assert ctl(port, "wait", f"revision={revision}")[:2] == (0, out)


def test_results_are_watched(port: int) -> None:
    code, out, _ = ctl(port, "watch", "job=ticking", "--timeout", "2")
    assert code == 0
    assert all("  ticking/gate  #" in line for line in out.splitlines())
    code, out, _ = ctl(port, "watch", "source=gate", "--json", "--timeout", "2")
    assert {json.loads(line)["job"] for line in out.splitlines()} == {"ticking", "moving"}


# ---- Home Assistant ----


class Home:
    """Home Assistant, as its documentation says it behaves."""

    def __init__(self, port: int) -> None:
        self._hearing = Subscriber(port, "#")
        self._client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def __enter__(self) -> Home:
        return self

    def __exit__(self, *_: object) -> None:
        self._hearing.__exit__()
        self._client.disconnect()
        self._client.loop_stop()

    def component(self, key: str) -> dict[str, Any]:
        payload = self._latest(DISCOVERY, lambda payload: key.encode() in payload)
        found: dict[str, Any] = check(DISCOVERY, payload)["components"][key]
        return found

    def press(self, component: dict[str, Any], which: str = "payload_press") -> None:
        topic, payload = pressed(component, which)
        self._client.publish(topic, payload, component["qos"], component["retain"]).wait_for_publish(5)

    def until_shown(self, component: dict[str, Any], state: str) -> None:
        template = component["value_template"]
        self._latest(component["state_topic"], lambda payload: rendered(template, payload) == state)

    def picture(self, component: dict[str, Any]) -> bytes:
        return self._latest(component["image_topic"], bool)

    def _latest(self, topic: str, wanted: Any, within_s: float = 60.0) -> bytes:
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            found = [one.payload for one in list(self._hearing.heard) if one.topic == topic]
            if found and wanted(found[-1]):
                return found[-1]
            time.sleep(0.02)
        raise AssertionError(f"nothing wanted on {topic} within {within_s} s")


def test_home_assistant_switches_jobs_and_sources_together(port: int) -> None:
    """As a scene does: all at once."""
    with Home(port) as home:
        switches = [home.component(key) for key in ("job.moving.enabled", "source.gate.enabled")]
        for wanted, payload in (("state_off", "payload_off"), ("state_on", "payload_on")):
            for switch in switches:
                home.press(switch, payload)
            for switch in switches:
                home.until_shown(switch, switch[wanted])


def test_home_assistant_takes_pictures_and_counts(port: int) -> None:
    with Home(port) as home:
        home.until_shown(home.component("source.gate.connectivity"), "ON")
        home.press(home.component("source.gate.take_snapshot"))
        assert home.picture(home.component("source.gate.snapshot"))[:3] == b"\xff\xd8\xff"
        total = home.component("job.moving.gate.total")
        assert total["state_topic"] == f"{ROOT}/job/moving/gate/counts"
        assert home.component("job.moving.gate.label.motion")["state_class"] == "measurement"
        home.until_shown(home.component("job.moving.gate.presence"), "ON")
