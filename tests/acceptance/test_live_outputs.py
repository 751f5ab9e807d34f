"""Live pictures of the daemon as users run it: statuses, the login, and what is never said."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import av
import av.error
import pytest

from tests.servers.daemon import PATTERN, TICKS, Daemon, Subscriber
from tests.servers.mosquitto import Mosquitto

SPEC = {
    "sources": {"gate": {"url": PATTERN}},
    "jobs": {"t": TICKS},
    "outputs": {"gate": {"source": "gate"}, "web": {"source": "gate", "to": "mjpeg"}},
}


def settings(password: str) -> dict[str, Any]:
    return {"live": {"host": "127.0.0.1", "rtsp_port": 0, "http_port": 0, "password": password}}


def with_login(url: str, login: str) -> str:
    return url.replace("://", f"://{login}@")


def see(url: str, count: int) -> int:
    with av.open(url, options={"rtsp_transport": "tcp"}, timeout=(15.0, 15.0)) as container:
        return sum(1 for _ in zip(range(count), container.decode(video=0), strict=False))


def url_of(ears: Subscriber, output: str, since_s: float = 0.0) -> str:
    status = ears.until(f"output/{output}/status", lambda status: bool(status.get("url")), since_s=since_s)
    return str(status.content["url"])


def seen_again(ears: Subscriber, login: str, since_s: float) -> str:
    """The newest url that shows pictures to that login; a reload takes another free port."""
    deadline = time.monotonic() + 30
    while True:
        url_of(ears, "gate", since_s)
        urls = [one.content.get("url") for one in ears.messages("output/gate/status", since_s)]
        url = next(filter(None, reversed(urls)))
        try:
            assert see(with_login(url, login), 5) == 5
            return str(url)
        except av.error.FFmpegError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_who_knows_the_password_sees_and_a_reload_changes_it(tmp_path: Path, broker: Mosquitto) -> None:
    box = Daemon(tmp_path / "box", broker.port, SPEC, **settings("s3cret"))
    with Subscriber(broker.port) as ears, box as daemon:
        url = url_of(ears, "gate")
        with pytest.raises(av.error.HTTPUnauthorizedError):
            see(url, 1)
        assert see(with_login(url, "viewer:s3cret"), 20) == 20
        live = ears.until("output/gate/status", lambda status: status["state"] == "live").content
        assert (live["encoder"], live["width"], live["height"]) == ("libx264", 320, 240)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(url_of(ears, "web") + ".jpg", timeout=15)
        began = time.monotonic()
        daemon._settings.update(settings("an0ther"))
        daemon.reload(SPEC)
        url = seen_again(ears, "viewer:an0ther", began)
        with pytest.raises(av.error.HTTPUnauthorizedError):
            see(with_login(url, "viewer:s3cret"), 1)
        seqs = [one.content["seq"] for one in ears.results("t", "gate")]
        assert seqs == list(range(1, len(seqs) + 1)), "jobs notice nothing"
        daemon.stop()
        assert "gate: rtsp://127.0.0.1:" in daemon.log
        assert "web: http://127.0.0.1:" in daemon.log
        said = daemon.log.encode() + b"".join(one.payload for one in ears.heard)
        assert b"s3cret" not in said
        assert b"an0ther" not in said


def test_an_output_that_cannot_be_is_told_and_the_others_are_served(
    tmp_path: Path, broker: Mosquitto
) -> None:
    outputs = {**SPEC["outputs"], "up": {"source": "gate", "to": "rtmp://127.0.0.1/${env:EDGED_NOT_SET}"}}
    box = Daemon(tmp_path / "box", broker.port, {**SPEC, "outputs": outputs}, **settings("s3cret"))
    with Subscriber(broker.port) as ears, box:
        failed = ears.until("output/up/status", lambda status: status["state"] == "failed").content
        assert "EDGED_NOT_SET" in failed["error"]
        assert see(with_login(url_of(ears, "gate"), "viewer:s3cret"), 3) == 3
