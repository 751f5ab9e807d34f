"""The RTSP server and real players: ffprobe, ffmpeg, GStreamer, PyAV, over TCP and UDP."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import psutil
import pytest

from edged.output.rtsp import Login, connection
from tests.integration.rtsp_rig import LOGIN, RawClient, Rig, clip, digest, hurry, serving, until

PLAYER_S = 40.0
TRANSPORTS = ["tcp", "udp"]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run(command, capture_output=True, text=True, timeout=PLAYER_S, check=False)


def frames(url: str, count: int, transport: str = "tcp") -> list[str]:
    """The digests of what PyAV sees. It reads first and decodes then: so it keeps up on a busy machine."""
    options = {"rtsp_transport": transport}
    with av.open(url, options=options, timeout=(30.0, 30.0)) as container:
        packets = [packet for _, packet in zip(range(count), container.demux(video=0), strict=False)]
        decoded = [frame for packet in packets for frame in packet.decode()]
        decoded += container.streams.video[0].decode(None)
        return [digest(frame) for frame in decoded]


def assert_seen_as_given(rig: Rig, seen: list[str]) -> None:
    """From a keyframe on, every picture, in order, to the last bit."""
    film = rig.encoder.film
    given = [film.digests[place] for place in rig.encoder.given]
    for begin, place in enumerate(rig.encoder.given):
        if film.is_key(place) and given[begin : begin + len(seen)] == seen:
            return
    raise AssertionError(
        f"not what was given: {[film.digests.index(one) for one in seen if one in film.digests]}"
    )


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_ffprobe_knows_the_stream(transport: str) -> None:
    with serving() as rig:
        done = run(
            "ffprobe", "-v", "warning", "-rtsp_transport", transport, "-of", "csv=p=0",
            "-show_entries", "stream=codec_name,width,height", rig.url(),
        )  # fmt: skip
        assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "h264,320,240", "")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_ffmpeg_plays(transport: str) -> None:
    with serving() as rig:
        done = run(
            "ffmpeg", "-v", "error", "-rtsp_transport", transport, "-i", rig.url(),
            "-frames:v", "30", "-f", "framemd5", "-",
        )  # fmt: skip
        lines = [line for line in done.stdout.splitlines() if not line.startswith("#")]
        assert (done.returncode, len(lines), done.stderr) == (0, 30, "")


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("login", [None, LOGIN])
def test_gstreamer_sees_every_picture_to_the_last_bit(
    transport: str, login: Login | None, tmp_path: Path
) -> None:
    """Its exit status says nothing: 1.22 now and then fails to send PAUSE at its own end."""
    with serving(login=login) as rig:
        user = [f"user-id={LOGIN.username}", f"user-pw={LOGIN.password}"] if login else []
        raw = tmp_path / "raw"
        done = run(
            "gst-launch-1.0", "-q", "rtspsrc", f"location={rig.url()}", f"protocols={transport}", *user, "!",
            "rtph264depay", "!", "h264parse", "!", "avdec_h264", "!", "video/x-raw,format=I420", "!",
            "identity", "eos-after=40", "!", "filesink", f"location={raw}",
        )  # fmt: skip
        data, size = raw.read_bytes(), 320 * 240 * 3 // 2
        assert len(data) >= 30 * size, done.stderr
        pictures = [data[begin : begin + size] for begin in range(0, len(data), size)]
        assert_seen_as_given(rig, [hashlib.md5(one, usedforsecurity=False).hexdigest() for one in pictures])
        assert until(lambda: rig.server.view("gate").viewers == 0)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_pyav_sees_every_picture_to_the_last_bit(transport: str) -> None:
    with serving() as rig:
        seen = frames(rig.url(), 45, transport)
        assert len(seen) == 45
        assert_seen_as_given(rig, seen)
        view = rig.server.view("gate")
        assert view.dropped == 0
        assert view.sent_bytes > view.sent * 100


def test_the_right_login_plays_and_a_wrong_one_does_not() -> None:
    with serving(login=LOGIN) as rig:
        assert len(frames(rig.url(login="viewer:s3cr:t@"), 5)) == 5
        with pytest.raises(av.error.HTTPUnauthorizedError):
            frames(rig.url(login="viewer:wrong@"), 5)
        with pytest.raises(av.error.HTTPUnauthorizedError):
            frames(rig.url(), 5)


def test_an_output_that_is_not_there_is_not_found() -> None:
    with serving() as rig, pytest.raises(av.error.HTTPNotFoundError):
        frames(rig.url("yard"), 1)


def test_five_viewers_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """At different times, by different ways; each sees every picture, and the encoder rests at the end."""
    hurry(monkeypatch)
    with serving() as rig:

        def look(number: int) -> list[str]:
            time.sleep(number * 0.3)
            return frames(rig.url(), 30 + 10 * number, TRANSPORTS[number % 2])

        with ThreadPoolExecutor(5) as pool:
            for number, seen in enumerate(pool.map(look, range(5))):
                assert len(seen) == 30 + 10 * number
                assert_seen_as_given(rig, seen)
        assert max(count for _, count in rig.encoder.said) >= 3
        assert until(lambda: rig.encoder.said[-1] == ("gate", 0))
        resting = len(rig.encoder.given)
        assert 1 <= rig.encoder.wanted_keyframes <= 8, "those who come together share one"
        time.sleep(0.3)
        assert len(rig.encoder.given) == resting


def test_who_stops_reading_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "STUCK_S", 3.0)
    film = clip(1280, 720, kbps=20_000)
    with serving(film) as rig, RawClient(rig, receive_buffer=4096) as stuck:
        stuck.play()
        seen = frames(rig.url(), 90)
        assert len(seen) == 90
        assert_seen_as_given(rig, seen)
        assert until(lambda: rig.server.view("gate").dropped > 0)
        assert until(lambda: rig.server.view("gate").viewers == 0), "closed at last"
        assert rig.server.dropped == 0


def test_a_slow_viewer_goes_on_at_a_keyframe() -> None:
    """What it gets after the drop decodes: its packets begin a GOP, and the gap shows in the numbers."""
    film = clip(1280, 720, kbps=20_000)
    with serving(film) as rig, RawClient(rig, receive_buffer=4096) as slow:
        slow.play()
        assert until(lambda: rig.server.view("gate").dropped > 0)
        kinds, gaps, last = [], 0, None
        end = time.monotonic() + 20.0
        while time.monotonic() < end and not gaps:
            message = slow.message()
            assert isinstance(message, tuple)
            if message[0] != 0:
                continue
            number = int.from_bytes(message[1][2:4], "big")
            if last is not None and number != (last + 1) & 0xFFFF:
                gaps += 1
                kinds.append(message[1][12] & 0x1F)
            last = number
        assert gaps == 1
        assert kinds == [24], "SPS and PPS, then the keyframe"


def test_a_player_that_is_killed_is_noticed() -> None:
    with serving() as rig:
        if shutil.which("ffmpeg") is None:
            pytest.skip("ffmpeg is not installed")
        player = subprocess.Popen(
            ["ffmpeg", "-v", "quiet", "-rtsp_transport", "tcp", "-i", rig.url(), "-f", "null", "-"]
        )
        try:
            assert until(lambda: rig.server.view("gate").viewers == 1)
        finally:
            player.kill()
            player.wait()
        assert until(lambda: rig.server.view("gate").viewers == 0)


def test_nobody_there_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's thread sleeps until somebody connects: no wake-ups, whatever is given."""
    hurry(monkeypatch)
    with serving() as rig:
        frames(rig.url(), 3)
        assert until(lambda: rig.encoder.said[-1] == ("gate", 0))
        time.sleep(0.2)
        thread = next(one for one in threading.enumerate() if one.name == "rtsp")
        before = cpu_s(thread.native_id)
        switches = switched(thread.native_id)
        for number in range(100):
            rig.server.give("gate", clip().units[0], number * 3000, keyframe=True)
        time.sleep(1.5)
        assert cpu_s(thread.native_id) == before
        assert switched(thread.native_id) == switches


def test_an_answer_that_is_held_costs_nothing() -> None:
    """While DESCRIBE waits for an encoder the thread looks now and then, it does not spin."""
    with serving() as rig, RawClient(rig) as client:
        rig.encoder.mute = True
        thread = next(one for one in threading.enumerate() if one.name == "rtsp")
        before = cpu_s(thread.native_id)
        assert client.ask("DESCRIBE").status == 503
        assert cpu_s(thread.native_id) - before < 1.0, "of 5 s"


def cpu_s(thread: int | None) -> float:
    """Used by one thread of this process."""
    return next(one.user_time + one.system_time for one in psutil.Process().threads() if one.id == thread)


def switched(thread: int | None) -> str:
    """The lines of /proc that count how often a thread was run."""
    with open(f"/proc/self/task/{thread}/status", encoding="ascii") as status:  # noqa: PTH123 - not a file
        return "".join(line for line in status if "ctxt_switches" in line)
