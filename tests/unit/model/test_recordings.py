"""What is a recording, by its name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.model.clock import rfc3339
from edged.model.recordings import CLIPS, RecordingKind, clip_name, recognise

MOMENT_NS = 1_795_615_500_123_000_000
"""2026-11-25T14:05:00.123Z"""


@given(
    st.integers(0, 4_000_000_000_000),
    st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
)
def test_a_clip_is_known_again_by_its_name(moment_ms: int, job: str, boot: str) -> None:
    name = clip_name(moment_ms * 1_000_000, job, boot)
    found = recognise("gate", CLIPS, name, 7, 8)
    assert found is not None
    assert (found.start_ns, found.job, found.kind) == (moment_ms * 1_000_000, job, RecordingKind.CLIP)
    assert (found.bytes, found.changed_ns, found.is_open) == (7, 8, False)
    assert found.path == f"gate/clips/{name}"


@pytest.mark.parametrize("name", ["14-05-00.123Z.mp4", "14-05-00.123Z-2.mkv"])
@pytest.mark.parametrize("part", ["{}", "{}.part", ".{}.part", ".{}.whole"])
def test_a_segment_is_known_by_its_day_and_time(name: str, part: str) -> None:
    found = recognise("gate", "2026-11-25", part.format(name), 1, 1)
    assert found is not None
    assert rfc3339(found.start_ns) == "2026-11-25T14:05:00.123Z"
    assert (found.kind, found.job, found.is_open) == (RecordingKind.SEGMENT, "", part != "{}")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("2026-11-25", "holiday.mp4"),
        ("2026-11-25", "14-05-00.123Z.mp4.bak"),
        ("2026-11-25", "14-05-00.123Z.txt"),
        ("2026-11-25", "24-05-00.123Z.mp4"),
        ("2026-13-25", "14-05-00.123Z.mp4"),
        ("2026-11-25", "2026-11-25T14-05-00.123Z-people-7f3a.mp4"),
        (CLIPS, "14-05-00.123Z.mp4"),
        (CLIPS, "2026-11-25T14-05-00.123Z-people.mp4"),
        (CLIPS, ".part"),
        (CLIPS, ""),
    ],
)
def test_what_is_named_otherwise_is_none_of_ours(folder: str, name: str) -> None:
    assert recognise("gate", folder, name, 1, 1) is None
