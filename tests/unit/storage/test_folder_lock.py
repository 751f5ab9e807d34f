from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edged.storage.folder_lock import FolderLock, FolderTaken

HOLDER = """
import sys
from pathlib import Path
from edged.storage.folder_lock import FolderLock
FolderLock(Path(sys.argv[1])).acquire(0)
print("held", flush=True)
sys.stdin.read()
"""


def test_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    first.acquire(0)
    first.acquire(0)
    with pytest.raises(FolderTaken, match=rf"process {os.getpid()}\) uses {tmp_path}: .* storage.path"):
        second.acquire(0)
    first.release()
    second.acquire(0)
    second.release()


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(FolderTaken, match=f"process {holder.pid}"):
            FolderLock(tmp_path).acquire(0)
        holder.kill()
        holder.wait(10)
        lock = FolderLock(tmp_path)
        lock.acquire(0)
        lock.release()
