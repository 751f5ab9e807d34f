from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from edged.app import diagnosis
from edged.app.checking import Findings
from edged.app.config_diagnosis import look_at_findings, look_at_recordings
from edged.app.diagnosis import Level
from edged.app.reach import why_port_is_away, why_source_is_away
from edged.model.capturing import CaptureSpec
from edged.model.probe import ProbeReport
from edged.model.trying import ProviderCard, ProvidersReport
from edged.planning.plan import Plan, make_plan
from edged.settings import parse_settings


def spec(url: str) -> CaptureSpec:
    return CaptureSpec(revision=0, source="gate", url=url, redacted_url="")


def test_this_machine_has_what_frame_tracks_need() -> None:
    assert diagnosis.kernel().level is not Level.FAIL


def test_decoders_are_asked_of_ffmpeg_itself() -> None:
    verdict = diagnosis.decoders()
    assert verdict.level is Level.OK
    assert "h264" in verdict.finding


def test_storage_that_is_not_there_yet_is_judged_by_its_nearest_folder(tmp_path: Path) -> None:
    assert diagnosis.disk(tmp_path / "a" / "b", 1).level is Level.OK
    assert diagnosis.disk(tmp_path / "a" / "b", 1 << 40).level is Level.WARN
    assert not (tmp_path / "a").exists()


def test_where_recordings_go_is_looked_at_if_there_are_any(tmp_path: Path) -> None:
    day = tmp_path / "disk" / "gate" / "2026-11-25"
    day.mkdir(parents=True)
    with (day / "14-05-00.123Z.mp4").open("wb") as film:
        film.truncate(30_000_000)
    recorded = "{url: rtsp://127.0.0.1/a, record: {}}"

    def verdicts(source: str, recordings: str) -> list[diagnosis.Verdict]:
        text = f"device: box\nrecordings: {recordings}\nspec: {{sources: {{gate: {source}}}}}"
        loaded = parse_settings(text, file="edged.yaml", folder=tmp_path)
        found = Findings(loaded, make_plan(loaded, tmp_path), (), ())
        return list(look_at_recordings(found))

    assert verdicts("{url: rtsp://127.0.0.1/a}", "{path: disk}") == []
    (verdict,) = verdicts(recorded, "{path: disk, max_mb: 35}")
    assert (verdict.level, verdict.subject) == (Level.OK, "recordings")
    (verdict,) = verdicts(recorded, f"{{path: disk, max_mb: {1 << 40}}}")
    assert (verdict.level, "recordings.max_mb" in verdict.mend) == (Level.WARN, True)
    (tmp_path / "file").touch()
    (verdict,) = verdicts(recorded, "{path: file}")
    assert verdict.level is Level.FAIL


def test_films_say_what_sampling_on_keyframes_would_save() -> None:
    videos = {
        "gate": ProbeReport("gate.mp4", fps=30.0, keyframe_interval_s=2.0),
        "still": ProbeReport("still.mjpeg", fps=10.0, keyframe_interval_s=0.1),
        "short": ProbeReport("short.mp4", fps=30.0),
    }
    loaded = parse_settings("device: box", file="edged.yaml", folder=Path())
    (verdict,) = look_at_findings(Findings(loaded, Plan(), (), (), videos))
    assert verdict.subject == "keyframes"
    assert "gate: one every 2 s" in verdict.finding
    assert "1 of 60 frames" in verdict.finding


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_storage_that_cannot_be_written_fails() -> None:
    verdict = diagnosis.disk(Path("/proc/edged"), 1)
    assert verdict.level is Level.FAIL
    assert verdict.mend


@pytest.mark.parametrize(
    ("providers", "level"), [(("CPUExecutionProvider",), Level.WARN), (("CUDAExecutionProvider",), Level.OK)]
)
def test_an_accelerator_that_cannot_be_used_is_told_with_its_mend(
    tmp_path: Path, providers: tuple[str, ...], level: Level
) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidia0").touch()
    (verdict,) = diagnosis.accelerators(providers, tmp_path)
    assert verdict.level is level
    assert bool(verdict.mend) == (level is Level.WARN)
    assert not list(diagnosis.accelerators(providers, tmp_path / "none"))


CPU = ProviderCard("cpu", "CPU")


def test_providers_are_tried_and_auto_picks_the_first_that_runs() -> None:
    verdict = diagnosis.execution_providers()
    assert verdict.level is Level.OK
    assert "auto picks" in verdict.finding
    assert "CPU" in verdict.finding


def test_a_provider_that_does_not_run_is_told_with_its_mend() -> None:
    broken = ProviderCard("cuda", "cuda", "libcudnn.so.9: cannot open shared object file")
    verdict = diagnosis.judge_providers(ProvidersReport("1.24.1", (broken, CPU)))
    assert verdict.level is Level.WARN
    assert "auto picks CPU; not cuda: libcudnn.so.9" in verdict.finding
    assert "pip install" in verdict.mend


def test_an_accelerator_that_is_not_there_is_nobodys_trouble() -> None:
    absent = ProviderCard("cuda", "cuda", "no NVIDIA GPU is here", absent=True)
    verdict = diagnosis.judge_providers(ProvidersReport("1.24.1", (absent, CPU), ("QNNExecutionProvider",)))
    assert verdict.level is Level.OK
    assert "edged does not use QNNExecutionProvider" in verdict.finding


def test_a_source_that_is_there_and_one_that_is_not(tmp_path: Path) -> None:
    video = tmp_path / "a b.mp4"
    assert "no file" in why_source_is_away(spec(str(video)), within_s=1)
    video.touch()
    assert why_source_is_away(spec(str(video)), within_s=1) == ""
    assert why_source_is_away(spec("pattern://testsrc2"), within_s=1) == ""
    assert "no device" in why_source_is_away(spec("/dev/video987"), within_s=1)


def test_a_port_that_listens_and_one_that_does_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert why_port_is_away("127.0.0.1", port, within_s=1) == ""
        url = f"rtsp://admin:geheim@127.0.0.1:{port}/x"
        assert why_source_is_away(spec(url), within_s=1) == ""
    assert (
        why_port_is_away("127.0.0.1", port, within_s=1)
        == f"127.0.0.1:{port} cannot be reached now: Connection refused"
    )
    assert "geheim" not in why_source_is_away(spec(url), within_s=1)
