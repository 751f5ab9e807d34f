"""docs/mqtt.md does what it says: its lines are typed, and what comes out compared, on MQTT 5 and 3.1.1."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.integration.clips import Clip, make_clip
from tests.pages import Block, blocks, differences, documents, named_in
from tests.servers.daemon import Daemon
from tests.servers.mosquitto import Mosquitto, free_port

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "mqtt.md"
SAMPLES = ROOT / "config" / "mosquitto"
SECURITY = "TLS, certificates and access rules"
PROTOCOLS = {"5": "5", "3.1.1": "311"}
"""As edged and as Mosquitto's clients name them."""
STEADY_S = 15.0
"""Counters come every ten seconds."""
_BESIDE = 3
BLOCKS = blocks(PAGE)


@dataclass(frozen=True)
class Terminal:
    """Where somebody types what the page says."""

    folder: Path
    port: int
    protocol: str
    is_plain: bool = False
    """The same lines without TLS."""

    def run(self, block: Block | str) -> str:
        """What it printed. It ends well, and in seconds."""
        text = block if isinstance(block, str) else block.text
        exported = "" if isinstance(block, str) else exports_before(block)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.local(exported + text)],
            cwd=self.folder,
            env={**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def local(self, text: str) -> str:
        """The same for this test's broker and folder."""
        version = PROTOCOLS[self.protocol]
        if self.is_plain:
            text = re.sub(r" --cafile ca\.crt| --ca ca\.crt|, ca: \S+(?=,)", "", text).replace(
                "mqtts://", "mqtt://"
            )
        for pattern, here in {
            r"-h broker\.example( -p \d+)?": f"-h 127.0.0.1 -p {self.port} -V {version}",
            r"(mqtts?://)broker\.example": rf"\g<1>127.0.0.1:{self.port}",
            r"DNS:broker\.example": "IP:127.0.0.1",
            r"/etc/(mosquitto|edged)/|/var/lib/(mosquitto|edged)/": f"{self.folder}/",
        }.items():
            text = re.sub(pattern, here, text)
        return text

    def make(self) -> None:
        """Its folder, with ``edged`` on the PATH and the files of the page."""
        program = self.folder / "bin" / "edged"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m edged "$@"\n')
        program.chmod(0o755)
        for block in BLOCKS:
            if block.language == "yaml" and (name := re.match(r"# (\w+\.yaml)", block.text)) is not None:
                (self.folder / name[1]).write_text(self.local(block.text))

    def daemon(
        self,
        mqtt: Mapping[str, Any],
        environment: dict[str, str] | None = None,
        outputs: Mapping[str, Any] | None = None,
    ) -> Daemon:
        """The device of the page, connected as ``mqtt`` says, and with ``outputs``."""
        settings = YAML(typ="safe").load(self.folder / "gate.yaml")
        settings["mqtt"] = {**settings["mqtt"], **mqtt, "protocol": self.protocol}
        settings["spec"]["outputs"] = dict(outputs or {})
        settings["live"] = {"rtsp_port": 0, "http_port": 0}
        return Daemon(self.folder / "device", 0, settings.pop("spec"), environment=environment, **settings)


def exports_before(block: Block) -> str:
    """What was exported in the same terminal before."""
    before = [other for other in BLOCKS if other.language == "sh" and other.line < block.line]
    lines = "".join(other.text for other in before).splitlines(keepends=True)
    return "".join(line for line in lines if line.startswith("export "))


def settings_of(comment: str) -> str:
    """The `yaml` block that begins with this."""
    (found,) = [block.text for block in BLOCKS if block.text.startswith(f"# {comment}\n")]
    return found


TO_TYPE = [block for block in BLOCKS if block.language == "sh"]


def at_once(cases: Iterable[Callable[[], None]]) -> None:
    """All of them beside each other: each waits most of the time."""
    with ThreadPoolExecutor(_BESIDE) as pool:
        errors = [error for case in [pool.submit(case) for case in cases] if (error := case.exception())]
    if errors:
        raise BaseExceptionGroup("not as the page says", errors)


# ---- the devices of the page ----


@pytest.fixture(scope="module", autouse=True)
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Terminal]]:
    """By protocol: a broker, and the device of the page. First, so that its counters come in time."""
    terminals = {}
    with ExitStack() as stack:
        for protocol in PROTOCOLS:
            folder = tmp_path_factory.mktemp("plain")
            broker = stack.enter_context(Mosquitto(folder / "broker"))
            terminals[protocol] = terminal = Terminal(folder, broker.port, protocol)
            terminal.make()
            (folder / "media").mkdir()
            make_clip(folder / "media" / "yard.mp4", Clip(frames=200, fps=20, gop=20))
            stack.enter_context(terminal.daemon({}))
        yield terminals


def test_nothing_of_the_page_is_left_out() -> None:
    assert {block.language for block in BLOCKS} == {"sh", "json", "yaml"}
    assert len([block for block in BLOCKS if block.follows and block.follows.language == "sh"]) >= 12


# ---- with TLS and access rules, on the sample files ----


