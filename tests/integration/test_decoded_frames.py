"""Frames that stay where the decoder put them are the same as copies, and stay so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edged.algorithm.frame import Fit, Frame
from edged.model.sampling import Sampling
from edged.model.scene import Scene
from edged.offline.reading.covering import Covering
from edged.offline.reading.decoded import DecodedFrame
from edged.offline.reading.footage import open_video
from edged.offline.reading.reader import Look, Reader, Span
from tests.analyses import BOTTLES, PEOPLE, films

pytestmark = pytest.mark.assets

SPAN = Span(0, 2_000_000)
WINDOWS = Sampling(interval_us=200_000, count=3, step=2)


def frames_of(video: Path, *, every_frame: bool, covering: Covering | None = None) -> dict[int, Frame]:
    """All that were given in one piece, by index, looked at only when the video is over."""
    frames: dict[int, Frame] = {}
    with open_video(video) as opened:
        for look in Reader(opened, [WINDOWS], every_frame=every_frame, span=SPAN).looks():
            if covering is not None:
                covering.cover(look)
            frames.update(_all_of(look))
    return frames


def _all_of(look: Look) -> dict[int, Frame]:
    windows = {frame.header.index: frame for window in look.windows for frame in window}
    return windows | ({look.frame.header.index: look.frame} if look.frame is not None else {})


@pytest.mark.parametrize("name", [BOTTLES, PEOPLE])
def test_they_are_what_a_copy_is(assets: Path, name: str) -> None:
    (video,) = films(assets, name)
    in_place = frames_of(video, every_frame=False)
    copies = frames_of(video, every_frame=True)
    assert in_place
    for index, frame in in_place.items():
        copy = copies[index]
        assert (type(frame), type(copy)) == (DecodedFrame, Frame)
        planes, copied = (frame.y, frame.u, frame.v), (copy.y, copy.u, copy.v)
        assert all(np.array_equal(one, other) for one, other in zip(planes, copied, strict=True))
        assert all(plane.flags.c_contiguous and not plane.flags.writeable for plane in planes)
        small, copied_small = (each.picture(416, 416, fit=Fit.LETTERBOX).pixels for each in (frame, copy))
        assert np.array_equal(small, copied_small)
        own = frame.copy()
        assert own.pixels.flags.writeable
        assert np.array_equal(own.pixels, copy.pixels)
        assert np.array_equal(frame.bgr(), copy.bgr())
        assert np.array_equal(frame.pixels, copy.pixels)


def test_what_covers_them_leaves_the_pictures_that_others_are_predicted_from(assets: Path) -> None:
    (video,) = films(assets, BOTTLES)
    left = Scene(masks={"left": ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))})
    covered = frames_of(video, every_frame=False, covering=Covering(left))
    copies = frames_of(video, every_frame=True)
    assert covered
    for index, frame in covered.items():
        middle = frame.width // 2
        assert frame.y[:, : middle - 2].max() <= 16
        assert np.array_equal(frame.y[:, middle + 2 :], copies[index].y[:, middle + 2 :])
        assert np.shares_memory(frame.y, frame.pixels)
