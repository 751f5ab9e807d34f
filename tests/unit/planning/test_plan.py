"""Settings in, what should run out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.model.capturing import Recording
from edged.model.frame import FrameFormat, FrameHeader
from edged.model.messages import ClipOrder, LinkSpec
from edged.model.patching import merge
from edged.model.recordings import Keeping, SourceKeeping
from edged.model.sampling import SampleOn, Sampling, is_due
from edged.planning.plan import Plan, demand_of, make_plan, reaches_of, slots_for
from edged.settings import parse_settings
from edged.settings.network import read_spec
from edged.types import MonotonicNs, PtsUs, WallNs

HEAD = "device: box\n"


def plan_of(spec: str, folder: Path = Path("/etc/edged"), head: str = HEAD) -> Plan:
    loaded = parse_settings(head + "spec:\n" + spec, file="edged.yaml", folder=folder)
    return make_plan(loaded, folder)


def test_a_minimal_spec_gives_every_default() -> None:
    plan = plan_of("  sources: {cam: {url: video.mp4}}\n  jobs: {people: {algorithm: motion}}\n")
    assert plan.captures["cam"].url == "/etc/edged/video.mp4"
    job = plan.jobs["people"]
    assert (job.worker, job.enabled, job.spec.sources) == ("main", True, ("cam",))
    assert job.spec.sampling == Sampling()
    assert not plan.failed_sources
    assert not plan.failed_jobs


def test_a_secret_is_in_the_url_that_is_opened_and_in_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAM", "p@ss/w")
    plan = plan_of("  sources: {cam: {url: 'rtsp://admin:${env:CAM}@127.0.0.1/s'}}\n")
    capture = plan.captures["cam"]
    assert capture.url == "rtsp://admin:p%40ss%2Fw@127.0.0.1/s"
    assert "p@ss" not in capture.redacted_url
    assert "p%40ss" not in capture.redacted_url


def test_what_may_be_a_secret_in_params_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    monkeypatch.setenv("MODEL", "heads.onnx")
    plan = plan_of(
        "  jobs:\n"
        "    j:\n"
        "      algorithm: x\n"
        "      params: {header: 'Bearer ${env:TOKEN}', deep: [{er: '${env:MODEL}'}], n: 3, label: person}\n"
        "      then: [{algorithm: y, params: {auth: {user: gate, password: 'a $${ b', pin: 1234}}}]\n"
    )
    spec = plan.jobs["j"].spec
    first, second = spec.chain
    assert first.params["header"] == "Bearer hunter2"
    assert first.hidden == ("hunter2", "heads.onnx")
    assert second.hidden == ("gate", "a ${ b", "1234")
    assert spec.hidden == (*first.hidden, *second.hidden)
    assert "hunter2" not in repr(plan)


def test_what_is_wrong_with_one_source_or_job_fails_that_one_alone() -> None:
    plan = plan_of(
        "  sources: {good: {url: a.mp4}, bad: {url: 'rtsp://u:${env:EDGED_NOT_SET}@h/'}}\n"
        "  jobs:\n"
        "    fine: {algorithm: motion}\n"
        "    broken: {algorithm: motion, params: {key: {deep: ['${env:EDGED_NOT_SET}']}}}\n"
    )
    assert set(plan.captures) == {"good"}
    assert "EDGED_NOT_SET" in plan.failed_sources["bad"].message
    assert set(plan.jobs) == {"fine"}
    assert plan.failed_jobs["broken"].code == "not_found"


def test_files_outside_media_are_refused_also_through_a_link(tmp_path: Path) -> None:
    inside, outside = tmp_path / "media", tmp_path / "outside.mp4"
    inside.mkdir()
    outside.touch()
    (inside / "good.mp4").touch()
    (inside / "link.mp4").symlink_to(outside)
    spec = f"  sources: {{good: {{url: {inside}/good.mp4}}, link: {{url: {inside}/link.mp4}}}}\n"
    plan = plan_of(spec, head=f"{HEAD}media: [{inside}]\n")
    assert set(plan.captures) == {"good"}
    assert plan.failed_sources["link"].code == "not_allowed"


@pytest.mark.parametrize(
    "url",
    [
        "FILE://{outside}",
        "file://localhost{outside}",
        "file://{inside}/%2e%2e/outside.mp4",
        "{inside}/../outside.mp4",
        "../outside.mp4",
        "/dev/..{outside}",
        "/dev/shm/x.mp4",
        "file:///dev/video0",
        "{inside}/round.mp4",
    ],
)
def test_no_way_of_writing_a_file_leads_around_media(tmp_path: Path, url: str) -> None:
    inside, outside = tmp_path / "media", tmp_path / "outside.mp4"
    inside.mkdir()
    (inside / "round.mp4").symlink_to(tmp_path / "round")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    spec = f"  sources: {{cam: {{url: '{url.format(inside=inside, outside=outside)}'}}}}\n"
    plan = plan_of(spec, inside, head=f"{HEAD}media: [{inside}]\n")
    assert not plan.captures
    assert plan.failed_sources["cam"].code == "not_allowed"


@pytest.mark.parametrize(
    "url",
    ["good.mp4", "{inside}/good.mp4", "FILE://localhost{inside}/good.mp4", "file://{inside}/g%6Fod.mp4"],
)
def test_every_way_of_writing_a_file_below_media_is_allowed(tmp_path: Path, url: str) -> None:
    spec = f"  sources: {{cam: {{url: '{url.format(inside=tmp_path)}'}}}}\n"
    assert not plan_of(spec, tmp_path, head=f"{HEAD}media: [{tmp_path}]\n").failed_sources


@pytest.mark.parametrize("url", ["/dev/video0", "pattern://testsrc2", "rtsp://h/s"])
def test_media_is_about_files_alone(url: str) -> None:
    assert not plan_of(f"  sources: {{cam: {{url: '{url}'}}}}\n", head=f"{HEAD}media: []\n").failed_sources


def test_every_reference_that_is_missing_is_told_where_it_stands() -> None:
    plan = plan_of(
        "  sources: {cam: {url: 'rtsp://u:${env:EDGED_NOT_SET}@h/'}}\n"
        "  jobs:\n"
        "    broken:\n"
        "      algorithm: motion\n"
        "      params: {token: '${env:EDGED_NOT_SET}', list: [1, '${credential:no}']}\n"
        "      then: [{algorithm: motion}, {algorithm: motion, params: {y: '${env:NOR_THIS}'}}]\n"
    )
    assert [problem.path for problem in plan.failed_sources["cam"].problems] == ["spec.sources.cam.url"]
    failure = plan.failed_jobs["broken"]
    assert [problem.path.removeprefix("spec.jobs.broken.") for problem in failure.problems] == [
        "params.token",
        "params.list.1",
        "then.1.params.y",
    ]
    assert "EDGED_NOT_SET" in failure.message
    assert "NOR_THIS" in failure.message


samplings = st.builds(
    Sampling,
    interval_us=st.sampled_from([0, 100_000, 333_333, 1_000_000]),
    count=st.integers(1, 3),
    step=st.integers(0, 3),
    on=st.sampled_from(SampleOn),
)


def links_of(spec: dict[str, Any], own: dict[str, Any]) -> tuple[LinkSpec, ...]:
    """Of the job ``j`` of a spec from the network, on a device whose own file has ``own``."""
    text = json.dumps({"device": "box", "spec": {"jobs": {"j": own}}})
    loaded = parse_settings(text, file="f", folder=Path("/etc/edged"))
    plan = make_plan(read_spec({"jobs": {"j": spec}}, loaded), Path("/etc/edged"))
    return plan.jobs["j"].spec.chain


def test_models_elsewhere_are_opened_only_where_the_devices_own_file_names_them() -> None:
    own = {"algorithm": "x", "params": {"model": "/opt/m.onnx", "names": ["a"], "score": 1}}
    chained = {**own, "then": [{"algorithm": "y", "params": {"model": "/opt/n.onnx"}}]}
    (link,) = links_of({**own, "sampling": {"interval": 2}}, own)
    assert link.files is None
    (link,) = links_of({**own, "params": {**own["params"], "score": 2}}, own)
    assert link.files == ("/opt/m.onnx",)
    (link,) = links_of({**own, "params": {**own["params"], "model": "/etc/shadow"}}, own)
    assert link.files == ()
    (link,) = links_of({**own, "algorithm": "other"}, own)
    assert link.files == ()
    first, second = links_of({**chained, "params": {"model": "/x"}}, chained)
    assert (first.files, second.files) == ((), None)
    moved = {"algorithm": "y", "params": {"model": "/opt/n.onnx"}}
    assert [link.files for link in links_of({**own, "then": [moved, moved]}, chained)] == [None, None, ()]


def test_a_job_that_a_patch_does_not_touch_is_planned_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    kept = {"algorithm": "x", "params": {"token": "${env:TOKEN}", "model": "/opt/m.onnx"}}
    own = {"jobs": {"kept": kept, "other": {"algorithm": "y"}}}
    loaded = parse_settings(json.dumps({"device": "b", "spec": own}), file="f", folder=Path("/etc"))
    patched = merge(own, {"jobs": {"other": {"params": {"a": 1}}}})
    before, after = make_plan(loaded, Path("/etc")), make_plan(read_spec(patched, loaded), Path("/etc"))
    assert after.jobs["kept"] == before.jobs["kept"]
    assert after.jobs["kept"].spec.chain[0].params["token"] == "hunter2"
    assert after.jobs["other"] != before.jobs["other"]


@st.composite
def headers(draw: st.DrawFn) -> FrameHeader:
    previous = draw(st.none() | st.integers(0, 5_000_000))
    gap = draw(st.integers(1, 2_000_000))
    pts = (previous or 0) + gap
    return FrameHeader(
        epoch=1,
        index=5,
        key_index=2,
        pts_us=PtsUs(pts),
        t0_us=PtsUs(0),
        first_index=0,
        first_key_index=0,
        previous_us=None if previous is None else PtsUs(previous),
        previous_key_us=None,
        keyframe=draw(st.booleans()),
        captured_ns=MonotonicNs(0),
        captured_wall_ns=WallNs(0),
        format=FrameFormat(16, 16),
    )


@given(st.lists(samplings, max_size=5), headers())
def test_whatever_is_due_for_a_job_is_in_the_demand(wanted: list[Sampling], header: FrameHeader) -> None:
    demand = demand_of(wanted)
    due = any(is_due(sampling, header) for sampling in wanted)
    copied = demand.every_frame or any(is_due(sampling, header) for sampling in demand.samplings)
    assert copied or not due
    if demand.keyframes_only:
        assert all(sampling.on is SampleOn.KEYFRAMES for sampling in wanted)
    if not wanted:
        assert demand.nothing


@given(st.lists(st.tuples(st.sampled_from(["main", "own"]), samplings), max_size=5))
def test_a_track_has_room_for_every_window_and_the_writer(wanted: list[tuple[str, Sampling]]) -> None:
    slots, workers = slots_of(*wanted), len({worker for worker, _ in wanted})
    frames = [sampling.reach for _, sampling in wanted if sampling.on is SampleOn.FRAMES]
    windows = [
        sampling.reach for _, sampling in wanted if sampling.on is SampleOn.KEYFRAMES and sampling.count > 1
    ]
    needed = max(frames, default=1) + max(windows, default=0)
    assert needed + workers + 1 <= slots <= 2 * needed + workers + 10


def slots_of(*wanted: tuple[str, Sampling]) -> int:
    return slots_for(reaches_of(wanted), demand_of(sampling for _, sampling in wanted))


def test_a_job_that_waits_its_turn_beside_one_on_every_frame_finds_its_frame() -> None:
    """At 30 per second a quarter of a second passes before the due frame is overwritten."""
    every, rare = Sampling(interval_us=0), Sampling(interval_us=1_000_000)
    assert slots_of(("main", every), ("main", rare)) >= 8 + 3
    assert slots_of(("main", every), ("main", Sampling(count=2))) >= 8 + 4
    assert slots_of(("main", every)) == slots_of(("main", rare)) == 4, "the newest will do, or few are copied"


def test_windows_of_keyframes_beside_frames_ask_for_all_keyframes_and_not_for_all_frames() -> None:
    window = Sampling(interval_us=1_000_000, count=3, on=SampleOn.KEYFRAMES)
    demand = demand_of([window, Sampling()])
    assert not demand.every_frame
    assert not demand.keyframes_only
    assert Sampling(interval_us=0, on=SampleOn.KEYFRAMES) in demand.samplings
    assert demand.keep_keyframes >= 3
    assert demand_of([Sampling(on=SampleOn.KEYFRAMES), Sampling()]).keep_keyframes == 0


def test_what_is_recorded_is_planned() -> None:
    plan = plan_of(
        "  sources:\n"
        "    gate: {url: rtsp://127.0.0.1/a, buffer: 2, record: {segment: 60, max_mb: 100}}\n"
        "    yard: {url: rtsp://127.0.0.1/b}\n"
        "  jobs:\n"
        "    people: {algorithm: motion, sources: [gate], record: {on: [enter], before: 5, after: 7}}\n"
        "    paused: {algorithm: motion, enabled: false, record: {on: [enter], before: 100}}\n",
        head=HEAD + "recordings: {path: disk, max_mb: 500, max_days: 3}\n",
    )
    gate, yard = plan.captures["gate"], plan.captures["yard"]
    assert gate.folder == "/etc/edged/disk/gate"
    assert gate.recording == Recording(60)
    assert gate.buffer_s > 5, "the seconds before an event are still there when the job has seen it"
    assert (yard.recording, yard.buffer_s) == (None, 0)
    assert plan.jobs["people"].spec.clips == ClipOrder(("enter",), 5, 7)
    assert plan.keeping == Keeping("/etc/edged/disk", 500, 3, {"gate": SourceKeeping(100)})
