"""Jobs with users' own algorithms: what one does wrong, or is changed to, leaves the others alone."""

from __future__ import annotations

import os
import select
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.servers.daemon import Daemon, Subscriber
from tests.servers.mosquitto import Mosquitto
from tests.stopwatch import Stopwatch

ALGORITHMS = str(Path(__file__).resolve().parent.parent / "algorithms")
RATE = 20
INTERVAL_S = 0.3
STEP = round(RATE * INTERVAL_S)
"""Frames from one result of a steady job to the next."""
BACK_WITHIN_S = 3.0
"""The contract: after a worker was killed the others have results again."""
DEADLINE_S = 2
NOTICED_WITHIN_S = 60.0
STATUS_WITHIN_S = 60.0
"""Statuses with fresh counters come every 10 s."""
PROVED_WITHIN_S = 120.0
"""The contract: an ``init`` that neither fetches nor builds has so long."""

GATE = {"url": f"pattern://testsrc2?size=320x240&rate={RATE}"}
STEADY = {"algorithm": "ticks", "sampling": {"interval": INTERVAL_S}}


def trouble(what: str, **params: Any) -> dict[str, Any]:
    return {
        "algorithm": "trouble",
        "params": {"what": what, **params},
        "sampling": {"interval": INTERVAL_S},
        "deadline": DEADLINE_S,
    }


def daemon_with(
    tmp_path: Path, broker: Mosquitto, jobs: dict[str, Any], sources: dict[str, Any] | None = None
) -> Daemon:
    spec = {"sources": sources or {"gate": GATE}, "jobs": jobs}
    return Daemon(tmp_path / "box", broker.port, spec, algorithms=[ALGORITHMS])


