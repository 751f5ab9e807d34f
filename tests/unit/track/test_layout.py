"""Where things lie: nothing overlaps, everything is aligned, headers come back as they went in."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edged.errors import TrackError
from edged.model.frame import ColorMatrix, ColorRange, FrameFormat, FrameHeader
from edged.track.layout import HEADER_BYTES, PAGE_BYTES, TrackLayout, pack_frame, unpack_frame

words = st.integers(-(2**63) + 1, 2**63 - 1)
indexes = st.integers(0, 2**62)
sides = st.integers(1, 65_535)
formats = st.builds(FrameFormat, sides, sides, st.sampled_from(ColorRange), st.sampled_from(ColorMatrix))
headers = st.builds(
    FrameHeader,
    epoch=words,
    index=indexes,
    key_index=words,
    pts_us=words,
    t0_us=words,
    first_index=words,
    first_key_index=words,
    previous_us=st.none() | words,
    previous_key_us=st.none() | words,
    keyframe=st.booleans(),
    captured_ns=words,
    captured_wall_ns=words,
    format=formats,
)


@given(formats, st.integers(1, 200))
@example(FrameFormat(1, 1), 1)
@example(FrameFormat(1, 1), 31)
@example(FrameFormat(1, 1), 32)
@example(FrameFormat(641, 271), 7)
@example(FrameFormat(480, 270), 8)
def test_places_are_aligned_and_do_not_overlap(frame_format: FrameFormat, slots: int) -> None:
    layout = TrackLayout(frame_format, slots)
    places = [(0, HEADER_BYTES)]
    places += [(layout.header_at(slot), HEADER_BYTES) for slot in range(slots)]
    places += [(layout.slot_pixels_at(slot), frame_format.frame_bytes) for slot in range(slots)]
    ends = [at + size for at, size in places]
    assert places == sorted(places)
    assert all(end <= at for end, (at, _) in zip(ends[:-1], places[1:], strict=True))
    assert ends[-1] <= layout.total_bytes
    assert all(layout.slot_pixels_at(slot) % PAGE_BYTES == 0 for slot in range(slots))
    assert all(at % 64 == 0 for at, _ in places)
    assert layout.total_bytes % PAGE_BYTES == 0


@given(headers, st.integers(0, 3), formats)
def test_a_header_comes_back_as_it_went_in(header: FrameHeader, slot: int, usual: FrameFormat) -> None:
    at = TrackLayout(usual, 4).header_at(slot)
    memory = memoryview(bytearray(PAGE_BYTES))
    pack_frame(header, memory, at)
    assert not any(memory[: at + 8])
    assert not any(memory[at + HEADER_BYTES :])
    assert unpack_frame(memory, at, usual) is None
    memory.cast("q")[at // 8] = header.index + 1
    assert unpack_frame(memory, at, usual) == header


few = st.integers(1, 2)
alike = st.builds(FrameFormat, few, few, st.sampled_from(ColorRange), st.sampled_from(ColorMatrix))


@given(alike, alike, few, few)
def test_equal_track_headers_mean_equal_layouts(
    one: FrameFormat, other: FrameFormat, slots: int, other_slots: int
) -> None:
    same = (one, slots) == (other, other_slots)
    first, second = TrackLayout(one, slots), TrackLayout(other, other_slots)
    assert (first.track_header() == second.track_header()) is same
    assert len(first.track_header()) <= HEADER_BYTES


@pytest.mark.parametrize(
    ("width", "height", "slots"), [(0, 10, 4), (10, 0, 4), (10, -1, 4), (65_536, 10, 4), (10, 10, 0)]
)
def test_a_size_that_cannot_be_is_refused(width: int, height: int, slots: int) -> None:
    with pytest.raises(TrackError, match=f"{slots} slots of {width}x{height}"):
        TrackLayout(FrameFormat(width, height), slots)
