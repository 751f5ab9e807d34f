"""Live pictures of the daemon as users run it: statuses, the login, and what is never said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from shutil import which
from typing import Any

import av
import av.error
import pytest

from tests import browser
from tests.servers.daemon import ALGORITHMS, PATTERN, TICKS, Daemon, Subscriber
from tests.servers.fleet import Fleet
from tests.servers.mosquitto import Mosquitto
from tests.servers.rtsp import Camera, RtspServer

RATE = 15
SPEC = {
    "sources": {"gate": {"url": PATTERN}},
    "jobs": {"t": TICKS},
    "outputs": {"gate": {"source": "gate"}, "web": {"source": "gate", "to": "mjpeg"}},
}


def settings(password: str) -> dict[str, Any]:
    live = {"host": "127.0.0.1", "rtsp_port": 0, "http_port": 0, "password": password}
    return {"live": live, "algorithms": [ALGORITHMS]}


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
        check_numbers(ears)
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


def counters(fleet: Fleet, *, after: int = 0) -> dict[str, Any]:
    """The status of the source, as it is once more than so many frames came."""
    deadline = time.monotonic() + 60
    while True:
        status: dict[str, Any] = fleet.command("get", what="stats")["data"]["source"]["gate"]
        if status["frames"] > after:
            return status
        assert time.monotonic() < deadline, status
        time.sleep(0.2)


def rates(fleet: Fleet) -> dict[str, float]:
    """Of each frame that comes in the next four seconds, how many are decoded and copied."""
    one = counters(fleet)
    other = counters(fleet, after=one["frames"] + 4 * RATE)
    frames = other["frames"] - one["frames"]
    return {key: (other[key] - one[key]) / frames for key in ("decoded", "copied")}


def player(url: str, transport: str) -> subprocess.Popen[bytes]:
    words = ["ffmpeg", "-v", "error", "-rtsp_transport", transport, "-i", url, "-f", "null", "-"]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_camera_is_decoded_and_copied_more_only_while_somebody_looks(
    tmp_path: Path, broker: Mosquitto
) -> None:
    """Five players come and go, one of them stops reading; the sixth sees all of it."""
    if which("ffmpeg") is None:
        pytest.skip("no ffmpeg: apt-get install ffmpeg")
    with RtspServer([Camera("/a", size=(320, 240), rate=RATE)]) as camera:
        keyframes = {"algorithm": "ticks", "sampling": {"interval": 1, "on": "keyframes"}}
        spec = {
            "sources": {"gate": {"url": camera.url("/a")}},
            "jobs": {"t": keyframes},
            "outputs": {"gate": {"source": "gate"}},
        }
        box = Daemon(tmp_path / "box", broker.port, spec, **settings("s3cret"))
        with Subscriber(broker.port) as ears, box, Fleet(broker.port, ears) as fleet:
            url = with_login(url_of(ears, "gate"), "viewer:s3cret")
            ears.until("source/gate/status", lambda status: status["state"] == "running")
            before = rates(fleet)
            assert before["decoded"] < 0.2, "keyframes only"
            assert before["copied"] < 0.2
            players = [player(url, transport) for transport in ("tcp", "udp", "tcp", "udp", "tcp")]
            try:
                ears.until("output/gate/status", lambda status: status["viewers"] == 5, within_s=40)
                os.kill(players[0].pid, signal.SIGSTOP)
                assert see(url, 60) == 60, "who stops reading holds up nobody"
                during = rates(fleet)
                assert min(during.values()) > 0.9
            finally:
                for each in players:
                    each.kill()
                    each.wait(10)
            began = time.monotonic()
            ears.until(
                "output/gate/status", lambda status: status["state"] == "idle", since_s=began, within_s=40
            )
            until_s = time.monotonic() + 60
            while max((after := rates(fleet)).values()) >= 0.2:
                assert time.monotonic() < until_s, after
            check_numbers(ears)


def check_numbers(ears: Subscriber) -> None:
    seqs = [one.content["seq"] for one in ears.results("t", "gate")]
    assert seqs
    assert seqs == list(range(1, len(seqs) + 1)), "jobs notice nothing"


@pytest.mark.parametrize("kind", ["clip", "segment"])
def test_what_the_daemon_recorded_of_a_camera_plays_everywhere(
    kind: str, tmp_path: Path, broker: Mosquitto
) -> None:
    with RtspServer([Camera("/a", size=(320, 240), rate=15)]) as camera:
        source = {"url": camera.url("/a"), "buffer": 3, "record": {"segment": 5}}
        spec = {"sources": {"gate": source}, "jobs": {}, "outputs": {}}
        folder = tmp_path / "disk"
        box = Daemon(tmp_path / "box", broker.port, spec, recordings={"path": str(folder)})
        with Subscriber(broker.port) as ears, box, Fleet(broker.port, ears) as fleet:
            ears.until("source/gate/status", lambda status: status["state"] == "running")
            answer = fleet.command("record", source="gate", before=1, after=6)
            assert answer["status"] == "ok", answer
            listed = fleet.command("get", what="recordings")["data"]["recordings"]
            file = next(each for each in listed if each["kind"] == kind and not each.get("open"))
        path = folder / file["file"]
    with av.open(str(path)) as container:
        frames = [frame.time for frame in container.decode(video=0)]
    lasts_s = frames[-1] - frames[0]
    assert len(frames) > 15
    if which("ffprobe"):
        words = ["ffprobe", "-v", "warning", "-of", "json", "-show_format", "-count_frames", "-show_streams"]
        probed = subprocess.run([*words, str(path)], capture_output=True, text=True, timeout=60, check=True)
        assert not probed.stderr
        said = json.loads(probed.stdout)
        assert int(said["streams"][0]["nb_read_frames"]) == len(frames)
        assert abs(float(said["format"]["duration"]) - lasts_s) < 0.5
    shown = browser.play(path)
    assert not shown.error
    assert (shown.width, shown.height) == (320, 240)
    assert abs(shown.shown - lasts_s) < 0.5
    assert shown.frames > 0.7 * len(frames)
