"""The twin's file: set aside when it cannot be understood, and honest about a disk that refuses."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from edged.control.twin_record import TwinRecord
from edged.control.twin_store import TwinStore, encode_record
from edged.errors import StorageError
from edged.model.twin import Desired

RECORD = TwinRecord().propose(Desired(3, {"jobs": {}}, "sha256:3")).try_out().commit()


def test_a_record_outlives_the_daemon(tmp_path: Path) -> None:
    async def scenario() -> None:
        await TwinStore(tmp_path / "twin.json", asyncio.to_thread).save(RECORD)
        assert await TwinStore(tmp_path / "twin.json", asyncio.to_thread).load() == (RECORD, "")
        assert (tmp_path / "twin.json").stat().st_mode & 0o777 == 0o600, "a spec may hold passwords"

    asyncio.run(scenario())


def test_without_a_file_there_is_nothing_to_tell(tmp_path: Path) -> None:
    loaded = asyncio.run(TwinStore(tmp_path / "twin.json", asyncio.to_thread).load())
    assert loaded == (TwinRecord(), "")


def test_one_that_cannot_be_understood_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "twin.json"
    newer = json.loads(encode_record(RECORD)) | {"version": 2}
    for content, says in (
        (b"", "JSON"),
        (encode_record(RECORD)[:-9], "JSON"),
        (json.dumps(newer).encode(), "version"),
    ):
        path.write_bytes(content)
        record, reason = asyncio.run(TwinStore(path, asyncio.to_thread).load())
        assert record == TwinRecord()
        assert says in reason
        assert "twin.json.corrupt" in reason
        assert not path.exists()
        assert (tmp_path / "twin.json.corrupt").read_bytes() == content


def test_a_disk_that_refuses_says_why_and_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    store = TwinStore(tmp_path / "a file" / "twin.json", asyncio.to_thread)
    with pytest.raises(StorageError, match=r"twin\.json cannot be written"):
        asyncio.run(store.save(RECORD))
    assert "cannot be read" in asyncio.run(store.load())[1]
