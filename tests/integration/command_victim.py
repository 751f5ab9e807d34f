"""A program to be killed: a desk with one command that was answered and one that never will be."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.unit.control.commands.desk_rig import Effects, rig


@dataclass
class Hanging(Effects):
    """Its patches with ``hang`` in them never end."""

    revision: int = 41

    async def patch(self, **given: Any) -> Mapping[str, Any]:
        if "hang" in (given.get("merge") or {}):
            await asyncio.Event().wait()
        return await super().patch(**given)


def say(word: str) -> None:
    print(word, flush=True)


async def main(folder: Path) -> None:
    async with rig(folder / "edged.db", effects=Hanging()) as desk:
        await desk.send(
            "patch",
            {"id": "hangs", "spec": {"hang": 1}},
            response_topic="who/asked",
            correlation=b"\x00\x01",
            on_acknowledge=lambda: say("acknowledged"),
        )
        await desk.send(
            "restart", {"id": "done", "job": "people"}, on_acknowledge=lambda: say("acknowledged")
        )
        await desk.post.until(1)
        say("answered")
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
