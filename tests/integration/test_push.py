"""Live pictures pushed to servers: a real RTSP server that records, and FFmpeg that takes RTMP."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.device_rig import PATTERN, Rig, rig
from tests.servers.ports import free_port
from tests.servers.rtsp import RtspServer, Taker

WITHIN_S = 40.0


def newest(made: Rig, output: str) -> dict[str, Any]:
    return (made.all(f"output/{output}/status") or [None])[-1] or {}


def test_a_push_reaches_an_rtsp_server_and_comes_back_after_it() -> None:
    async def play() -> None:
        with RtspServer([Taker("/taken")]) as server:
            async with rig() as made:
                made.apply({"cam": PATTERN}, {}, {"up": {"source": "cam", "to": server.url("/taken")}})
                await asyncio.to_thread(server.wait_for_pictures, WITHIN_S)
                await made.until(lambda: newest(made, "up").get("state") == "live", WITHIN_S)
                assert newest(made, "up")["viewers"] == 1
                server.kill()
                await made.until(lambda: newest(made, "up").get("state") == "retrying", WITHIN_S)
                assert "rtsp://127.0.0.1" in newest(made, "up")["error"]
                server.start()
                await asyncio.to_thread(server.wait_for_pictures, WITHIN_S)
                await made.until(lambda: newest(made, "up").get("state") == "live", WITHIN_S)

    asyncio.run(play())


def test_a_push_with_a_login_tells_nobody_the_password() -> None:
    async def play() -> None:
        with RtspServer([Taker("/taken")], user="up", password="s3cret") as server:
            async with rig() as made:
                url = server.url("/taken", credentials="up:wr0ng")
                made.apply({"cam": PATTERN}, {}, {"up": {"source": "cam", "to": url}})
                await made.until(lambda: newest(made, "up").get("state") == "retrying", WITHIN_S)
                assert not any(b"wr0ng" in said for said in made.publisher.said["output/up/status"])
                url = server.url("/taken", credentials="up:s3cret")
                made.apply({"cam": PATTERN}, {}, {"up": {"source": "cam", "to": url}})
                await asyncio.to_thread(server.wait_for_pictures, WITHIN_S)
                assert not any(b"s3cret" in said for said in made.publisher.said["output/up/status"])

    asyncio.run(play())


def test_a_push_reaches_an_rtmp_server(tmp_path: Path) -> None:
    async def play() -> None:
        if shutil.which("ffmpeg") is None:
            pytest.skip("ffmpeg is not installed")
        url, taken = f"rtmp://127.0.0.1:{free_port()}/app/key", tmp_path / "taken.flv"
        taker = subprocess.Popen(
            ["ffmpeg", "-v", "error", "-listen", "1", "-i", url, "-frames:v", "30", "-c", "copy", str(taken)],
            stdin=subprocess.DEVNULL,
        )
        try:
            async with rig() as made:
                made.apply({"cam": PATTERN}, {}, {"up": {"source": "cam", "to": url, "fps": 20}})
                assert await asyncio.to_thread(taker.wait, WITHIN_S) == 0
                assert taken.stat().st_size > 1000
        finally:
            taker.kill()
            taker.wait(10)

    asyncio.run(play())


def test_a_server_that_says_nothing_holds_up_no_other_output() -> None:
    """The push hangs where no limit of FFmpeg's reaches; its process is ended, and no other."""

    async def play() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent, RtspServer([Taker("/taken")]) as server:
            async with rig() as made:
                hung = f"rtmp://127.0.0.1:{silent.getsockname()[1]}/app/key"
                outputs = {
                    "hung": {"source": "cam", "to": hung},
                    "up": {"source": "cam", "to": server.url("/taken")},
                }
                made.apply(
                    {"cam": PATTERN}, {"t": {"algorithm": "ticks", "sampling": {"interval": 0.5}}}, outputs
                )
                await asyncio.to_thread(server.wait_for_pictures, WITHIN_S)
                await made.until(lambda: newest(made, "hung").get("state") == "retrying", WITHIN_S)
                assert "silent past its deadline" in newest(made, "hung")["error"]
                assert newest(made, "up")["state"] == "live"
                assert all(one["state"] != "retrying" for one in made.all("output/up/status"))
                seqs = [one["seq"] for one in made.all("job/t/cam/result")]
                assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))

    asyncio.run(play())
