"""No frame is ever torn, whoever is stopped or killed; and without the locks the same test says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("track_stress.py")
REPOSITORY = PROGRAM.parents[2]


def stress(reads, *options, deadline_s=60):
    """Run the program; its report."""
    arguments = ["--reads", str(reads), "--deadline-s", str(deadline_s), *options]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *arguments],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=deadline_s + 30,
    )
    print(done.stdout)
    return json.loads(done.stdout)


def assert_whole(report, reads):
    assert report["reads"] >= reads
    assert report["torn"] == 0
    assert report["ended_by_themselves"] == 0
    assert report["slots_free_at_the_end"] == 2
    # and it was a stress: frames came all the time, in spite of what was done to everybody
    assert report["written"] > reads / 50
    assert report["dropped"] > 0
    for deed in ("reader_stops", "reader_kills", "writer_stops", "writer_kills_in_mid_write"):
        assert report[deed] > 0, deed


def test_no_frame_is_torn():
    assert_whole(stress(60_000), 60_000)


def test_without_the_locks_frames_are_torn():
    report = stress(60_000, "--without-locks")
    assert report["torn"] > 100


@pytest.mark.slow
def test_no_frame_is_torn_in_a_million_reads():
    assert_whole(stress(1_000_000, "--seed", "7", deadline_s=600), 1_000_000)
