from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edged.errors import Problem
from edged.model.capturing import SourceReport, SourceState
from edged.model.gauges import CaptureCounters, KeyframeGain
from edged.model.messages import JobState, JobStats
from edged.model.twin import Phase, Reported
from edged.mqtt.codec import (
    DeviceInfo,
    DeviceState,
    Health,
    answer_payload,
    encode_json,
    health_payload,
    info_payload,
    job_status_payload,
    reported_payload,
    source_status_payload,
    state_payload,
)

SINCE_NS = 1_795_165_200_123_000_000
SINCE = "2026-11-20T09:00:00.123Z"


def read(payload: bytes) -> Any:
    return json.loads(payload)


def test_state() -> None:
    payload = state_payload(DeviceState.ONLINE, "7f3a", SINCE_NS)
    assert payload == b'{"state":"online","boot":"7f3a","since":"' + SINCE.encode() + b'"}'


def test_info_leaves_out_what_the_system_does_not_tell() -> None:
    info = read(info_payload(DeviceInfo("0.1.0", "gate-01", algorithms=("detector",))))
    assert info["algorithms"] == ["detector"]
    assert "clock_synced" not in info
    assert read(info_payload(DeviceInfo("0.1.0", "gate-01", clock_synced=False)))["clock_synced"] is False


def test_status_of_a_running_source() -> None:
    report = SourceReport(SourceState.RUNNING, codec="h264", width=1920, height=1080, fps=30.0)
    counters = CaptureCounters(frames=300, decoded=300, copied=10, dropped=1, reconnects=2)
    status = read(
        source_status_payload(
            report, since_ns=SINCE_NS, counters=counters, measured_fps=14.987, last_frame_wall_ns=SINCE_NS
        )
    )
    assert status == {
        "state": "running", "since": SINCE, "fps": 14.99, "width": 1920, "height": 1080, "codec": "h264",
        "frames": 300, "decoded": 300, "copied": 10, "dropped": 1, "reconnects": 2, "last_frame_at": SINCE,
    }  # fmt: skip


def test_a_source_says_what_sampling_on_keyframes_would_save_as_far_as_it_is_known() -> None:
    report = SourceReport(SourceState.RUNNING)
    for gain, said in (
        (KeyframeGain(1 / 60, 0.06123), {"share": 0.0167, "saves_cpu": 0.061}),
        (KeyframeGain(1 / 60), {"share": 0.0167}),
        (None, None),
    ):
        status = read(source_status_payload(report, since_ns=SINCE_NS, counters=CaptureCounters(), gain=gain))
        assert status.get("keyframes") == said


def test_a_frozen_camera_does_not_claim_its_frame_rate() -> None:
    report = SourceReport(SourceState.RUNNING, width=640, height=480, fps=30.0)
    status = read(
        source_status_payload(report, since_ns=SINCE_NS, counters=CaptureCounters(), measured_fps=0.0)
    )
    assert status["fps"] == 0.0


def test_status_of_a_source_that_never_opened_has_the_error_and_no_size() -> None:
    report = SourceReport(SourceState.RETRYING, error="no route to the camera")
    status = read(source_status_payload(report, since_ns=SINCE_NS, counters=CaptureCounters()))
    assert status["error"] == "no route to the camera"
    assert not {"fps", "width", "height", "codec", "last_frame_at"} & set(status)


def test_status_of_a_job_sums_its_missed_turns_and_keeps_their_reasons() -> None:
    stats = JobStats(
        "people",
        100,
        2,
        {"late": 3, "overrun": 0, "failed": 1, "unpictured": 5},
        4.996,
        9.0,
        12.345,
        20.0,
        7.0,
    )
    status = read(job_status_payload(JobState.RUNNING, since_ns=SINCE_NS, stats=stats))
    assert status == {
        "state": "running", "since": SINCE, "runs": 100, "skipped": 4,
        "skipped_by": {"late": 3, "failed": 1, "unpictured": 5},  # pictures are no turns
        "errors": 2, "rate": 5.0, "latency_ms": {"p50": 9.0, "p95": 12.35, "p99": 20.0},
    }  # fmt: skip


