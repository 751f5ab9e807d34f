from __future__ import annotations

import stat
from pathlib import Path

import pytest

from edged.storage.whole_file import WholeFile


def test_what_was_written_last_is_read(tmp_path: Path) -> None:
    file = WholeFile(tmp_path / "not" / "there" / "twin.json")
    assert file.read() is None
    for content in (b"one", b"", bytes(100_000)):
        file.write(content)
        assert WholeFile(file.path).read() == content


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    file = WholeFile(tmp_path / "twin.json")
    file.write(b"a password")
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_a_write_that_fails_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    """A folder where the temporary file should be: as good as a full disk, also for root."""
    file = WholeFile(tmp_path / "twin.json")
    file.write(b"old")
    in_the_way = tmp_path / ".twin.json.new"
    in_the_way.mkdir()
    with pytest.raises(OSError, match="directory"):
        file.write(b"new")
    assert file.read() == b"old"


def test_a_full_disk_gets_its_bytes_back(tmp_path: Path) -> None:
    file = WholeFile(tmp_path / "twin.json")
    file.write(b"old")
    (tmp_path / ".twin.json.new").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        file.write(b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["twin.json"]
    assert file.read() == b"old"


def test_what_a_kill_left_behind_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".twin.json.new").write_bytes(b"half of a longer fil")
    WholeFile(tmp_path / "twin.json").write(b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["twin.json"]
    assert WholeFile(tmp_path / "twin.json").read() == b"new"
