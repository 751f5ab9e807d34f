"""The worker on real tracks: which frames it runs on, what becomes of the others, what it says."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.model.messages import LinkSpec, Numbering, Stop, TrackGone
from edged.model.output import OutputKind
from edged.model.sampling import SampleOn, Sampling
from tests.integration.worker_rig import ECHO, GATED, GATES, Camera, Gate, Rig, job, worker
from tests.stopwatch import CALM_S, Stopwatch


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with worker(tmp_path) as rig:
        rig.algorithm("echo", ECHO)
        rig.algorithm("gated", GATED)
        yield rig


@pytest.fixture
def camera() -> Iterator[Camera]:
    camera = Camera()
    yield camera
    camera.close()


@pytest.fixture
def gate(request: pytest.FixtureRequest) -> Iterator[Gate]:
    """Under the test's own name in `GATES`."""
    gate = GATES[request.node.name] = Gate()
    yield gate
    gate.let(100)


def shoot_and_wait(rig: Rig, camera: Camera, name: str, frames: int) -> None:
    for _ in range(frames):
        camera.shoot()
        rig.until(lambda: rig.frames(name, camera.source)[-1:] == [camera.index])


def waiting_to_open(gate: str) -> str:
    """An echo that waits at a gate while it is opened."""
    wait = f"self.runs = self.resets = 0; GATES[{gate!r}].pass_through()"
    return "from tests.integration.worker_rig import GATES\n" + ECHO.replace(
        "self.runs = self.resets = 0", wait
    )


def test_one_job_on_one_track(rig: Rig, camera: Camera) -> None:
    rig.apply(job("people", "echo"))
    camera.offer(rig.channel)
    rig.running("people")
    shoot_and_wait(rig, camera, "people", 5)
    assert rig.frames("people") == [0, 1, 2, 3, 4]
    assert rig.states("people") == ["starting", "running"]
    result = rig.results("people")[-1]
    assert (result["v"], result["seq"]) == (1, 5)
    assert (result["device"], result["job"]) == ("device-1", "people")
    assert (result["source"], result["boot"]) == ("cam", "boot-1")
    assert result["frame"] == {"index": 4, "pts": 0.4, "width": 64, "height": 48}
    assert result["data"]["runs"] == 5
    assert 0 <= result["latency_ms"]["wait"] <= result["latency_ms"]["total"] < 1000
    assert "detections" not in result
    stats = rig.counted("people", lambda stats: stats.runs == 5)
    assert 0 < stats.p50_ms <= stats.p95_ms <= stats.p99_ms < 1000
    assert stats.rate > 0
    assert (stats.errors, stats.skipped) == (0, {})


def test_runs_on_due_frames_only(rig: Rig, camera: Camera) -> None:
    rig.apply(job("slow", "echo", sampling=Sampling(interval_us=1_000_000)), job("all", "echo"))
    camera.offer(rig.channel)
    rig.running("slow", "all")
    shoot_and_wait(rig, camera, "all", 25)
    assert rig.frames("slow") == [0, 10, 20]