def test_status_of_a_job_that_failed_before_its_first_run() -> None:
    status = read(
        job_status_payload(JobState.FAILED, since_ns=SINCE_NS, error="no model", code="model_not_found")
    )
    assert status == {"state": "failed", "since": SINCE, "error": "no model", "code": "model_not_found"}


def test_health_leaves_out_a_thermometer_that_is_not_there() -> None:
    health = read(
        health_payload(Health(SINCE_NS, {"mqtt": 1}, {"mqtt": 0}, 12.34, 55.0, None, {"worker": 0.2}))
    )
    assert health == {
        "time": SINCE, "queues": {"mqtt": 1}, "drops": {"mqtt": 0}, "cpu_percent": 12.3, "memory_mb": 55.0,
        "heartbeats_s": {"worker": 0.2},
    }  # fmt: skip


def test_health_says_what_is_wrong_with_the_disk_and_what_was_refused() -> None:
    health = read(health_payload(Health(SINCE_NS, storage="the disk is full", refused={"too_large": 2})))
    assert (health["storage"], health["refused"]) == ("the disk is full", {"too_large": 2})


def test_reported_of_a_rejected_desired() -> None:
    problems = (
        Problem("spec.jobs.people.params.model", "there is no x.onnx", "model_not_found"),
        Problem("gate.timeout", "should be a number"),
        Problem("", "is no JSON"),
    )
    reported = Reported(7, 1, "7f3a", SINCE_NS, Phase.REJECTED, 8, "sha256:00", problems)
    assert read(reported_payload(reported)) == {
        "revision": 7, "local": 1, "phase": "rejected", "desired_revision": 8, "digest": "sha256:00",
        "boot": "7f3a", "since": SINCE, "errors": [
            {"path": "jobs.people.params.model", "code": "model_not_found", "message": "there is no x.onnx"},
            {"path": "gate.timeout", "code": "invalid", "message": "should be a number"},
            {"code": "invalid", "message": "is no JSON"},
        ],
    }  # fmt: skip


def test_reported_before_there_ever_was_a_desired() -> None:
    assert read(reported_payload(Reported(0, 0, "7f3a", SINCE_NS))) == {
        "revision": 0, "local": 0, "boot": "7f3a", "since": SINCE,
    }  # fmt: skip


def test_reported_stays_small_however_wrong_a_spec_is() -> None:
    problems = tuple(Problem("spec." + "k" * 1000, "m" * 10_000, "unknown_key") for _ in range(50_000))
    payload = reported_payload(Reported(7, 0, "7f3a", SINCE_NS, Phase.REJECTED, 8, "", problems))
    assert len(payload) < 256 * 1024
    assert read(payload)["errors"][-1] == {"code": "invalid", "message": "and 49950 more"}


def test_answers() -> None:
    assert read(answer_payload("17", "ping", "", "", {"uptime_s": 3}, 7)) == {
        "id": "17", "op": "ping", "status": "ok", "data": {"uptime_s": 3}, "revision": 7,
    }  # fmt: skip
    assert read(answer_payload("", "pause", "not_found", "there is no job x", {}, 0)) == {
        "op": "pause", "status": "error", "code": "not_found", "message": "there is no job x", "revision": 0,
    }  # fmt: skip


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    return value


@given(json_values)
def test_any_json_value_reads_back_and_nan_is_null(value: Any) -> None:
    assert read(encode_json(value)) == without_nan(value)


def test_a_file_name_that_is_no_unicode_does_not_break_a_status() -> None:
    assert read(encode_json({"error": "no such file: \udcff.mp4"})) == {"error": "no such file: ?.mp4"}
