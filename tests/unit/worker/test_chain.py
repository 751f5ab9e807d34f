"""A chain's runs and its pictures, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edged.algorithm import Algorithm, Frame
from edged.model.detection import Outcome
from edged.model.frame import FrameFormat
from edged.worker.chain import Chain, Emissions, Link
from tests.pictures import noise_frame, opened

PATIENCE_S = 10
PICTURE = np.zeros((48, 64, 3), dtype=np.uint8)


class Painter(Algorithm):
    """Draws until it is let go."""

    def open(self) -> None:
        self.drawing, self.go_on = threading.Event(), threading.Event()
        self.done: list[str] = []

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        self.done.append("run")
        return before

    def draw(self, picture: NDArray[np.uint8], outcome: Outcome) -> None:
        self.drawing.set()
        assert self.go_on.wait(PATIENCE_S)
        self.done.append("draw")

    def close(self) -> None:
        self.done.append("close")
        raise ValueError("no key hunter2")


@pytest.fixture
def painter() -> Painter:
    made = opened(Painter, {})
    assert isinstance(made, Painter)
    return made


def test_runs_do_not_wait_for_a_picture_and_closing_does(painter: Painter) -> None:
    chain = Chain((Link("painter", painter),), Emissions())
    with ThreadPoolExecutor(2) as threads:
        picture = threads.submit(chain.draw, PICTURE, Outcome())
        assert painter.drawing.wait(PATIENCE_S)
        try:
            threads.submit(chain.run, [noise_frame(FrameFormat(64, 48))]).result(PATIENCE_S / 2)
            assert painter.done == ["run"]
            closed = threads.submit(chain.close)
        finally:
            painter.go_on.set()
        picture.result(PATIENCE_S)
        closed.result(PATIENCE_S)
    chain.draw(PICTURE, Outcome())
    assert painter.done == ["run", "draw", "close"]


def test_an_error_in_closing_is_logged_without_secrets(
    painter: Painter, caplog: pytest.LogCaptureFixture
) -> None:
    Chain((Link("painter", painter, ("hunter2",)),), Emissions()).close()
    assert f"painter failed to close: ValueError: no key *** ({Path(__file__).name}" in caplog.text
    assert "hunter2" not in caplog.text


class Follower(Algorithm):
    """Says what it is at, and fails where it is told to."""

    def open(self) -> None:
        self.fails = False

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        self.context.emit("object_start", {})
        if self.fails:
            raise ValueError("the link behind fails")
        return before

    def reset(self) -> None:
        self.context.emit("object_end", {})


def frame_of(epoch: int) -> Frame:
    frame = noise_frame(FrameFormat(64, 48))
    return Frame(replace(frame.header, epoch=epoch), frame.pixels)


def test_what_a_reset_tells_is_published_with_the_next_run_that_succeeds() -> None:
    emissions = Emissions()
    follower = opened(Follower, {}, emit=emissions.add)
    assert isinstance(follower, Follower)
    chain = Chain((Link("follower", follower),), emissions)
    chain.run([frame_of(1)])
    assert [kind for kind, _ in emissions.take()] == ["object_start"]
    follower.fails = True
    with pytest.raises(ValueError, match="fails"):
        chain.run([frame_of(2)])
    chain.restart()
    follower.fails = False
    chain.run([frame_of(2)])
    assert [kind for kind, _ in emissions.take()] == ["object_end", "object_end", "object_start"]


def test_after_an_error_the_links_are_reset_in_the_first_epoch_too() -> None:
    emissions = Emissions()
    follower = opened(Follower, {}, emit=emissions.add)
    assert isinstance(follower, Follower)
    chain = Chain((Link("follower", follower),), emissions)
    chain.run([frame_of(1)])
    chain.restart()
    chain.run([frame_of(1)])
    assert [kind for kind, _ in emissions.take()][-2:] == ["object_end", "object_start"]
