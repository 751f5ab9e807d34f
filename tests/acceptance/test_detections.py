"""What is seen in real footage, on MQTT, against a plain implementation on the same frames."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from tests.footage import Encoding, cut, encode_again
from tests.plain_yolox import LEAST, Agreement, Plain, PlainYolox
from tests.servers.daemon import Daemon, Subscriber
from tests.servers.mosquitto import Mosquitto

pytestmark = pytest.mark.assets

MODEL = "yolox_nano_416.onnx"
FOOTAGE = "one-by-one-person-detection.mp4"
FROM_S, TO_S = 28.0, 37.0
INTERVAL_S = 0.2
WITHIN_S = 60.0
SHARE_WANTED = 0.95

Results = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def videos(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("footage")
    original = cut(assets / FOOTAGE, folder / "original.mp4", FROM_S, TO_S)
    return {
        "original": original,
        "full-range": encode_again(original, folder / "full.mp4", Encoding(full_range=True)),
        "bt709": encode_again(original, folder / "bt709.mp4", Encoding(bt709=True)),
        "odd-halves": encode_again(original, folder / "odd.mp4", Encoding(size=(480, 270))),
        "aisle": assets / "store-aisle-detection.mp4",
    }


@pytest.fixture(scope="module")
def published(
    assets: Path, videos: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Results]:
    """The results of one run of the daemon over all videos at once, each played from begin to end."""
    folder = tmp_path_factory.mktemp("daemon")
    spec: dict[str, Any] = {
        "sources": {name: {"url": str(path), "enabled": False} for name, path in videos.items()},
        "jobs": {
            "things": {
                "algorithm": "detector",
                "params": {"model": MODEL, "score": LEAST},
                "sampling": {"interval": INTERVAL_S},
            }
        },
    }
    with (
        Mosquitto(folder / "mosquitto") as broker,
        Subscriber(broker.port) as ears,
        Daemon(folder / "box", broker.port, spec, models=[str(assets)]) as daemon,
    ):
        ears.until("job/things/status", lambda status: status["state"] == "running", within_s=WITHIN_S)
        for source in spec["sources"].values():
            source["enabled"] = True  # not before the model is there, so that no frame is missed
        daemon.reload(spec)
        for name in videos:
            ears.until(f"source/{name}/status", lambda status: status["state"] == "ended", within_s=WITHIN_S)
        daemon.stop()  # what was due by then is still published
        yield {name: [heard.content for heard in ears.results("things", name)] for name in videos}


@pytest.fixture(scope="module")
def plain(assets: Path) -> PlainYolox:
    return PlainYolox(assets / MODEL)


@pytest.mark.parametrize("name", ["original", "full-range", "bt709", "odd-halves", "aisle"])
def test_what_is_published_is_what_a_plain_implementation_finds(
    videos: dict[str, Path], published: Results, plain: PlainYolox, name: str
) -> None:
    results = {round(result["frame"]["pts"], 3): result for result in published[name]}
    agreement = Agreement()
    compared = 0
    with av.open(str(videos[name])) as container:
        for index, picture in enumerate(container.decode(video=0)):
            assert picture.time is not None
            result = results.get(round(picture.time, 3))
            if result is None:
                continue
            compared += 1
            assert (result["frame"]["width"], result["frame"]["height"]) == (picture.width, picture.height)
            assert result["frame"]["index"] == index
            agreement.add(detections(result), plain.find(picture.to_ndarray(format="bgr24")))
    assert compared == len(results), "every result is about a frame of the video"
    turns = turn(published[name][-1]) - turn(published[name][0]) + 1
    assert compared >= 0.2 * turns, f"{compared} results in {turns} turns"  # a busy machine misses some
    assert agreement.boxes >= 30
    assert agreement.share >= SHARE_WANTED, agreement


def test_due_frames_are_those_of_the_grid(published: Results) -> None:
    for results in published.values():
        assert results[0]["frame"]["pts"] < 1.0, "it began with the video"
        turns = [turn(result) for result in results]
        assert turns == sorted(set(turns)), "one result a turn, in order"


def turn(result: dict[str, Any]) -> int:
    """The cell of the grid of due times that its frame lies in."""
    return int((result["frame"]["pts"] + 1e-6) / INTERVAL_S)


def detections(result: dict[str, Any]) -> list[Plain]:
    return [Plain(one["label"], one["score"], tuple(one["box"])) for one in result["detections"]]
