from __future__ import annotations

from edged.algorithm.watching.known_objects import MOST_OBJECTS, REMEMBERED_US, KnownObjects
from edged.model.detection import Detection

SOMEBODY = Detection((0.1, 0.1, 0.2, 0.2), 0.9)


def test_those_not_seen_for_a_minute_are_overdue() -> None:
    objects = KnownObjects()
    for track_id in (1, 2, 3):
        objects.see(track_id, SOMEBODY, 0)
    objects.see(1, SOMEBODY, 1)
    assert objects.overdue(REMEMBERED_US) == []
    assert objects.overdue(REMEMBERED_US + 1) == [2, 3]
    assert objects.overdue(REMEMBERED_US + 2) == [2, 3, 1]


def test_of_too_many_those_not_seen_for_longest_are_overdue() -> None:
    objects = KnownObjects()
    for track_id in range(MOST_OBJECTS + 2):
        objects.see(track_id, SOMEBODY, track_id)
    objects.see(0, SOMEBODY, MOST_OBJECTS + 2)
    assert objects.overdue(MOST_OBJECTS + 2) == [1, 2]
    for track_id in (1, 2):
        assert objects.forget(track_id).seen_us == track_id
    assert objects.overdue(MOST_OBJECTS + 2) == []
    assert len(objects) == MOST_OBJECTS
