"""Two lists of detections beside each other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.model.detection import Detection
from edged.offline.looking.likeness import NEAR, LikenessTally, iou, pairs_of

edges = st.tuples(st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.01, 0.1), st.floats(0.01, 0.1))
boxes = edges.map(lambda four: (four[0], four[1], four[0] + four[2], four[1] + four[3]))
detections = st.lists(
    st.builds(Detection, boxes, st.floats(0, 1), st.sampled_from(["person", "dog"])), max_size=8
)


def test_overlap_of_two_boxes() -> None:
    assert iou((0, 0, 1, 1), (0, 0, 1, 1)) == 1
    assert iou((0, 0, 1, 1), (0.5, 0, 1.5, 1)) == pytest.approx(1 / 3)
    assert iou((0, 0, 1, 1), (2, 2, 3, 3)) == 0
    assert iou((0, 0, 0, 0), (0, 0, 0, 0)) == 0


@given(found=detections)
def test_what_stays_the_same_is_kept_and_nothing_is_extra(found: list[Detection]) -> None:
    tally = LikenessTally()
    tally.add(found, found)
    likeness = tally.told()
    assert likeness.boxes == likeness.kept == likeness.kept_well == len(found)
    assert likeness.extra == 0


@given(before=detections, after=detections)
def test_each_is_found_at_most_once_and_all_are_accounted_for(
    before: list[Detection], after: list[Detection]
) -> None:
    pairs = pairs_of(before, after)
    assert all(one.label == other.label and overlap >= NEAR for one, other, overlap in pairs)
    assert len(pairs) <= min(len(before), len(after))
    tally = LikenessTally()
    tally.add(before, after)
    likeness = tally.told()
    assert likeness.kept + likeness.extra == len(after)
    assert likeness.kept_well <= likeness.kept <= likeness.boxes == len(before)


def test_another_label_is_another_thing_and_the_best_pair_goes_first() -> None:
    one = Detection((0.1, 0.1, 0.5, 0.5), 0.9, "person")
    near = replace(one, box=(0.12, 0.1, 0.52, 0.5), score=0.6)
    assert pairs_of([one], [replace(one, label="dog")]) == []
    assert [pair[1] for pair in pairs_of([one], [near, one])] == [one]
    tally = LikenessTally()
    tally.add([one], [near])
    assert tally.told().score_change == pytest.approx(0.3)
