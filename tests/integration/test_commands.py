"""Commands with what they stand on: real probes, and a daemon's end in mid-command."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from edged.app.processes import PROBE
from edged.control.commands.probe import SourceProber
from edged.control.commands.request import CommandFailed
from edged.settings import Loaded, parse_settings
from edged.supervise.supervisor import Supervisor
from tests.unit.control.commands.desk_rig import Effects, rig

REPOSITORY = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def supervisor() -> AsyncIterator[Supervisor]:
    made = Supervisor(log_level="ERROR")
    ticking = asyncio.create_task(made.run())
    try:
        yield made
        assert not ticking.done(), ticking.exception()
    finally:
        ticking.cancel()
        made.kill_all()
        await made.stop_all(up_to=99)


def device(folder: Path) -> Loaded:
    settings = {"device": "box", "media": ["media"], "spec": {"sources": {}, "jobs": {}}}
    return parse_settings(json.dumps(settings), file="edged.yaml", folder=folder)


async def gone(children: Supervisor) -> None:
    """Waits until no probe is left."""
    async with asyncio.timeout(10):
        while children.pids():
            await asyncio.sleep(0.02)


def test_probes_beside_each_other_and_what_hangs_is_ended_with_its_command(tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    os.mkfifo(media / "film.mp4")  # nobody writes: open(2) waits for ever

    async def scenario() -> None:
        async with supervisor() as children:
            prober = SourceProber(children, PROBE, lambda: device(tmp_path), tmp_path)
            hanging = asyncio.create_task(prober.probe(str(media / "film.mp4"), 60.0))
            found, refused = await asyncio.gather(
                prober.probe("pattern://testsrc2?size=64x48&rate=20", 5.0),
                prober.probe("rtsp://admin:hunter2@127.0.0.1:9/live", 5.0),
            )
            assert (found.width, found.height, found.fps, found.error) == (64, 48, 20.0, "")
            assert "nothing listens" in refused.error
            assert "hunter2" not in repr(refused)
            assert not hanging.done()
            assert len(children.pids()) >= 1
            hanging.cancel()
            with pytest.raises(asyncio.CancelledError):
                await hanging
            await gone(children)
            with pytest.raises(CommandFailed) as caught:
                await prober.probe(str(media / "film.mp4"), 0.1)
            assert caught.value.code == "timeout"
            await gone(children)

    asyncio.run(scenario())


def killed_in_mid_command(tmp_path: Path) -> None:
    """Leaves a journal with a patch that was not answered, and a restart that was."""
    program = [sys.executable, "-m", "tests.integration.command_victim", str(tmp_path)]
    with subprocess.Popen(program, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        lines = [victim.stdout.readline().strip() for _ in range(3)]
        victim.kill()
    assert sorted(lines) == ["acknowledged", "acknowledged", "answered"]


def test_a_patch_that_is_tried_once_more_is_answered_with_what_it_comes_to(tmp_path: Path) -> None:
    killed_in_mid_command(tmp_path)

    async def scenario() -> None:
        outcome: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
        async with rig(tmp_path / "edged.db", effects=Effects(resuming=outcome)) as desk:
            assert (await desk.ask("ping"))["status"] == "ok"  # nobody waits for it but whoever asked
            outcome.set_result({"local": 3})
            sent = await desk.post.until(3)
            assert [(each.topic, each.answer["status"], each.answer["data"]) for each in sent[1:]] == [
                ("edged/v1/box/res/patch", "ok", {"local": 3}),
                ("who/asked", "ok", {"local": 3}),
            ]
            assert await desk.ask("patch", {"id": "hangs", "spec": {}}) == sent[1].answer

    asyncio.run(scenario())


def test_a_daemon_killed_in_mid_command(tmp_path: Path) -> None:
    """It answers what it was at, when it is back, and does none of it again."""
    killed_in_mid_command(tmp_path)

    async def scenario() -> None:
        effects = Effects()
        async with rig(tmp_path / "edged.db", effects=effects) as desk:
            sent = await desk.post.until(2)
            assert [(each.topic, each.answer["id"], each.answer["code"]) for each in sent] == [
                ("edged/v1/box/res/patch", "hangs", "interrupted"),
                ("who/asked", "hangs", "interrupted"),
            ]
            assert sent[1].correlation == b"\x00\x01"
            assert await desk.ask("patch", {"id": "hangs", "spec": {}}) == sent[0].answer
            done = await desk.ask("restart", {"id": "done", "job": "people"})
            assert (done["status"], done["revision"]) == ("ok", 41)
        assert effects.said == []

    asyncio.run(scenario())