class Sampled(Mosquitto):
    """A broker with a file of config/mosquitto, its paths and port changed."""

    def __init__(self, terminal: Terminal, name: str) -> None:
        super().__init__(terminal.folder / "broker")
        self.port = terminal.port
        text = terminal.local((SAMPLES / name).read_text())
        text = re.sub(r"^listener \d+", f"listener {self.port} 127.0.0.1", text, flags=re.MULTILINE)
        self._lines = [*(["user root"] if os.geteuid() == 0 else []), *text.splitlines()]


def denied(broker: Mosquitto) -> list[str]:
    """The topics on which something was refused, in order."""
    return re.findall(r"Denied PUBLISH from .*?'(.*?)'", broker.log)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the page makes: certificates and passwords."""
    terminal = Terminal(tmp_path_factory.mktemp("material"), 0, "5")
    for block in TO_TYPE:
        if re.search(r"^(certificate|mosquitto_passwd) ", block.text, re.MULTILINE):
            terminal.run(block)
    shutil.copy(SAMPLES / "acl", terminal.folder)
    (terminal.folder / "acl").chmod(0o600)
    return terminal.folder


WITH_PASSWORD = "-p 8883 --cafile ca.crt -u {0} -P secret-of-{0}"
WITH_CERTIFICATE = "-p 8883 --cafile ca.crt --cert {0}.crt --key {0}.key"
NOT_OF_GATE_01 = ("gate-02/state", "gate-02/cmd/ping", "gate-01/cmd/ping", "gate-01/desired", "@all/cmd/ping")


def test_access_rules(material: Path, tmp_path: Path) -> None:
    cases = [(sample, protocol) for sample in ("tls.conf", "mutual-tls.conf") for protocol in PROTOCOLS]
    at_once(
        partial(check_access, material, tmp_path / f"{sample}-{protocol}", sample, protocol)
        for sample, protocol in [*cases, ("plain.conf", "3.1.1")]
    )


def check_access(material: Path, folder: Path, sample: str, protocol: str) -> None:
    """A device, its fleet, a dashboard, and a device that does not keep to the rules."""
    terminal = Terminal(folder, free_port(), protocol, is_plain=sample == "plain.conf")
    shutil.copytree(material, folder)
    terminal.make()
    login = WITH_CERTIFICATE if sample == "mutual-tls.conf" else WITH_PASSWORD
    connected = settings_of("with a certificate" if login == WITH_CERTIFICATE else "with a password")
    mqtt = YAML(typ="safe").load(terminal.local(connected))["mqtt"]
    device = terminal.daemon(
        {**mqtt, "discovery": "homeassistant"},
        {"EDGED_MQTT_PASSWORD": "secret-of-gate-01"},
        {"gate": {"source": "gate"}},  # its status is said before the fleet has a spec of its own
    )
    with Sampled(terminal, sample) as broker, device:
        fleet, dashboard = (
            [block for block in TO_TYPE if login.format(user) in block.text]
            for user in ("fleet", "dashboard")
        )
        for block in fleet:
            terminal.run(block)
        sees = f"mosquitto_sub -h broker.example {login.format('fleet')} -W 20 -C 1 -t"
        announced = terminal.run(f"{sees} homeassistant/device/edged_v1_gate-01/config")
        assert json.loads(announced)["components"]
        assert denied(broker) == [], "the device and its fleet may do all that they want to"
        for block in dashboard:
            terminal.run(block)
        assert denied(broker) == ["edged/v1/gate-01/cmd/pause"]
        for topic in NOT_OF_GATE_01:
            speaks = f"mosquitto_pub -h broker.example {login.format('gate-01')} -q 1 -m {{}}"
            terminal.run(f"{speaks} -t edged/v1/{topic}")
            assert denied(broker)[-1] == f"edged/v1/{topic}"
        assert json.loads(terminal.run(f"{sees} edged/v1/gate-01/job/moving/status"))["state"] == "running"


# ---- every line, on a plain broker: last, so that its devices' counters are there ----


def test_the_page_does_what_it_says(plain: dict[str, Terminal]) -> None:
    at_once(partial(type_all, terminal) for terminal in plain.values())


def type_all(terminal: Terminal) -> None:
    """Every line of the page but those on security, and what comes out."""
    for block in TO_TYPE:
        if block.section == SECURITY or (terminal.protocol != "5" and block.text.startswith("# MQTT 5")):
            continue
        shown = next((other for other in BLOCKS if other.language == "json" and other.follows is block), None)
        wrong = list(compare(block, shown, terminal.run(block)))
        until_s = time.monotonic() + STEADY_S
        while wrong and is_looking(block) and time.monotonic() < until_s:
            time.sleep(0.2)
            wrong = list(compare(block, shown, terminal.run(block)))
        assert not wrong, f"{PAGE.name}:{block.line}: {'; '.join(wrong)}"


def compare(block: Block, shown: Block | None, printed: str) -> Iterator[str]:
    """What is not as the page shows it."""
    if shown is None:
        return
    wanted, came = documents(shown.text), documents(printed)
    assert wanted, f"{PAGE.name}:{shown.line} shows nothing"
    if len(wanted) != len(came):
        yield f"{len(came)} objects instead of {len(wanted)}: {printed}"
        return
    for one, other in zip(wanted, came, strict=True):
        yield from differences(one, other, named_in(PAGE, block.section))


def is_looking(block: Block) -> bool:
    """It asks for nothing, so it may be looked at again."""
    return all(line.startswith("mosquitto_sub ") for line in block.text.splitlines())