def test_frames_that_nobody_wanted_are_no_missed_turns(rig: Rig, camera: Camera) -> None:
    rig.apply(job("slow", "echo", sampling=Sampling(interval_us=1_000_000)))
    camera.offer(rig.channel)
    rig.running("slow")
    for number in range(31):
        camera.shoot(copied=number % 10 == 0)
        rig.until(lambda number=number: len(rig.frames("slow")) == number // 10 + 1)
    assert rig.frames("slow") == [0, 10, 20, 30]
    assert rig.counted("slow", lambda stats: stats.runs == 4).skipped == {}


def test_the_newest_due_frame_wins(
    rig: Rig, camera: Camera, gate: Gate, request: pytest.FixtureRequest
) -> None:
    rig.apply(job("gated", "gated", params={"gate": request.node.name}))
    camera.offer(rig.channel)
    rig.running("gated")
    camera.shoot()
    gate.wait_until_entered()
    for _ in range(3):
        camera.shoot()
    gate.let(2)
    rig.until(lambda: rig.frames("gated") == [0, 3])
    rig.counted("gated", lambda stats: stats.skipped == {"late": 2})


def test_every_turn_is_run_or_counted(
    rig: Rig, camera: Camera, gate: Gate, request: pytest.FixtureRequest
) -> None:
    camera.slots = 4
    rig.apply(job("gated", "gated", params={"gate": request.node.name}), job("echo", "echo"))
    camera.offer(rig.channel)
    rig.running("gated", "echo")
    camera.shoot()
    gate.wait_until_entered()
    for _ in range(6):
        camera.shoot()
    gate.let(2)
    rig.until(lambda: rig.frames("gated") == [0, 6] and rig.frames("echo") == [6])
    rig.counted("gated", lambda stats: stats.runs == 2)
    rig.counted("echo", lambda stats: stats.runs == 1)
    # Frame 0 was held, so 4, 5 and 6 are what is left of the six that came after it.
    assert rig.stats["gated"].skipped == {"overrun": 3, "late": 2}
    assert rig.stats["echo"].skipped == {"overrun": 3, "late": 3}


def test_frames_before_the_first_look_are_counted_where_the_job_was_there_before(
    rig: Rig, camera: Camera, gate: Gate, request: pytest.FixtureRequest
) -> None:
    other = Camera("other", slots=4)
    gated = job("gated", "gated", params={"gate": request.node.name})
    rig.apply(gated, job("echo", "echo", "other"))
    camera.offer(rig.channel)
    rig.running("gated", "echo")
    camera.shoot()
    gate.wait_until_entered()
    other.offer(rig.channel)  # the worker is busy, and reads it afterwards
    for _ in range(10):
        other.shoot()
        time.sleep(0.001)
    gate.let()
    rig.until(lambda: rig.frames("echo") == [9])
    rig.counted("echo", lambda stats: stats.skipped == {"overrun": 6, "late": 3})
    rig.apply(gated, job("echo", "echo", "other"), job("later", "echo", "other"))
    rig.running("later")
    other.shoot()
    rig.until(lambda: rig.frames("later") == [9, 10])
    rig.counted("later", lambda stats: stats.runs == 2)
    assert "overrun" not in rig.stats["later"].skipped, "it was not there yet"
    other.close()


def test_a_frame_that_is_gone_before_its_turn_is_an_overrun(
    rig: Rig, camera: Camera, gate: Gate, request: pytest.FixtureRequest
) -> None:
    camera.slots = 3
    rig.apply(
        job("echo", "echo", sampling=Sampling(interval_us=150_000)),
        job("gated", "gated", params={"gate": request.node.name}, sampling=Sampling(interval_us=100_000)),
    )
    camera.offer(rig.channel)
    rig.running("gated", "echo")
    camera.shoot()
    gate.wait_until_entered()
    camera.shoot(100_000)  # due for that job, which is busy
    camera.shoot(50_000)  # due for the other, which waits for its turn
    for _ in range(4):
        camera.shoot(1_000)  # due for none; they take the slots
    gate.let()
    for name in ("echo", "gated"):
        rig.counted(name, lambda stats: stats.skipped == {"overrun": 1})
        assert rig.frames(name) == [0]


@pytest.mark.parametrize(
    ("count", "step", "windows"),
    [(3, 0, [[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]]), (2, 3, [[0, 3], [1, 4], [2, 5]])],
)
def test_windows(rig: Rig, camera: Camera, count: int, step: int, windows: list[list[int]]) -> None:
    rig.apply(
        job("windows", "echo", sampling=Sampling(interval_us=0, count=count, step=step)), job("all", "echo")
    )
    camera.offer(rig.channel)
    rig.running("windows", "all")
    shoot_and_wait(rig, camera, "all", 6)
    rig.until(lambda: len(rig.results("windows")) == len(windows))
    given = [result["data"] for result in rig.results("windows")]
    assert [data["indexes"] for data in given] == windows
    assert [data["values"] for data in given] == [[index + 20 for index in window] for window in windows]


def test_an_epoch_starts_windows_and_state_anew(rig: Rig, camera: Camera) -> None:
    rig.apply(job("echo", "echo", sampling=Sampling(interval_us=0, count=2)), job("all", "echo"))
    camera.offer(rig.channel)
    rig.running("echo", "all")
    shoot_and_wait(rig, camera, "all", 3)
    camera.begin_epoch()
    shoot_and_wait(rig, camera, "all", 2)
    rig.until(lambda: len(rig.results("echo")) == 3)
    data = [result["data"] for result in rig.results("echo")]
    assert [given["indexes"] for given in data] == [[0, 1], [1, 2], [3, 4]]
    assert [given["resets"] for given in data] == [0, 0, 1]
    assert [result["data"]["resets"] for result in rig.results("all")] == [0, 0, 0, 1, 1]


def test_keyframes(rig: Rig, camera: Camera) -> None:
    keyed = Sampling(interval_us=1_000_000, on=SampleOn.KEYFRAMES)
    pairs = Sampling(interval_us=0, count=2, on=SampleOn.KEYFRAMES)
    rig.apply(job("keys", "echo", sampling=keyed), job("pairs", "echo", sampling=pairs), job("all", "echo"))
    camera.offer(rig.channel)
    rig.running("keys", "pairs", "all")
    for number in range(21):
        camera.shoot(key=number % 4 == 0)  # keyframes at 0, 0.4, 0.8, 1.2 … s
        rig.until(lambda: rig.frames("all")[-1:] == [camera.index])
    assert rig.frames("keys") == [0, 12, 20]
    rig.until(lambda: len(rig.results("pairs")) == 5)
    windows = [result["data"]["indexes"] for result in rig.results("pairs")]
    assert windows == [[0, 4], [4, 8], [8, 12], [12, 16], [16, 20]]


def test_a_chain_passes_on_what_was_found(rig: Rig, camera: Camera) -> None:
    rig.algorithm(
        "finder",
        "from edged import BaseAlgo\nclass Finder(BaseAlgo):\n    def run(self, frames):\n"
        "        return {'detections': [{'box': [0, 0, 32, 24], 'label': 'a', 'score': 0.9},\n"
        "            {'box': [32, 24, 64, 48], 'label': 'b', 'score': 0.8}], 'first': 1}\n",
    )
    rig.algorithm(
        "keeper",
        "from edged import Algorithm, Outcome\nclass Keeper(Algorithm):\n    def run(self, window, before):\n"
        "        return Outcome(before.detections[1:], {**before.data, 'second': 2})\n",
    )
    rig.apply(job("chain", "finder", then=(LinkSpec("keeper"),)))
    camera.offer(rig.channel)
    rig.running("chain")
    shoot_and_wait(rig, camera, "chain", 2)
    result = rig.results("chain")[0]
    assert result["detections"] == [{"label": "b", "score": 0.8, "box": [0.5, 0.5, 1.0, 1.0]}]
    assert result["data"] == {"first": 1, "second": 2}
    counts = rig.of(OutputKind.COUNTS, "chain")
    assert len(counts) == 1, "the second run changed nothing"
    assert b'{"total":1,"labels":{"b":1},"time":"' in counts[0].payload
    assert (counts[0].qos, counts[0].retain) == (1, True)


def test_events(rig: Rig, camera: Camera) -> None:
    rig.algorithm(
        "faller",
        "from edged import BaseAlgo\nclass Faller(BaseAlgo):\n    def run(self, frames):\n"
        "        self.emit('fall', box=[0, 0, 32, 48], score=0.5, height=3)\n",
    )
    rig.apply(
        job("fall", "faller"),
        job("quiet", "faller", publish_when="events"),
        job("mute", "faller", publish_when="never"),
    )
    camera.offer(rig.channel)
    rig.running("fall", "quiet", "mute")
    camera.shoot()
    rig.until(lambda: rig.of(OutputKind.EVENT, "fall") and rig.of(OutputKind.EVENT, "quiet"))
    event = rig.events("fall")[0]
    assert (event["type"], event["seq"], event["score"]) == ("fall", 1, 0.5)
    assert event["box"] == [0.0, 0.0, 0.5, 1.0]
    assert event["data"] == {"height": 3}
    assert event["frame"]["index"] == 0
    assert event["id"]
    assert rig.of(OutputKind.EVENT, "fall")[0].qos == 1
    assert rig.results("quiet") == []
    rig.until(lambda: rig.stats.get("mute") and rig.stats["mute"].runs)
    assert rig.results("mute") == rig.events("mute") == []


def test_numbers_go_on_and_results_may_be_for_detections_only(rig: Rig, camera: Camera) -> None:
    rig.algorithm(
        "odd",
        "from edged import BaseAlgo\nclass Odd(BaseAlgo):\n    def run(self, frames):\n"
        "        odd = self.frame.index % 2\n"
        "        return {'detections': [{'box': [0, 0, 9, 9], 'track_id': 7}] * odd}\n",
    )
    numbering = {"cam": Numbering(seq=41, track_id=5)}
    rig.apply(job("odd", "odd", publish_when="detections", qos=1, numbering=numbering), job("echo", "echo"))
    camera.offer(rig.channel)
    rig.running("odd", "echo")
    shoot_and_wait(rig, camera, "echo", 4)
    rig.until(lambda: len(rig.results("odd")) == 2)
    assert rig.frames("odd") == [1, 3]
    outputs = rig.of(OutputKind.RESULT, "odd")
    assert [(output.seq, output.track_id, output.qos) for output in outputs] == [(42, 7, 1), (43, 7, 1)]


def test_what_main_does_not_read_is_dropped_and_counted_without_gaps(rig: Rig, camera: Camera) -> None:
    rig.apply(job("echo", "echo"))
    camera.offer(rig.channel)
    rig.running("echo")
    ran = threading.Event()
    for _ in range(3000):
        camera.shoot()
        ran.wait(0.0005)
    stats = rig.counted("echo", lambda stats: stats.skipped.get("unsent", 0) > 0)
    shoot_and_wait(rig, camera, "echo", 3)
    numbers = [output.seq for output in rig.of(OutputKind.RESULT, "echo")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert stats.runs > len(numbers) - 3


@pytest.mark.parametrize("end", ["goes on", "is stopped"])
def test_events_wait_for_a_main_that_is_busy(
    rig: Rig, camera: Camera, gate: Gate, request: pytest.FixtureRequest, end: str
) -> None:
    """Ten times what its channel takes, and no later run that would send what waits."""
    rig.algorithm(
        "crowd",
        f"{GATED}\n    def run(self, frames):\n        self.gate.pass_through()\n"
        "        for number in range(200):\n            self.emit('seen', number=number)\n",
    )
    rig.apply(job("crowd", "crowd", publish_when="events", params={"gate": request.node.name}))
    camera.offer(rig.channel)
    rig.running("crowd")
    runs = 8
    for _ in range(runs):
        camera.shoot()
        gate.wait_until_entered()
        gate.let()
    if end == "is stopped":
        rig.stop()
    else:
        rig.until(lambda: len(rig.events("crowd")) == 200 * runs)
    seen = rig.events("crowd")
    assert [event["seq"] for event in seen] == list(range(1, 200 * runs + 1))
    assert [event["data"]["number"] for event in seen] == [*range(200)] * runs


def test_a_raising_algorithm_harms_no_other(
    rig: Rig, camera: Camera, caplog: pytest.LogCaptureFixture
) -> None:
    rig.algorithm(
        "shaky",
        "from edged import BaseAlgo\nclass Shaky(BaseAlgo):\n    def run(self, frames):\n"
        "        if self.frame.index < 6:\n            raise ValueError('no such thing')\n",
    )
    rig.apply(job("shaky", "shaky"), job("echo", "echo"))
    camera.offer(rig.channel)
    rig.running("shaky", "echo")
    with caplog.at_level(logging.INFO):
        shoot_and_wait(rig, camera, "echo", 6)
        rig.until(lambda: rig.states("shaky")[-1] == "failed")
        started = time.monotonic()
        while rig.states("shaky")[-1] == "failed":
            shoot_and_wait(rig, camera, "echo", 1)
            assert time.monotonic() < started + 10
    failed = next(report for report in rig.reports if report.state.value == "failed")
    assert failed.code == "algorithm_failed"
    assert failed.error == "cam: ValueError: no such thing (shaky.py:5)"
    assert time.monotonic() - started > 0.5, "it waited before it tried again"
    assert rig.states("shaky") == ["starting", "running", "failed", "running"]
    stats = rig.counted("shaky", lambda stats: stats.runs)
    assert stats.errors == 1
    assert stats.skipped["failed"] >= 5
    assert len([record for record in caplog.records if "no such thing" in record.getMessage()]) == 1
    assert rig.stats["echo"].skipped == {}


def test_what_json_does_not_know_fails_the_job_and_says_the_mend(rig: Rig, camera: Camera) -> None:
    rig.algorithm(
        "odd",
        "from edged import Algorithm, Outcome\nclass Odd(Algorithm):\n    def run(self, window, before):\n"
        "        return Outcome(data={'seen': {1, 2}})\n",
    )
    rig.algorithm(
        "large",
        "from edged import BaseAlgo\nclass Large(BaseAlgo):\n    def run(self, frames):\n"
        "        return {'text': 'x' * 1_000_001}\n",
    )
    rig.apply(job("odd", "odd"), job("large", "large"))
    camera.offer(rig.channel)
    rig.running("odd", "large")
    camera.shoot()
    rig.until(lambda: rig.states("odd")[-1] == rig.states("large")[-1] == "failed")
    errors = {report.job: report.error for report in rig.reports}
    assert "data.seen" in errors["odd"]
    assert "sorted(value)" in errors["odd"]
    assert "more than 1000000" in errors["large"]


def test_a_job_that_cannot_load_says_why(rig: Rig, tmp_path: Path) -> None:
    rig.algorithm(
        "thinker",
        "from edged import BaseAlgo\nclass Thinker(BaseAlgo):\n    def init(self, speed: int = 1):\n"
        "        raise OSError('no thoughts')\n    def run(self, frames):\n        pass\n",
    )
    rig.apply(
        job("a", "nobody"),
        job("b", "detector", params={"model": "absent.onnx"}),
        job("c", "thinker", params={"speed": "fast"}),
        job("d", "thinker"),
        job("e", "echo"),
    )
    rig.running("e")
    rig.until(lambda: all(rig.states(name)[-1:] == ["failed"] for name in "abcd"))
    reports = {report.job: report for report in rig.reports}
    assert reports["a"].code == "algorithm_not_found"
    assert reports["b"].code == "model_not_found"
    assert reports["c"].code == "invalid"
    assert "speed" in reports["c"].error
    assert reports["d"].code == "algorithm_failed"
    assert reports["d"].error == "OSError: no thoughts (thinker.py:4)"
    rig.algorithm("nobody", ECHO)
    rig.algorithm("thinker", ECHO)
    rig.running("d")  # tried again with back-off


def test_a_job_is_loaded_beside_running_ones(rig: Rig, camera: Camera) -> None:
    rig.algorithm(
        "sluggish",
        "import time\nfrom edged import BaseAlgo\nclass Sluggish(BaseAlgo):\n    def init(self):\n"
        "        time.sleep(1.5)\n        end = time.monotonic() + 0.5\n"
        "        while time.monotonic() < end:\n            pass\n"
        "    def run(self, frames):\n        pass\n",
    )
    echo = job("echo", "echo")
    rig.apply(echo)
    camera.offer(rig.channel)
    rig.running("echo")
    rig.apply(echo, job("slow", "sluggish"))
    watch = Stopwatch()
    while rig.states("slow")[-1:] != ["running"]:
        shoot_and_wait(rig, camera, "echo", 1)
        time.sleep(0.02)
    limit_ms = 100 if watch.crowded_s < CALM_S else 1000
    assert len(rig.results("echo")) > 10
    assert rig.frames("echo") == list(range(camera.index + 1))
    assert max(result["latency_ms"]["total"] for result in rig.results("echo")) < limit_ms
    assert rig.counted("echo", lambda stats: stats.runs == camera.index + 1).skipped == {}


def test_what_does_not_change_goes_on_untouched(rig: Rig, camera: Camera) -> None:
    other = Camera("other")
    one, two = job("one", "echo"), job("two", "echo")
    rig.apply(one, two)
    camera.offer(rig.channel)
    other.offer(rig.channel)
    rig.running("one", "two")
    shoot_and_wait(rig, camera, "two", 2)
    rig.apply(one, two)
    shoot_and_wait(rig, camera, "two", 1)
    rig.apply(one, job("two", "echo", params={"note": "new"}))
    rig.until(lambda: rig.states("two") == ["starting", "running"] * 2)
    shoot_and_wait(rig, camera, "two", 1)
    rig.apply(job("one", "echo", "cam", "other", qos=1), job("two", "echo", params={"note": "new"}))
    rig.until(lambda: other.shoot() and rig.results("one", "other"))
    shoot_and_wait(rig, camera, "one", 1)
    rig.until(lambda: len(rig.results("two")) == 5)
    assert [result["data"]["runs"] for result in rig.results("one", "cam")] == [1, 2, 3, 4, 5]
    assert [result["data"]["runs"] for result in rig.results("two")] == [1, 2, 3, 1, 2]
    assert [result["data"]["note"] for result in rig.results("two")] == ["", "", "", "new", "new"]
    assert [result["seq"] for result in rig.results("two")] == [1, 2, 3, 4, 5]
    assert rig.results("one", "other")[0]["seq"] == 1
    assert rig.states("one") == ["starting", "running"]
    assert [output.qos for output in rig.of(OutputKind.RESULT, "one", "cam")] == [0, 0, 0, 0, 1]
    other.close()


def test_a_camera_that_cannot_be_added_leaves_the_others_running(rig: Rig, camera: Camera) -> None:
    picky = ECHO.replace(
        "self.runs = self.resets = 0",
        "self.runs = self.resets = 0\n"
        "        if self.context.source == 'bad': raise RuntimeError('never this one')",
    )
    rig.algorithm("picky", picky)
    rig.apply(job("picky", "picky"))
    camera.offer(rig.channel)
    rig.running("picky")
    shoot_and_wait(rig, camera, "picky", 2)
    rig.apply(job("picky", "picky", "cam", "bad"))
    rig.until(lambda: rig.states("picky")[-1] == "failed")
    assert "never this one" in rig.reports[-1].error
    shoot_and_wait(rig, camera, "picky", 2)
    rig.apply(job("picky", "picky"))
    rig.running("picky")
    shoot_and_wait(rig, camera, "picky", 1)
    assert [result["data"]["runs"] for result in rig.results("picky")] == [1, 2, 3, 4, 5]


def test_a_change_that_is_taken_back_changes_nothing(
    rig: Rig, camera: Camera, gate: Gate, request: pytest.FixtureRequest
) -> None:
    rig.algorithm("waiter", waiting_to_open(request.node.name))
    rig.apply(job("echo", "echo"))
    camera.offer(rig.channel)
    rig.running("echo")
    shoot_and_wait(rig, camera, "echo", 2)
    rig.apply(job("echo", "waiter"))
    gate.wait_until_entered()
    rig.apply(job("echo", "echo"))
    rig.running("echo")
    gate.let()
    shoot_and_wait(rig, camera, "echo", 2)
    assert [result["data"]["runs"] for result in rig.results("echo")] == [1, 2, 3, 4]


def test_a_changed_job_runs_on_until_the_new_one_is_loaded(
    rig: Rig, camera: Camera, gate: Gate, request: pytest.FixtureRequest
) -> None:
    rig.algorithm("waiter", waiting_to_open(request.node.name))
    rig.apply(job("echo", "echo"))
    camera.offer(rig.channel)
    rig.running("echo")
    shoot_and_wait(rig, camera, "echo", 1)
    rig.apply(job("echo", "waiter", params={"note": "new"}))
    gate.wait_until_entered()
    shoot_and_wait(rig, camera, "echo", 2)
    gate.let()
    rig.running("echo")
    shoot_and_wait(rig, camera, "echo", 2)
    assert [result["data"]["note"] for result in rig.results("echo")] == ["", "", "", "new", "new"]


def test_jobs_that_are_gone_are_closed(rig: Rig, camera: Camera, tmp_path: Path) -> None:
    rig.algorithm(
        "closer",
        "from pathlib import Path\nfrom edged import Algorithm, Outcome\nclass Closer(Algorithm):\n"
        "    def run(self, window, before):\n        return Outcome()\n"
        "    def close(self):\n"
        f"        Path({str(tmp_path)!r}, self.context.job + '.closed').touch()\n",
    )
    rig.apply(job("going", "closer"), job("staying", "closer"))
    camera.offer(rig.channel)
    rig.running("going", "staying")
    shoot_and_wait(rig, camera, "going", 1)
    rig.apply(job("staying", "closer"))
    rig.until((tmp_path / "going.closed").exists)
    assert not (tmp_path / "staying.closed").exists()
    shoot_and_wait(rig, camera, "staying", 1)
    assert rig.frames("going") == [0]
    rig.stop()
    assert (tmp_path / "staying.closed").exists()


def tracks_mapped() -> int:
    maps = Path("/proc/self/maps").read_text().splitlines()
    return sum("edged-frame-track" in line for line in maps)


def test_a_new_generation_goes_on_where_the_old_one_ended(rig: Rig, camera: Camera) -> None:
    rig.apply(job("echo", "echo", sampling=Sampling(interval_us=300_000)), job("all", "echo"))
    before = tracks_mapped()
    camera.offer(rig.channel)
    rig.running("echo", "all")
    shoot_and_wait(rig, camera, "all", 5)
    camera.offer(rig.channel)
    shoot_and_wait(rig, camera, "all", 5)
    assert rig.frames("all") == list(range(10))
    assert rig.frames("echo") == [0, 3, 6, 9]
    assert [result["data"]["runs"] for result in rig.results("all")] == list(range(1, 11))
    rig.until(lambda: tracks_mapped() == before + 2)  # the writer's and the reader's of the newest
    assert rig.channel.send(TrackGone("cam"), wait_s=1)
    rig.until(lambda: tracks_mapped() == before + 1)


def test_a_job_that_loads_slowly_begins_with_its_first_turn(
    rig: Rig, camera: Camera, gate: Gate, request: pytest.FixtureRequest
) -> None:
    rig.algorithm("waiter", waiting_to_open(request.node.name))
    camera.offer(rig.channel)
    rig.apply(job("echo", "waiter", sampling=Sampling(interval_us=3_600_000_000)))
    gate.wait_until_entered()
    for _ in range(3):
        camera.shoot()
    gate.let()
    rig.until(lambda: rig.frames("echo") == [0])
    assert rig.counted("echo", lambda stats: stats.runs == 1).skipped == {}


@pytest.mark.parametrize(("age_s", "seq"), [(60, 0), (1, 7)], ids=["long ago", "its predecessor's"])
def test_frames_from_before_its_time_are_not_its_own(
    rig: Rig, camera: Camera, age_s: float, seq: int
) -> None:
    camera.offer(rig.channel)
    camera.shoot(age_s=age_s)
    hourly = Sampling(interval_us=3_600_000_000)
    rig.apply(job("hourly", "echo", sampling=hourly, numbering={"cam": Numbering(seq)}), job("all", "echo"))
    rig.running("hourly", "all")
    camera.shoot()
    rig.until(lambda: rig.frames("all")[-1:] == [1])
    assert rig.frames("hourly") == []


def test_an_overload_is_shared_by_all_cameras(rig: Rig, gate: Gate, request: pytest.FixtureRequest) -> None:
    """There is time for five runs while eight frames come."""
    cameras = [Camera(f"cam{number}") for number in range(8)]
    sources = [camera.source for camera in cameras]
    rig.apply(job("gated", "gated", *sources, params={"gate": request.node.name}))
    for camera in cameras:
        camera.offer(rig.channel)
    rig.running("gated")
    shots, done = 30 * len(cameras), 0
    for number in range(shots):
        cameras[number % 8].shoot()
        for _ in range((number + 1) * 5 // 8 - done):
            gate.let()
            done += 1
            rig.until(lambda wanted=done: len(rig.results("gated")) == wanted)
            newest = rig.results("gated")[-1]
            camera = cameras[sources.index(newest["source"])]
            assert newest["frame"]["index"] >= camera.index - 1, "what waits gives way to a newer one"
    gate.let(len(cameras))
    stats = rig.counted("gated", lambda stats: stats.runs + stats.skipped.get("late", 0) == shots)
    assert done <= stats.runs <= done + len(cameras)
    runs = [len(rig.results("gated", source)) for source in sources]
    assert min(runs) >= 0.8 * sum(runs) / len(runs), runs
    for camera in cameras:
        camera.close()


def test_stop_drains(rig: Rig, camera: Camera, gate: Gate, request: pytest.FixtureRequest) -> None:
    rig.apply(job("gated", "gated", params={"gate": request.node.name}), job("echo", "echo"))
    camera.offer(rig.channel)
    rig.running("gated", "echo")
    camera.shoot()
    gate.wait_until_entered()
    camera.shoot()
    assert rig.channel.send(Stop(), wait_s=1)
    gate.let(2)
    rig.stop()
    assert rig.frames("gated") == [0, 1]
    assert rig.frames("echo") == [1]
    assert rig.stats["gated"].runs == 2


def test_heartbeat_names_the_run(
    rig: Rig, camera: Camera, gate: Gate, request: pytest.FixtureRequest
) -> None:
    rig.apply(job("gated", "gated", params={"gate": request.node.name}, deadline_s=0.2))
    camera.offer(rig.channel)
    rig.running("gated")
    assert rig.heartbeat.overdue(time.monotonic_ns()) is None
    camera.shoot()
    gate.wait_until_entered()
    activity = rig.until(lambda: rig.heartbeat.overdue(time.monotonic_ns()))
    assert (activity.lane, activity.phase, activity.job, activity.source) == (0, "run", "gated", "cam")
    gate.let()
    rig.until(lambda: rig.heartbeat.overdue(time.monotonic_ns()) is None)
