"""Pictures beside results, as somebody hears them on the broker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edged.algorithm.jpeg import comments_in
from tests.servers.daemon import ALGORITHMS, Daemon, Heard, Subscriber, listen
from tests.servers.mosquitto import Mosquitto

GRAY = "pattern://color?color=gray&size=321x241&rate=20"
LEFT_HALF = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
SNAPSHOT, CROP = "source/gate/snapshot", "job/parts/gate/crop"


def about(heard: Heard) -> dict[str, Any]:
    [comment] = comments_in(heard.payload)
    said = json.loads(comment)
    assert isinstance(said, dict)
    return said


def picture_of(heard: Heard) -> NDArray[np.uint8]:
    decoded = cv2.imdecode(np.frombuffer(heard.payload, dtype=np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(decoded, dtype=np.uint8)


def until_pictured(ears: Subscriber, topic: str, number: int) -> list[Heard]:
    ears.until(topic, lambda _: len(ears.messages(topic)) >= number)
    return ears.messages(topic)


def test_pictures_come_with_their_results_and_masks_stay_black(tmp_path: Path, broker: Mosquitto) -> None:
    framing = {"algorithm": "framing", "sampling": {"interval": 0.2}}
    spec = {
        "sources": {"gate": {"url": GRAY, "masks": {"neighbour": LEFT_HALF}}},
        "jobs": {
            "whole": {**framing, "publish": {"image": {"of": "full", "quality": 90, "max_width": 200}}},
            "parts": {**framing, "publish": {"image": "crops", "qos": 1}},
            "words": framing,
        },
    }
    with listen(broker.port) as ears, Daemon(tmp_path / "box", broker.port, spec, algorithms=[ALGORITHMS]):
        wholes, parts = until_pictured(ears, SNAPSHOT, 5), until_pictured(ears, CROP, 5)
        for job, pictures in (("whole", wholes), ("parts", parts)):
            for picture in pictures:
                said = about(picture)
                seq = said["seq"]
                result = ears.until(f"job/{job}/gate/result", lambda one, seq=seq: one["seq"] == seq).content
                assert {key: said[key] for key in said if key in result} == {
                    key: result[key] for key in said if key in result
                }
                assert said["job"] == job
            seqs = [about(picture)["seq"] for picture in pictures]
            assert seqs == sorted(set(seqs))
        assert about(parts[0])["box"] == [0.25, 0.25, 0.75, 0.75]
        whole, part = picture_of(wholes[-1]), picture_of(parts[-1])
        assert whole.shape == (150, 200, 3)
        assert whole[:, :96].max() < 16, "masked"
        assert whole[60:90, 165:].min() > 100, "and what is not, not"
        assert np.ptp(whole[75, 145:156].astype(int)) > 60, "the edge of the box is drawn"
        assert 190 <= part.shape[1] <= 196, "half of 321, and a tenth of that on each side"
        middle = part.shape[1] // 2
        assert part[:, : middle - 4].max() < 16, "masked"
        assert np.abs(part[:, middle + 4 :].astype(int) - 128).max() < 12, "no box is drawn on it"
        topics = {one.topic for one in ears.heard if one.payload.startswith(b"\xff\xd8")}
        assert {topic.removeprefix("edged/v1/box/") for topic in topics} == {SNAPSHOT, CROP}
        assert not [one for one in ears.heard if "image" in one.topic]


def test_results_keep_their_pace_beside_more_pictures_than_can_be_made(
    tmp_path: Path, broker: Mosquitto
) -> None:
    whole = {"of": "full", "quality": 100}
    spec = {
        "sources": {"gate": {"url": "pattern://testsrc2?size=3840x2160&rate=10"}},
        "jobs": {
            f"job{number}": {
                "algorithm": "ticks",
                "sampling": {"interval": 0},
                "publish": {"image": whole},
            }
            for number in range(8)
        },
    }
    with listen(broker.port) as ears, Daemon(tmp_path / "box", broker.port, spec, algorithms=[ALGORITHMS]):
        status = ears.until(
            "job/job./status",
            lambda one: one["runs"] >= 50 and one.get("skipped_by", {}).get("unpictured"),
            within_s=60,
        ).content
        assert ears.messages(SNAPSHOT), "some were made"
        skipped = status["skipped_by"]
        assert not skipped.get("unsent")
        assert skipped.get("late", 0) + skipped.get("overrun", 0) < status["runs"] / 2
        for number in range(8):
            seqs = [one.content["seq"] for one in ears.results(f"job{number}", "gate")]
            assert seqs == list(range(1, len(seqs) + 1))
