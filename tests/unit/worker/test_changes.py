from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.model.detection import Detection, Outcome
from edged.worker.changes import discrete

PERSON = Detection((0.1, 0.1, 0.2, 0.2), 0.9, "person", 0, track_id=7, zones=("door",))
JITTERED = Detection((0.1001, 0.1, 0.2, 0.2), 0.87, "person", 0, track_id=7, zones=("door",))


def test_jitter_is_no_change() -> None:
    one = Outcome((PERSON,), {"motion": 0.31, "people": 1})
    other = Outcome((JITTERED,), {"motion": 0.29, "people": 1})
    assert discrete(one) == discrete(other)


@pytest.mark.parametrize(
    "other",
    [
        Outcome(()),
        Outcome(None),
        Outcome((PERSON, PERSON)),
        Outcome((Detection(PERSON.box, 0.9, "dog", 0, track_id=7, zones=("door",)),)),
        Outcome((Detection(PERSON.box, 0.9, "person", 0, track_id=8, zones=("door",)),)),
        Outcome((Detection(PERSON.box, 0.9, "person", 0, track_id=7),)),
        Outcome((Detection(PERSON.box, 0.9, "person", 0, 7, ("door",), {"hat": {"label": "no"}}),)),
    ],
)
def test_somebody_else_is_a_change(other: Outcome) -> None:
    assert discrete(other) != discrete(Outcome((PERSON,)))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"hat": {"label": "no", "score": 0.8}}, {"hat": {"label": "no", "score": 0.7}}, True),
        ({"hat": {"label": "no", "score": 0.8}}, {"hat": {"label": "yes", "score": 0.8}}, False),
        ({"polygon": [[0.1, 0.2], [0.3, 0.4]]}, {"polygon": [[0.1, 0.2]]}, True),
        ({"plate": ["A", "B"]}, {"plate": ["A", "C"]}, False),
        ({"vector": np.zeros(3)}, {"vector": np.ones(3)}, True),
        ({"ids": np.array([1, 2])}, {"ids": np.array([1, 3])}, False),
        ({"heads": np.int64(3)}, {"heads": 3}, True),
        ({"bright": True}, {"bright": False}, False),
    ],
)
def test_of_data_numbers_with_a_fraction_do_not_count(one: Any, other: Any, same: bool) -> None:
    assert (discrete(Outcome(data=one)) == discrete(Outcome(data=other))) is same


@given(st.permutations([PERSON, JITTERED, Detection((0, 0, 1, 1), 0.5, "dog"), Detection((0, 0, 1, 1), 0.5)]))
def test_the_order_does_not_matter(found: list[Detection]) -> None:
    assert discrete(Outcome(tuple(found))) == discrete(Outcome(tuple(sorted(found, key=repr))))
