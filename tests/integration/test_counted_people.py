"""Who goes through a real picture is counted as a person counts: detector, tracker and zones in a chain.

The truth was counted by eye (`tests/truth`). The detector looks at each frame once; what it found is
given again to a tracker and zones that look less often.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from algos.detector import Detector
from algos.tracker import Tracker
from algos.zones import Zones
from edged.algorithm import Algorithm, Frame, Outcome
from edged.model.sampling import Sampling, is_due
from edged.model.scene import Scene
from edged.types import PtsUs
from edged.worker.chain import Chain, Emissions, Link
from tests.pictures import decoded_frames, opened

pytestmark = pytest.mark.assets

TRUTH = json.loads(
    (Path(__file__).parent.parent / "truth/one-by-one-person-detection.json").read_text("utf-8")
)
PEOPLE = TRUTH["people"]
LINE = TRUTH["line"]["name"]
SCENE = Scene(
    zones={"table": ((0.45, 0.6), (0.7, 0.6), (0.7, 1.0), (0.45, 1.0))},
    lines={LINE: tuple((x, y) for x, y in TRUTH["line"]["points"])},
)


@dataclass(frozen=True)
class Story:
    """What a chain told of the whole video."""

    counts: dict[str, Any]
    events: list[tuple[int, str, dict[str, Any]]]
    """Frame, type, fields."""

    def of(self, kind: str) -> list[tuple[int, dict[str, Any]]]:
        return [(frame, fields) for frame, name, fields in self.events if name == kind]


class Found(Algorithm):
    """What the detector found on each frame, again."""

    by_frame: dict[int, Outcome]

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        return self.by_frame[window[-1].header.index]


Looker = Callable[..., Story]


@pytest.fixture(scope="module")
def look(assets: Path) -> Looker:
    """Runs the chain: ``look(seconds between runs, backwards=False)``."""
    by_frame, frames, blank = {}, [], None
    detector = opened(
        Detector, {"model": "yolox_nano_416.onnx", "score": 0.1, "labels": ["person"]}, [assets]
    )
    for frame, _ in decoded_frames(assets / TRUTH["video"], 1, TRUTH["frames"] + 1):
        by_frame[frame.header.index] = detector.run([frame], Outcome())
        previous = frames[-1].header.pts_us if frames else None
        blank = frame.pixels if blank is None else blank
        frames.append(Frame(replace(frame.header, previous_us=previous), blank))
    assert len(frames) == TRUTH["frames"]

    def run(interval_s: float, first_s: float = 0.0, backwards: bool = False) -> Story:
        emissions = Emissions()
        found = opened(Found, {})
        assert isinstance(found, Found)
        found.by_frame = by_frame
        if backwards:
            found.by_frame = {len(frames) - 1 - index: outcome for index, outcome in by_frame.items()}
        links = [("detector", found)]
        for name, algorithm, params in (("tracker", Tracker, {}), ("zones", Zones, {"dwell": 5})):
            link = opened(algorithm, params, scenes={"gate": SCENE}, emit=emissions.add)
            links.append((name, link))
        chain = Chain([Link(name, link) for name, link in links], emissions)
        sampling = Sampling(round(interval_s * 1e6))
        events, outcome = [], Outcome()
        for frame in frames:
            header = replace(frame.header, t0_us=PtsUs(-round(first_s * 1e6)))
            if is_due(sampling, header):
                outcome = chain.run([Frame(header, frame.pixels)])
                events += [(header.index, kind, fields) for kind, fields in emissions.take()]
        return Story(dict(outcome.counts), events)

    return run


def test_at_every_frame_each_person_is_counted_where_and_when_one_sees_it(look: Looker) -> None:
    story = look(0)
    wanted = Counter(person["direction"] for person in PEOPLE)
    counts = story.counts["lines"][LINE]
    assert (counts["in"], counts["out"]) == (wanted["in"], wanted["out"])
    assert counts["labels"] == {"person": {"in": wanted["in"], "out": wanted["out"]}}
    crossings = story.of("line_cross")
    assert [fields["direction"] for _, fields in crossings] == [person["direction"] for person in PEOPLE]
    assert len({fields["track_id"] for _, fields in crossings}) == len(PEOPLE)
    for (frame, _), person in zip(crossings, PEOPLE, strict=True):
        assert person["crosses"] - 2 <= frame <= person["crosses"] + 5


@pytest.mark.parametrize("rate", [5, 3])
def test_less_often_it_is_the_same_number_within_one(look: Looker, rate: int) -> None:
    for phase in range(4):
        counts = look(1 / rate, phase / 4 / rate).counts["lines"][LINE]
        assert abs(counts["out"] - len(PEOPLE)) <= 1, phase
        assert counts["in"] == 0, phase


def test_backwards_they_all_come_in(look: Looker) -> None:
    counts = look(0, backwards=True).counts["lines"][LINE]
    assert (counts["in"], counts["out"]) == (len(PEOPLE), 0)


@pytest.mark.parametrize("interval_s", [0, 0.3])
def test_each_person_comes_to_the_table_stays_and_goes(look: Looker, interval_s: float) -> None:
    story = look(interval_s)
    for kind in ("zone_enter", "zone_dwell", "zone_exit"):
        told = story.of(kind)
        assert len(told) == len(PEOPLE), kind
        for (frame, _), person in zip(told, PEOPLE, strict=True):
            assert person["first_seen"] <= frame <= person["last_seen"], kind
    for _, fields in story.of("zone_exit"):
        assert fields["data"]["reason"] == "left"
        assert fields["data"]["seconds"] > 5
    assert story.counts["zones"] == {"table": 0}
