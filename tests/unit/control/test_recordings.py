"""The list of recordings, and who looks after them: on a real folder, and on one that hangs."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest

from edged.control import recordings
from edged.control.commands.arguments import MOST_LISTED
from edged.control.commands.request import CommandFailed
from edged.control.recordings import Recordings, Sweep
from edged.model.clock import rfc3339
from edged.model.recordings import CLIPS, Keeping, clip_name

NOW_S = time.time()


def put(
    root: Path, source: str, ago_s: float, *, lasts_s: float = 60.0, job: str = "", size: int = 10
) -> str:
    start_ns = int((NOW_S - ago_s) * 1000) * 1_000_000
    day, _, clock = rfc3339(start_ns).partition("T")
    if job:
        path = root / source / CLIPS / clip_name(start_ns, job, "7f3a")
    else:
        path = root / source / day / f"{clock.replace(':', '-')}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 10)
    os.utime(path, (NOW_S - ago_s + lasts_s,) * 2)
    return str(path.relative_to(root))


def test_the_list_has_the_newest_first(tmp_path: Path) -> None:
    async def scenario() -> None:
        kept = Recordings(lambda: Keeping(str(tmp_path)))
        assert (await kept.listing(None, 10))["recordings"] == []
        paths = [
            put(tmp_path, "gate", 300),
            put(tmp_path, "yard", 200),
            put(tmp_path, "gate", 100, job="people"),
        ]
        listed = await kept.listing(None, 10)
        assert [each["file"] for each in listed["recordings"]] == paths[::-1]
        assert (listed["folder"], "more" in listed) == (str(tmp_path), False)
        clip, segment, _ = listed["recordings"]
        assert (clip["kind"], clip["job"], clip["source"], "duration" in clip) == (
            "clip",
            "people",
            "gate",
            False,
        )
        assert (segment["kind"], segment["bytes"], segment["duration"]) == ("segment", 10, 60.0)
        of_gate = await kept.listing("gate", 1)
        assert [each["file"] for each in of_gate["recordings"]] == [paths[2]]
        assert of_gate["more"] == 1

    asyncio.run(scenario())


def test_a_full_page_fits_into_a_message(tmp_path: Path) -> None:
    async def scenario() -> None:
        for number in range(MOST_LISTED):
            put(tmp_path, "g" * 64, number, job="j" * 64)
        listed = await Recordings(lambda: Keeping(str(tmp_path))).listing(None, MOST_LISTED)
        assert len(listed["recordings"]) == MOST_LISTED
        assert len(json.dumps(listed)) < 512 * 1024

    asyncio.run(scenario())


def test_it_sweeps_by_itself_and_counts(tmp_path: Path) -> None:
    async def scenario() -> None:
        old, new = put(tmp_path, "gate", 3 * 86_400), put(tmp_path, "gate", 100)
        keeping = Keeping(str(tmp_path), max_days=10)
        kept = Recordings(lambda: keeping, every_s=0.02)
        running = asyncio.create_task(kept.run())
        async with asyncio.timeout(10):
            while kept.stats()["files"] < 2:
                await asyncio.sleep(0.01)
            assert kept.stats()["deleted"] == {}
            keeping = Keeping(str(tmp_path), max_days=2)  # as after SIGHUP
            while kept.stats()["files"] > 1:
                await asyncio.sleep(0.01)
        running.cancel()
        assert kept.stats() == {"files": 1, "bytes": 10, "deleted": {"age": 1}}
        assert not (tmp_path / old).exists()
        assert (tmp_path / new).exists()

    asyncio.run(scenario())


def test_other_limits_are_taken_over_before_the_next_sweep_is_due(tmp_path: Path) -> None:
    async def scenario() -> None:
        old = put(tmp_path, "gate", 3 * 86_400)
        keeping = Keeping(str(tmp_path), max_days=10)
        kept = Recordings(lambda: keeping, every_s=600)
        running = asyncio.create_task(kept.run())
        async with asyncio.timeout(60):
            while kept.stats()["files"] < 1:
                await asyncio.sleep(0.01)
            keeping = Keeping(str(tmp_path), max_days=2)
            while (tmp_path / old).exists():
                await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(scenario())


def test_a_disk_that_hangs_holds_up_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def scenario() -> None:
        release = asyncio.Event()
        loop = asyncio.get_running_loop()
        looks = []

        def hang(*_: object) -> Sweep:
            looks.append(1)
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result(60)
            return Sweep()

        monkeypatch.setattr(recordings, "sweep_folder", hang)
        monkeypatch.setattr(recordings, "_LIST_WITHIN_S", 0.1)
        kept = Recordings(lambda: Keeping(str(tmp_path)), every_s=0.01)
        running = asyncio.create_task(kept.run())
        for _ in range(3):
            with pytest.raises(CommandFailed, match="does not answer"):
                await kept.listing(None, 10)
        assert len(looks) == 1, "one thread hangs, not many"
        release.set()
        async with asyncio.timeout(10):
            while len(looks) < 3:
                await asyncio.sleep(0.01)
        running.cancel()

    asyncio.run(scenario())


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / "file").write_bytes(b"")
        kept = Recordings(lambda: Keeping(str(tmp_path / "file")))
        with pytest.raises(CommandFailed, match="cannot be read"):
            await kept.listing(None, 10)
        assert "cannot be read" in kept.stats()["error"]

    asyncio.run(scenario())
