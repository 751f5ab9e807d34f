"""The command line as users and their scripts meet it: what it prints, where, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.servers.daemon import Daemon, Subscriber
from tests.servers.mosquitto import Mosquitto, free_port

COMMANDS = ["run", "check", "probe", "algos", "doctor", "ctl", "schema", "new", "try", "models", "analyze"]
CONFIG = """\
device: gate-01
mqtt: {{url: "mqtt://127.0.0.1:{port}"}}
storage: {{path: {folder}/state}}
algorithms: [{folder}]
spec:
  sources:
    gate: {{url: "pattern://testsrc2"}}
  jobs:
    moving: {{algorithm: {algorithm}}}
"""


def edged(*words: str | Path, within_s: float = 60.0, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edged", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=within_s,
        env={**os.environ, **environment},
        check=False,
    )


def write_config(folder: Path, algorithm: str = "motion", port: int = 1883) -> Path:
    path = folder / "gate.yaml"
    path.write_text(CONFIG.format(folder=folder, algorithm=algorithm, port=port))
    return path


# ---- help, usage, version ----


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS), ["new", "algorithm"]], ids=" ".join)
def test_every_command_has_help_with_an_example(command: list[str]) -> None:
    done = edged(*command, "--help")
    assert done.returncode == 0
    assert "Example: edged " in done.stdout
    assert done.stderr == ""


def test_help_lists_every_command_and_is_quick() -> None:
    before = os.times()
    listed = edged("--help").stdout
    after = os.times()
    assert all(f"\n  {name} " in listed for name in COMMANDS)
    # CPU time, not the clock: this machine may be busy with other tests
    assert after.children_user + after.children_system - before.children_user - before.children_system < 0.4


@pytest.mark.parametrize("words", [["frobnicate"], ["check"], ["run", "a", "b"], ["schema", "nothing"], []])
def test_wrong_usage_ends_in_2(words: list[str]) -> None:
    assert edged(*words).returncode == 2


def test_version() -> None:
    assert edged("--version").stdout.startswith("edged 0.")


# ---- check ----


def test_check_of_a_good_config_says_so(tmp_path: Path) -> None:
    done = edged("check", write_config(tmp_path))
    assert (done.returncode, done.stdout, done.stderr) == (0, "OK: 1 source, 1 job\n", "")


def test_check_names_place_key_and_mend_of_every_error(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    config.write_text(
        config.read_text().replace('url: "pattern', 'ulr: "pattern').replace("device:", "devise:")
    )
    done = edged("check", config)
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert any(line.startswith(f"{config}:1:1: devise: ") and "device" in line for line in lines)
    assert any(line.startswith(f"{config}:7:12: spec.sources.gate.ulr: ") and "url" in line for line in lines)
    assert "Traceback" not in done.stderr


def test_check_finds_an_unknown_algorithm_by_importing_none(tmp_path: Path) -> None:
    done = edged("check", write_config(tmp_path, algorithm="motoin"))
    assert done.returncode == 1
    assert f"{tmp_path}/gate.yaml:9:25: spec.jobs.moving.algorithm: " in done.stderr
    assert "did you mean 'motion'" in done.stderr


def test_what_is_not_there_now_is_a_warning(tmp_path: Path) -> None:
    config = write_config(tmp_path, algorithm="detector, params: {model: none.onnx}")
    away = f"rtsp://admin:geheim@127.0.0.1:{free_port()}/stream1"
    config.write_text(config.read_text().replace("pattern://testsrc2", away))
    done = edged("check", config)
    assert done.returncode == 0
    assert done.stdout == "OK: 1 source, 1 job\n"
    assert "spec.sources.gate.url: warning: " in done.stderr
    assert "spec.jobs.moving.params.model: warning: " in done.stderr
    assert "geheim" not in done.stderr


def test_a_zone_whose_edges_cross_is_a_warning(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    url = 'url: "pattern://testsrc2"'
    zones = "zones: {door: [[0.3, 0.2], [0.7, 1.0], [0.7, 0.2], [0.3, 1.0]]}"
    config.write_text(config.read_text().replace(url, f"{url}, {zones}"))
    done = edged("check", config)
    assert (done.returncode, done.stdout) == (0, "OK: 1 source, 1 job\n"), done.stderr
    assert "spec.sources.gate.zones.door: warning: the edges that begin at its corners 1 and 3" in done.stderr


def test_an_algorithm_that_brings_its_prover_down_is_to_blame_alone(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import os\nos.kill(os.getpid(), 11)\n")
    config = write_config(tmp_path, algorithm="bad:Bad")
    config.write_text(config.read_text() + "    other: {algorithm: motion, params: {nothing: 1}}\n")
    done = edged("check", config)
    assert done.returncode == 1
    assert "spec.jobs.moving: it cannot be loaded: killed by SIGSEGV" in done.stderr
    assert "spec.jobs.other.params.nothing: " in done.stderr


def test_a_config_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    for command in ("check", "run", "doctor"):
        done = edged(command, tmp_path / "none.yaml")
        assert done.returncode == 1
        assert done.stderr == f"{tmp_path}/none.yaml: there is no such file\n"


def test_an_event_that_a_job_records_and_nobody_sends_is_named_with_its_place_and_the_mend(
    tmp_path: Path,
) -> None:
    (tmp_path / "silent.py").write_text(
        "from edged import BaseAlgo\nclass Silent(BaseAlgo):\n    def run(self, frames):\n        pass\n"
    )
    chain = "motion, then: [{algorithm: tracker}, {algorithm: zones}]"
    config = write_config(tmp_path, algorithm=f"{chain}, record: {{on: [zone_enter, zone_entr, zone_dwell]}}")
    config.write_text(
        config.read_text().replace("pattern://testsrc2", f"rtsp://127.0.0.1:{free_port()}/stream1")
        + "    other: {algorithm: silent, then: [{algorithm: tracker}], record: {on: [zone_entr]}}\n"
        + "    third: {algorithm: detector, params: {model: none.onnx}, record: {on: [zone_exit]}}\n"
    )
    done = edged("check", config)
    assert done.returncode == 1
    errors = [line for line in done.stderr.splitlines() if "warning" not in line]
    places = [line.removeprefix(f"{config}:").partition(": ") for line in errors]
    keys = ["moving.record.on.1", "moving.record.on.2", "third.record.on.0"]
    assert [rest.partition(": ")[0] for _, _, rest in places] == [f"spec.jobs.{key}" for key in keys]
    assert [place.partition(":")[0] for place, _, _ in places] == ["9", "9", "11"]
    assert 'did you mean "zone_enter"? (it sends line_cross, object_end,' in errors[0]
    assert 'zones sends "zone_dwell" (it has been inside for `dwell` seconds) only with' in errors[1]
    assert "zones does: put {algorithm: zones} into `then:` (it sends no events)" in errors[2]
    assert "params.model: warning: " in done.stderr, "what it sends is known without its model"


# ---- algos, new, schema ----


def test_algos_lists_the_others_beside_files_that_crash_the_process(tmp_path: Path) -> None:
    (tmp_path / "aborts.py").write_text("import os\nos.abort()\n")
    (tmp_path / "exits.py").write_text("import os\nos._exit(3)\n")
    (tmp_path / "good.py").write_text(
        "from edged import BaseAlgo\nclass Good(BaseAlgo):\n    def run(self, frames):\n        pass\n"
    )
    done = edged("algos", "--json", "--folder", tmp_path)
    errors = {card["name"]: card["error"] for card in json.loads(done.stdout)}
    assert done.returncode == 0
    assert errors["good"] == errors["detector"] == ""
    assert "crashes the process" in errors["aborts"]
    assert "crashes the process" in errors["exits"]


def test_algos_lists_what_jobs_can_name() -> None:
    listed = edged("algos")
    assert listed.returncode == 0
    assert {line.split()[0] for line in listed.stdout.splitlines()} >= {"detector", "motion"}
    one = edged("algos", "detector").stdout
    assert all(word in one for word in ("model", "score", "labels", "0.4", "returns"))
    assert "events   none" in one
    cards = json.loads(edged("algos", "--json").stdout)
    events = {card["name"]: card["events"] for card in cards}
    assert [event["type"] for event in events["tracker"]] == ["object_start", "object_end"]
    assert events["motion"] == []
    assert re.search(r"object_end +an object was not seen for", edged("algos", "tracker").stdout)
    assert any(card["name"] == "motion" and card["params"] for card in cards)


def test_an_algorithm_name_that_is_wrong_gets_the_nearest() -> None:
    done = edged("algos", "detektor")
    assert done.returncode == 1
    assert "did you mean detector?" in done.stderr


def test_a_new_algorithm_runs_as_it_is(tmp_path: Path) -> None:
    made = edged("new", "algorithm", "HeadCounter", "--folder", tmp_path)
    assert made.returncode == 0
    assert "algorithm: head_counter:HeadCounter" in made.stdout
    told = edged("algos", "head_counter:HeadCounter", "--folder", tmp_path)
    assert "threshold" in told.stdout, told.stderr
    checked = edged("check", write_config(tmp_path, algorithm="head_counter:HeadCounter"))
    assert (checked.returncode, checked.stderr) == (0, "")
    again = edged("new", "algorithm", "HeadCounter", "--folder", tmp_path)
    assert again.returncode == 1
    assert "already there" in again.stderr


@pytest.mark.parametrize("name", ["settings", "spec", "result", "event"])
def test_schemas_are_json_schemas(name: str) -> None:
    schema = json.loads(edged("schema", name).stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "properties" in schema


# ---- probe ----


def test_probe_tells_what_a_source_is(assets: Path) -> None:
    video = assets / "one-by-one-person-detection.mp4"
    told = edged("probe", video).stdout
    assert "h264" in told
    assert "768x432" in told
    report = json.loads(edged("probe", video, "--json").stdout)
    assert (report["width"], report["height"], report["fps"]) == (768, 432, 10.0)


def test_probe_says_why_not_without_the_password() -> None:
    done = edged("probe", f"rtsp://admin:geheim@127.0.0.1:{free_port()}/stream1")
    assert done.returncode == 1
    assert "nothing listens" in done.stderr
    assert "geheim" not in done.stdout + done.stderr


def test_ctrl_c_ends_a_command_quietly_and_its_child() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "edged", "probe", f"udp://127.0.0.1:{free_port()}", "--timeout", "60"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        child = wait_for_child(process.pid)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "")
    _, alive = psutil.wait_procs([child], timeout=20)
    assert not alive


def wait_for_child(pid: int) -> psutil.Process:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        children = psutil.Process(pid).children()
        if children:
            return children[0]
        time.sleep(0.01)
    raise AssertionError("no child was started")


# ---- doctor ----


def test_doctor_has_a_line_for_each_thing_and_a_broker_that_lets_us_in(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker") as broker:
        done = edged("doctor", write_config(tmp_path, port=broker.port))
    assert done.returncode == 0, done.stdout
    subjects = {line[6:18].strip() for line in done.stdout.splitlines() if line[:4].strip()}
    assert subjects >= {
        "CPU",
        "memory",
        "storage",
        "ONNX Runtime",
        "decoders",
        "kernel",
        "clock",
        "broker",
        "jobs",
    }
    assert "lets this device in, MQTT 5" in done.stdout
    assert "\x1b" not in done.stdout


def test_doctor_fails_on_a_broker_that_does_not(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "broker", users={"gate": "geheim"}) as broker:
        done = edged("doctor", write_config(tmp_path, port=broker.port))
    assert done.returncode == 1
    assert "fail  broker" in done.stdout
    assert "mqtt.username" in done.stdout


def test_a_second_daemon_does_not_start_beside_the_first(tmp_path: Path) -> None:
    with (
        Mosquitto(tmp_path / "broker") as broker,
        Subscriber(broker.port) as heard,
        Daemon(tmp_path, broker.port, {}) as first,
    ):
        heard.until("state")
        second = Daemon(tmp_path / "second", broker.port, {}, storage={"path": str(tmp_path / "state")})
        second.start()
        assert second.process is not None
        assert second.process.wait(20) == 1
        assert f"another edged (process {first.pid}) uses" in second.log
