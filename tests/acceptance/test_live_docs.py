"""docs/live.md does what it says: its lines are typed, with the players that it names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest
from ruamel.yaml import YAML

from tests.pages import Block, blocks, differences, documents, named_in
from tests.servers.daemon import Daemon, Subscriber
from tests.servers.mosquitto import Mosquitto, free_port

PAGE = Path(__file__).resolve().parents[2] / "docs" / "live.md"
BLOCKS = blocks(PAGE)
PASSWORD = "s3cret-of-live"
PLAYERS = ("ffprobe", "ffmpeg", "gst-launch-1.0", "curl", "mosquitto_sub")


@pytest.fixture
def ports(tmp_path: Path, broker: Mosquitto) -> Iterator[dict[str, int]]:
    """The device of the page, on loopback; by port of the page, the one here."""
    here = {"8554": free_port(), "8555": free_port()}
    (page,) = [block.text for block in BLOCKS if block.language == "yaml"]
    settings = YAML(typ="safe").load(page)
    settings["live"] |= {"host": "127.0.0.1", "rtsp_port": here["8554"], "http_port": here["8555"]}
    settings["mqtt"] = {"url": f"mqtt://127.0.0.1:{broker.port}"}
    box = Daemon(
        tmp_path / "box",
        broker.port,
        settings.pop("spec"),
        environment={"EDGED_LIVE_PASSWORD": PASSWORD},
        **settings,
    )
    with Subscriber(broker.port, "edged/v1/gate-01/#") as ears, box:
        deadline_s = time.monotonic() + 20
        while not any(b'"url":"http' in one.payload for one in ears.heard):
            assert time.monotonic() < deadline_s, "it listens nowhere"
            time.sleep(0.05)
        yield here


def test_the_page_does_what_it_says(ports: dict[str, int], tmp_path: Path, broker: Mosquitto) -> None:
    missing = [player for player in PLAYERS if which(player) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    program = tmp_path / "bin" / "edged"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m edged "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"

    def run(block: Block) -> str:
        text = block.text.replace("-h broker.example", f"-h 127.0.0.1 -p {broker.port}")
        text = text.replace("broker.example", f"127.0.0.1:{broker.port}")
        text = re.sub(r"gate-01:(855\d)", lambda found: f"127.0.0.1:{ports[found[1]]}", text)
        # curl ends with 28 where its time is over, as the page has it
        done = subprocess.run(
            ["bash", "-eu", "-c", text],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "PATH": path, "EDGED_LIVE_PASSWORD": PASSWORD},
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    told = {block.line: run(block) for block in BLOCKS if block.language == "sh"}
    said = "".join(told.values())
    assert "codec_name=h264\nwidth=1280\nheight=720\n" in said
    assert int(re.findall(r"^(\d+)$", said, re.MULTILINE)[0]) >= 5, "pictures in two seconds"
    assert (tmp_path / "web.jpg").read_bytes().startswith(b"\xff\xd8")
    shown = [block for block in BLOCKS if block.language == "json"]
    for block in shown:
        assert block.follows is not None
        (wanted,), came = documents(block.text), documents(told[block.follows.line])
        assert came
        named = named_in(PAGE, block.section)
        assert not [*differences(wanted, came[-1], named)], came
    assert len(shown) == 2
