"""The GStreamer RTSP server as a context manager that can be killed, frozen and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from tests.servers.lines import LineReader
from tests.servers.ports import free_port

_SCRIPT = Path(__file__).with_name("rtsp_server.py")
_SYSTEM_PYTHON = "/usr/bin/python3"
_START_S = 60.0
_ELEMENTS = "qtdemux h264parse rtph264pay x264enc jpegenc rtpjpegpay videotestsrc"


@dataclass(frozen=True, slots=True)
class Film:
    """A file (H.264 in mp4), played from its start for each client at the rate it was recorded at."""

    path: str
    file: Path

    def as_mount(self) -> dict[str, Any]:
        return {"path": self.path, "file": str(self.file.resolve())}


@dataclass(frozen=True, slots=True)
class Camera:
    """A live test pattern."""

    path: str
    codec: str = "h264"
    """h264 or jpeg."""
    size: tuple[int, int] = (640, 360)
    rate: int = 15
    keyint: int = 15

    def as_mount(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "codec": self.codec,
            "size": list(self.size),
            "rate": self.rate,
            "keyint": self.keyint,
        }


@dataclass(frozen=True, slots=True)
class Taker:
    """Takes what is pushed to it (RECORD)."""

    path: str

    def as_mount(self) -> dict[str, Any]:
        return {"path": self.path, "record": True}


@dataclass(slots=True)
class RtspServer:
    """``with RtspServer([Camera("/live")]) as server: open(server.url("/live"))``.

    Skips the test, saying why, where the system's Python has no GStreamer RTSP server.
    """

    mounts: Sequence[Film | Camera | Taker]
    user: str = ""
    password: str = ""
    digest: bool = False
    life_s: int = 600
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _lines: LineReader | None = field(default=None, repr=False)

    def __enter__(self) -> RtspServer:
        reason = missing_parts()
        if reason:
            pytest.skip(reason)
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def url(self, path: str, *, credentials: str = "") -> str:
        """``credentials`` as ``user:password``, escaped as a URL wants it."""
        at = f"{credentials}@" if credentials else ""
        return f"rtsp://{at}127.0.0.1:{self.port}{path}"

    def start(self) -> None:
        """Listen, at the same port as before. Also after `kill`."""
        process = subprocess.Popen(
            [_SYSTEM_PYTHON, str(_SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._process = process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(self._wanted()) + "\n")
        process.stdin.flush()
        self._lines = LineReader(process.stdout)
        self.port = int(self._lines.wait_for("port ", _START_S).split()[1])

    def kill(self) -> None:
        """SIGKILL: the connections break without a word. Harmless when it is dead already."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(10)
        assert self._process.stdin is not None
        assert self._lines is not None
        self._process.stdin.close()
        self._lines.close()
        self._process = None

    def freeze(self) -> None:
        """SIGSTOP: the connections stay open and nothing more comes over them."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def wait_for_client(self, for_s: float) -> None:
        """Until one more client came than this was called for."""
        assert self._lines is not None
        self._lines.wait_for("client", for_s)

    def wait_for_pictures(self, for_s: float) -> None:
        """Until ten more pictures were pushed to a `Taker` than this was called for."""
        assert self._lines is not None
        self._lines.wait_for("taken", for_s)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def _wanted(self) -> dict[str, Any]:
        return {
            "port": self.port,
            "life_s": self.life_s,
            "user": self.user,
            "password": self.password,
            "digest": self.digest,
            "mounts": [mount.as_mount() for mount in self.mounts],
        }


@cache
def missing_parts(elements: str = _ELEMENTS) -> str:
    """What of GStreamer is not installed, and how to; empty when all is there."""
    look = (
        "import gi\n"
        "for name in ('Gst', 'GstRtsp', 'GstRtspServer'): gi.require_version(name, '1.0')\n"
        "from gi.repository import Gst, GstRtspServer\n"
        "Gst.init(None)\n"
        f"wanted = {elements.split()!r}\n"
        "raise SystemExit(', '.join(n for n in wanted if not Gst.ElementFactory.find(n)) or 0)\n"
    )
    try:
        found = subprocess.run(
            [_SYSTEM_PYTHON, "-c", look], capture_output=True, text=True, timeout=60, check=False
        )
    except FileNotFoundError:
        return f"no GStreamer: there is no {_SYSTEM_PYTHON}"
    if found.returncode == 0:
        return ""
    return (
        f"no GStreamer RTSP server ({found.stderr.strip().splitlines()[-1]}): apt-get install"
        " gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-tools"
        " gstreamer1.0-plugins-{base,good,bad,ugly}"
    )
