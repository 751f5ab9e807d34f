"""The schema for editors, the defaults of the device, and what the models promise to others."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.errors import ERROR_CODES, Problem, SpecRejected
from edged.model.sampling import SampleOn
from edged.model.twin import Fetched, Phase, Reported
from edged.mqtt import desired
from edged.mqtt.codec import reported_payload
from edged.settings import Sampling, Settings, json_schema, load_settings, nearest, parse_settings
from edged.settings.defaults import default_storage, device_name

CONFIG = Path(__file__).resolve().parents[3] / "config"


@pytest.mark.parametrize("sample", sorted(CONFIG.glob("*.yaml")), ids=lambda path: path.name)
def test_every_sample_is_valid(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGED_MQTT_PASSWORD", "x")
    monkeypatch.setenv("EDGED_LIVE_PASSWORD", "x")
    settings = load_settings(sample).settings
    assert settings.spec.jobs
    assert settings.spec.sources


def test_the_full_sample_shows_every_key() -> None:
    text = (CONFIG / "edged.yaml").read_text()
    for key in _keys(json_schema("settings")):
        assert f"{key}:" in text, key


def _keys(schema: dict[str, Any]) -> set[str]:
    sections = [schema, *schema["$defs"].values()]
    return {key for section in sections for key in section.get("properties", {})}


@pytest.mark.parametrize("which", ["settings", "spec"])
def test_editors_find_a_description_and_an_example_for_every_field(which: Any) -> None:
    schema = json_schema(which)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["x-error-codes"] == list(ERROR_CODES)
    for section in [schema, *schema["$defs"].values()]:
        assert section["additionalProperties"] is False
        for name, field in section["properties"].items():
            assert field.get("description"), name
            assert field.get("examples"), name
    assert "null" not in json.dumps(schema)


def test_every_example_of_the_schema_is_valid() -> None:
    schema = json_schema("settings")
    tested = {"mqtt": "MqttSettings", "storage": "Storage"}
    for key, title in tested.items():
        for name, field in schema["$defs"][title]["properties"].items():
            for example in field["examples"]:
                extra = {"username": "u", "url": "mqtts://h"} if title == "MqttSettings" else {}
                pair = {"cert": "x", "key": "x"} if name in ("cert", "key") else {}
                Settings.model_validate({key: extra | pair | {name: example}})
    for name, field in schema["$defs"]["Source"]["properties"].items():
        for example in field["examples"]:
            Settings.model_validate({"spec": {"sources": {"a": {"url": "x"} | {name: example}}}})
    for name, field in schema["$defs"]["Job"]["properties"].items():
        for example in field["examples"]:
            Settings.model_validate({"spec": {"jobs": {"a": {"algorithm": "x"} | {name: example}}}})


def test_editors_take_the_protocol_with_and_without_quotes() -> None:
    protocol = json_schema("settings")["$defs"]["MqttSettings"]["properties"]["protocol"]
    assert protocol["enum"] == ["auto", 5, "5", "3.1.1"]
    assert protocol["default"] == "auto"


@pytest.mark.parametrize("which", ["result", "event", "desired", "reported"])
def test_the_schemas_of_payloads_describe_every_key(which: Any) -> None:
    schema = json_schema(which)
    assert all(field.get("description") for field in schema["properties"].values())
    assert set(schema["required"]) <= set(schema["properties"])
    json.dumps(schema)


def test_the_schema_of_a_desired_knows_what_one_may_hold() -> None:
    schema = json_schema("desired")
    assert tuple(schema["properties"]) == desired._KEYS
    gate = schema["properties"]["gate"]["properties"]
    assert tuple(gate) == desired._GATE_KEYS
    assert gate["require"]["items"]["enum"] == list(desired._REQUIREMENTS)
    whole = json_schema("spec")
    assert schema["properties"]["spec"]["properties"] == whole["properties"]
    assert schema["$defs"] == whole["$defs"]


def test_the_schema_of_reported_knows_what_is_told() -> None:
    errors = (Problem("spec.jobs.a", "is wrong", "invalid"),)
    told = Reported(7, 1, "b", 0, Phase.REJECTED, 8, "sha256:00", errors, highest_revision=9)
    told = replace(told, progress={"a.onnx": Fetched(1, 2, "broke off")})
    payload = json.loads(reported_payload(told))
    schema = json_schema("reported")
    assert set(payload) == set(schema["properties"])
    error = schema["properties"]["errors"]["items"]
    assert [set(each) for each in payload["errors"]] == [set(error["properties"])]
    assert error["properties"]["code"]["enum"] == list(ERROR_CODES)
    progress = schema["properties"]["progress"]["additionalProperties"]
    assert set(payload["progress"]["a.onnx"]) == set(progress["properties"])
    least = json.loads(reported_payload(Reported(0, 0, "b", 0)))
    assert set(least) == set(schema["required"])


@given(st.floats(0, 1e6), st.integers(1, 256), st.integers(0, 4), st.sampled_from(["frames", "keyframes"]))
def test_sampling_in_whole_microseconds(interval: float, count: int, step: int, on: Any) -> None:
    sampling = Sampling(interval=interval, count=count, step=step, on=on).to_sampling()
    assert (sampling.count, sampling.step, sampling.on) == (count, step, SampleOn(on))
    assert (sampling.interval_us == 0) == (interval == 0)
    assert abs(sampling.interval_us - interval * 1e6) <= 1


@pytest.mark.parametrize(
    ("host", "mac", "name"),
    [
        ("gate-01", "dc:a6:32:1a:2b:3c", "gate-01"),
        ("gate-01.example.com", "dc:a6:32:1a:2b:3c", "gate-01"),
        ("raspberrypi", "dc:a6:32:1a:2b:3c", "raspberrypi-1a2b3c"),
        ("RaspberryPi", "dc:a6:32:1a:2b:3c", "RaspberryPi-1a2b3c"),
        ("jetson-nano", "dc:a6:32:1a:2b:3c", "jetson-nano-1a2b3c"),
        ("orangepi5", "dc:a6:32:1a:2b:3c", "orangepi5-1a2b3c"),
        ("rock-5b", "dc:a6:32:1a:2b:3c", "rock-5b-1a2b3c"),
        ("rockhall", "dc:a6:32:1a:2b:3c", "rockhall"),
        ("localhost", "", "localhost"),
        ("", "dc:a6:32:1a:2b:3c", "edged-1a2b3c"),
        ("gärtner cam", "", "g-rtner-cam"),
    ],
)
def test_a_device_is_named_after_its_host(host: str, mac: str, name: str) -> None:
    assert device_name(host, mac) == name


@given(st.text(max_size=200), st.text(max_size=20))
def test_a_device_name_is_always_a_name(host: str, mac: str) -> None:
    Settings.model_validate({"device": device_name(host, mac)})


def test_state_lies_where_systemd_says_else_with_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/edged:/var/lib/other")
    assert default_storage() == Path("/var/lib/edged")
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("XDG_STATE_HOME", "/x/state")
    assert default_storage() == Path("/x/state/edged")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert default_storage() == Path.home() / ".local/state/edged"


def test_nearest() -> None:
    assert nearest("Intervall", ["interval", "count"]) == "interval"
    assert nearest("zzz", ["interval", "count"]) is None


def test_importing_the_settings_loads_neither_pixels_nor_the_parser() -> None:
    heavy = {"numpy", "av", "cv2", "onnxruntime", "ruamel.yaml"}
    code = f"import sys, edged.settings; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("live", "words"),
    [
        ({"password": ""}, "empty password"),
        ({"password": "${env:EDGED_TEST_EMPTY}"}, "empty password"),
        ({"host": "0.0.0.0", "password": " "}, "empty password"),
        ({"host": "0.0.0.0"}, "set live.password"),
        ({"rtsp_port": 8000, "http_port": 8000}, "8000 twice"),
    ],
)
def test_live_pictures_are_never_open_by_mistake(
    live: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGED_TEST_EMPTY", "")
    with pytest.raises(SpecRejected, match=words):
        parse_settings(json.dumps({"device": "box", "live": live}), file="f.yaml", folder=Path("/folder"))