def wait_until_gone(pid: int, within_s: float) -> float:
    """When the process ended (``time.monotonic()``); now when it is gone already."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return time.monotonic()
    try:
        ended, _, _ = select.select([fd], [], [], within_s)
        assert ended, f"process {pid} is still there after {within_s} s"
        return time.monotonic()
    finally:
        os.close(fd)


def check_numbers(ears: Subscriber, job: str, source: str = "gate") -> None:
    """Without gap or repeat, over all workers there were."""
    results = [one.content for one in ears.results(job, source)]
    assert [result["seq"] for result in results] == list(range(1, len(results) + 1))
    assert len({result["boot"] for result in results}) == 1
    indexes = [result["frame"]["index"] for result in results]
    assert all(before < after for before, after in pairwise(indexes)), indexes


def check_steady(ears: Subscriber, job: str, source: str = "gate") -> None:
    """Nothing was done to it: it kept to its grid, and was never away for as long as a restart may take.

    (That it missed no turn at all is more than a busy machine can promise.)
    """
    check_numbers(ears, job, source)
    heard = ears.results(job, source)
    indexes = [one.content["frame"]["index"] for one in heard]
    assert all((after - before) % STEP == 0 for before, after in pairwise(indexes)), indexes
    waits = [after.calm_s - before.calm_s for before, after in pairwise(heard)]
    assert max(waits) < BACK_WITHIN_S, (indexes, waits)


def check_accounted(ears: Subscriber, job: str) -> None:
    """From its first result on, every turn of a steady job on the gate ran or was counted as missed."""
    now_s = time.monotonic()
    status = ears.until(f"job/{job}/status", within_s=STATUS_WITHIN_S, since_s=now_s).content
    indexes = [one.content["frame"]["index"] for one in ears.results(job, "gate")][: status["runs"]]
    missed = (indexes[-1] - indexes[0]) // STEP + 1 - len(indexes)
    assert missed <= status["skipped"], (indexes, status)


def is_failed(status: dict[str, Any]) -> bool:
    return bool(status["state"] == "failed")


# ---- what algorithms do wrong ----


@pytest.mark.parametrize("what", ["raise", "exit"])
def test_one_that_raises_harms_no_other(tmp_path: Path, broker: Mosquitto, what: str) -> None:
    jobs = {"bad": trouble(what, times=2), "worse": trouble(what), "good": STEADY}
    with Subscriber(broker.port) as ears, daemon_with(tmp_path, broker, jobs) as daemon:
        for job in ("bad", "worse"):
            status = ears.until(f"job/{job}/status", is_failed).content
            assert status["code"] == "algorithm_failed"
            assert "trouble.py:" in status["error"]
            assert ("the door is ajar" if what == "raise" else "I leave") in status["error"]
        worker = daemon.child("worker:main")
        failed_s = time.monotonic()
        ears.until("job/bad/status", lambda status: status["state"] == "running", since_s=failed_s)
        ears.until("job/bad/gate/result", since_s=failed_s)
        assert daemon.child("worker:main") == worker
        daemon.stop()
        check_steady(ears, "good")
        check_numbers(ears, "bad")
        assert len(ears.results("worse", "gate")) == 3
        assert daemon.log.count("Traceback") <= 2  # one for each job, not one for each try
        assert {one.content["state"] for one in ears.messages("job/good/status")} <= {"starting", "running"}


@pytest.mark.parametrize(("what", "reason"), [("hang", "silent past its deadline"), ("segfault", "SIGSEGV")])
def test_one_that_takes_its_worker_down_stays_out_the_second_time(
    tmp_path: Path, broker: Mosquitto, what: str, reason: str
) -> None:
    jobs = {"bad": trouble(what), "good": STEADY}
    with Subscriber(broker.port) as ears, daemon_with(tmp_path, broker, jobs) as daemon:
        ears.until("job/good/gate/result")
        for strike in (1, 2):
            gone_s = wait_until_gone(daemon.child("worker:main"), NOTICED_WITHIN_S)
            watch = Stopwatch()
            ears.until("job/good/gate/result", since_s=gone_s)
            assert watch.is_within(BACK_WITHIN_S)
            if strike == 1:
                first = ears.until(
                    "job/bad/status", lambda status: reason in status.get("error", ""), since_s=gone_s - 1
                )
                assert first.content["state"] == "starting"
        out = ears.until("job/bad/status", is_failed).content
        assert out["code"] == "algorithm_failed"
        assert reason in out["error"]
        assert "out after 2 times" in out["error"]
        worker = daemon.child("worker:main")
        out_s = time.monotonic()
        for _ in range(10):  # as many turns as the bad one would need to do it again, three times over
            at_s = ears.until("job/good/gate/result", since_s=out_s).at_s
            out_s = at_s + 0.001
        assert daemon.child("worker:main") == worker
        assert not ears.results("bad", "gate", since_s=out_s - 2)
        daemon.stop()
        check_numbers(ears, "good")
        check_numbers(ears, "bad")
        assert {one.content["state"] for one in ears.messages("job/good/status")} <= {"starting", "running"}


def test_one_that_crashes_while_loading_meets_only_the_prover(tmp_path: Path, broker: Mosquitto) -> None:
    with Subscriber(broker.port) as ears, daemon_with(tmp_path, broker, {"good": STEADY}) as daemon:
        ears.until("job/good/gate/result")
        worker = daemon.child("worker:main")
        more = {"bad": trouble("init-segfault"), "good": STEADY, "late": STEADY}
        daemon.reload({"sources": {"gate": GATE}, "jobs": more})
        status = ears.until("job/bad/status", is_failed).content
        assert status["code"] == "algorithm_failed"
        assert "SIGSEGV" in status["error"]
        ears.until("job/late/gate/result")
        assert daemon.child("worker:main") == worker
        daemon.stop()
        check_steady(ears, "good")
        assert not ears.results("bad", "gate")


def test_one_that_hangs_while_loading_holds_nobody_up(tmp_path: Path, broker: Mosquitto) -> None:
    jobs = {"bad": trouble("init-hang"), "worse": trouble("init-hang"), "good": STEADY}
    with Subscriber(broker.port) as ears, daemon_with(tmp_path, broker, jobs) as daemon:
        ears.until("job/good/gate/result", within_s=40)
        ears.until("info", lambda info: "ticks" in info["algorithms"], within_s=40)
        assert ears.messages("job/bad/status")[-1].content["state"] == "starting"
        assert daemon.stop() < 5
        check_steady(ears, "good")


def test_one_that_hangs_at_its_first_frame_meets_only_the_prover(tmp_path: Path, broker: Mosquitto) -> None:
    jobs = {"bad": trouble("hang", after=0), "good": STEADY}
    with Subscriber(broker.port) as ears, daemon_with(tmp_path, broker, jobs) as daemon:
        ears.until("job/good/gate/result")
        worker = daemon.child("worker:main")
        status = ears.until("job/bad/status", is_failed, within_s=10 + NOTICED_WITHIN_S).content
        assert "silent past its deadline" in status["error"]
        ears.until("job/good/gate/result", since_s=time.monotonic())
        assert daemon.child("worker:main") == worker
        daemon.stop()
        check_steady(ears, "good")


@pytest.mark.slow
def test_one_that_hangs_while_loading_is_failed_after_its_time(tmp_path: Path, broker: Mosquitto) -> None:
    jobs = {"bad": trouble("init-hang"), "good": STEADY}
    with Subscriber(broker.port) as ears, daemon_with(tmp_path, broker, jobs) as daemon:
        status = ears.until("job/bad/status", is_failed, within_s=PROVED_WITHIN_S + NOTICED_WITHIN_S).content
        assert status["code"] == "algorithm_failed"
        assert "silent past its deadline" in status["error"]
        ears.until("job/good/gate/result", since_s=time.monotonic())
        assert daemon.lasting().keys() == daemon.children().keys()
        daemon.stop()
        check_steady(ears, "good")


def test_a_file_that_crashes_when_imported_is_left_out_of_the_list(tmp_path: Path, broker: Mosquitto) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "crash.py").write_text("import ctypes\nctypes.string_at(0)\n")
    (folder / "broken.py").write_text("def half(:\n")
    spec = {"sources": {"gate": GATE}, "jobs": {"good": STEADY}}
    daemon = Daemon(tmp_path / "box", broker.port, spec, algorithms=[ALGORITHMS, str(folder)])
    with Subscriber(broker.port) as ears, daemon:
        info = ears.until("info", lambda info: "ticks" in info["algorithms"]).content
        assert not {"crash", "broken"} & set(info["algorithms"])
        ears.until("job/good/gate/result")
        assert "importing crash hangs, or crashes the process" in daemon.log


def test_one_in_a_worker_of_its_own_harms_none_elsewhere(tmp_path: Path, broker: Mosquitto) -> None:
    jobs = {"bad": {**trouble("hang"), "worker": "doubtful"}, "good": STEADY}
    with Subscriber(broker.port) as ears, daemon_with(tmp_path, broker, jobs) as daemon:
        ears.until("job/good/gate/result")
        worker = daemon.child("worker:main")
        status = ears.until("job/bad/status", is_failed, within_s=30).content
        assert "out after 2 times" in status["error"]
        ears.until("job/good/gate/result", since_s=time.monotonic())
        assert daemon.child("worker:main") == worker
        daemon.stop()
        check_steady(ears, "good")


# ---- SIGHUP ----


def test_what_changes_leaves_the_others_alone(tmp_path: Path, broker: Mosquitto) -> None:
    sources = {"gate": GATE, "yard": GATE}
    watch = {**STEADY, "sources": ["gate"]}
    wide = {
        "algorithm": "windows",
        "sources": ["gate"],
        "sampling": {"interval": INTERVAL_S, "count": 5, "step": 15},
    }
    jobs = {"good": STEADY, "watch": watch, "wide": wide, "changed": trouble("nothing")}
    with Subscriber(broker.port) as ears, daemon_with(tmp_path, broker, jobs, sources) as daemon:
        for job in ("good/gate", "good/yard", "changed/gate", "wide/gate"):
            ears.until(f"job/{job}/result")
        before = daemon.lasting()
        reloaded_s = time.monotonic()
        deep = {"algorithm": "windows", "sampling": {"interval": INTERVAL_S, "count": 5, "step": 20}}
        jobs |= {"changed": trouble("nothing", after=500), "new": deep, "apart": {**STEADY, "worker": "own"}}
        daemon.reload({"sources": {"gate": GATE, "yard": {**GATE, "size": [160, 120]}}, "jobs": jobs})
        ears.until("job/new/gate/result", since_s=reloaded_s)  # its frame track is deeper,
        ears.until("job/apart/gate/result", since_s=reloaded_s)  # and has one more reader
        ears.until("job/changed/gate/result", lambda result: result["data"]["left"] > 400)
        ears.until("job/good/yard/result", lambda result: result["frame"]["width"] == 160)
        ears.until("job/good/gate/result", since_s=time.monotonic())
        after = daemon.lasting()
        for name in ("capture:gate", "worker:main"):
            assert after[name] == before[name], f"{name} was started anew"
        check_accounted(ears, "watch")
        daemon.stop()
        check_steady(ears, "watch")
        check_steady(ears, "good", "gate")
        check_steady(ears, "wide")  # its windows span longer than it may be away: they did not fill anew
        check_numbers(ears, "good", "yard")
        check_numbers(ears, "changed")


def test_a_job_that_is_given_another_worker_goes_on_counting(tmp_path: Path, broker: Mosquitto) -> None:
    jobs = {"good": STEADY, "moved": {**STEADY, "sampling": {"interval": 0}}}
    with Subscriber(broker.port) as ears, daemon_with(tmp_path, broker, jobs) as daemon:
        ears.until("job/moved/gate/result")
        worker = daemon.child("worker:main")
        for name in ("own", "main"):
            moved_s = time.monotonic()
            jobs["moved"] = {**jobs["moved"], "worker": name}
            daemon.reload({"sources": {"gate": GATE}, "jobs": jobs})
            daemon.child(f"worker:{name}")
            ears.until("job/moved/gate/result", since_s=moved_s + 2)
        assert daemon.child("worker:main") == worker
        daemon.stop()
        check_steady(ears, "good")
        check_numbers(ears, "moved")


def test_an_invalid_file_changes_nothing_and_says_where_it_is_wrong(
    tmp_path: Path, broker: Mosquitto
) -> None:
    with Subscriber(broker.port) as ears, daemon_with(tmp_path, broker, {"good": STEADY}) as daemon:
        ears.until("job/good/gate/result")
        before = daemon.lasting()
        wrong = {"sources": {"gate": {**GATE, "size": [0, 720]}}, "jobs": {"good": {"algoritm": "ticks"}}}
        daemon.reload(wrong)
        wait_for_log(daemon, "not reloaded")
        ears.until("job/good/gate/result", since_s=time.monotonic() + 1)
        for line, word in ((place(daemon, "0,"), "size"), (place(daemon, '"algoritm"'), "did you mean")):
            assert any(
                f"edged.yaml:{line}:" in logged and word in logged for logged in daemon.log.splitlines()
            ), daemon.log
        assert daemon.lasting() == before
        daemon.stop()
        check_steady(ears, "good")


def test_what_is_disabled_or_removed_ends_alone(tmp_path: Path, broker: Mosquitto) -> None:
    sources = {"gate": GATE, "yard": GATE, "door": GATE}
    jobs = {
        "good": {**STEADY, "sources": ["gate"]},
        "all": {"algorithm": "motion"},
        "gone": {**STEADY, "worker": "own"},
    }
    with Subscriber(broker.port) as ears, daemon_with(tmp_path, broker, jobs, sources) as daemon:
        for source in sources:
            ears.until(f"job/all/{source}/result")
        ears.until("job/gone/gate/result")
        before = daemon.lasting()
        ending = [before["capture:yard"], before["capture:door"]]
        del sources["door"], jobs["gone"]
        sources["yard"] = {**GATE, "enabled": False}
        jobs["all"] = {"algorithm": "motion", "enabled": False}
        daemon.reload({"sources": sources, "jobs": jobs})
        ears.until("source/yard/status", lambda status: status["state"] == "paused")
        ears.until("job/all/status", lambda status: status["state"] == "paused")
        for pid in ending:
            wait_until_gone(pid, 10)
        over_s = time.monotonic() + 0.5  # what was due is still published
        ears.until("job/good/gate/result", since_s=over_s + 1)
        after = daemon.lasting()
        left = {"capture:gate", "worker:main"}
        assert after == {name: before[name] for name in left}
        assert not [one.topic for one in ears.messages("job/(all|gone)/.*/result", since_s=over_s)]
        with Subscriber(broker.port) as latecomer:  # hears what is retained
            latecomer.until("job/good/gate/result")
            assert not latecomer.messages("source/door/.*")
            assert not latecomer.messages("job/gone/.*")
            assert not latecomer.messages("job/all/door/counts")
        back_s = time.monotonic()
        sources["yard"] = GATE
        jobs |= {"all": {"algorithm": "motion"}, "gone": {**STEADY, "worker": "own"}}
        daemon.reload({"sources": sources, "jobs": jobs})
        for topic in ("job/all/yard/result", "job/gone/yard/result"):
            ears.until(topic, since_s=back_s)
        daemon.stop()
        check_steady(ears, "good")
        for source in ("gate", "yard", "door"):
            check_numbers(ears, "all", source)
            check_numbers(ears, "gone", source)


def wait_for_log(daemon: Daemon, words: str, within_s: float = 60.0) -> None:
    deadline = time.monotonic() + within_s
    while words not in daemon.log:
        assert time.monotonic() < deadline, f"{words!r} not in the log within {within_s} s:\n{daemon.log}"
        time.sleep(0.05)


def place(daemon: Daemon, words: str) -> int:
    """The number of the first line of the config that holds ``words``."""
    lines = daemon.config.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if words in line)
