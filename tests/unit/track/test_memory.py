"""Allocation: sealed, had in full, and refused with the mend where it cannot be had."""

from __future__ import annotations

import fcntl
import mmap
import os
import resource
import subprocess
import sys

import pytest

from edged.errors import TrackError
from edged.model.frame import FrameFormat
from edged.track.layout import TrackLayout
from edged.track.memory import allocate
from tests.descriptors import descriptors_left

pytestmark = pytest.mark.usefixtures("open_descriptors")


def test_the_memory_is_there_and_cannot_change_its_size() -> None:
    layout = TrackLayout(FrameFormat(641, 271), 3)
    memfd = allocate(layout.format, layout.slots)
    try:
        state = os.fstat(memfd)
        assert state.st_size == layout.total_bytes
        assert state.st_blocks * 512 >= layout.total_bytes
        for size in (0, layout.total_bytes - 1, layout.total_bytes + 1):
            with pytest.raises(PermissionError):
                os.ftruncate(memfd, size)
        with pytest.raises(PermissionError):
            fcntl.fcntl(memfd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
        assert not os.get_inheritable(memfd)
        with mmap.mmap(memfd, layout.total_bytes) as memory:
            assert memory[:64] == layout.track_header()
            assert not any(memory[64:])
    finally:
        os.close(memfd)


def test_more_memory_than_the_machine_has_is_refused_with_the_mend() -> None:
    with pytest.raises(TrackError, match=r"65535 slots of 7680x4320 needs \d+ MB: \d+ MB are free.*`size`"):
        allocate(FrameFormat(7680, 4320), 65_535)


def test_memory_that_the_kernel_refuses_is_refused_with_the_mend() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(TrackError, match=r"2 slots of 1920x1080 needs 7 MB: File too large.*`size`"):
            allocate(FrameFormat(1920, 1080), 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_no_descriptor_for_it_is_told_and_leaves_none_open() -> None:
    with descriptors_left(0), pytest.raises(TrackError, match="Too many open files"):
        allocate(FrameFormat(64, 48), 4)


def test_main_needs_no_numpy_to_allocate() -> None:
    program = "import sys, edged.track.memory; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=30).returncode == 0
