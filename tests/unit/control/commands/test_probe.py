"""What a probe may open: what a spec from the network may, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edged.control.commands.probe import capture_of
from edged.errors import SpecRejected
from edged.settings import Loaded, parse_settings


def loaded(folder: Path, **more: Any) -> Loaded:
    secrets = {"cam": {"env": "EDGED_TEST_CAM", "hosts": ["10.0.0.0/8"]}}
    settings = {"device": "box", "secrets": secrets, "spec": {"sources": {}, "jobs": {}}, **more}
    return parse_settings(json.dumps(settings), file="edged.yaml", folder=folder)


def refusal(url: str, folder: Path, **more: Any) -> tuple[str, str]:
    with pytest.raises(SpecRejected) as caught:
        capture_of(url, 5.0, loaded(folder, **more), folder)
    problem = caught.value.problems[0]
    assert problem.path == "url"
    return problem.code, problem.message


def test_a_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGED_TEST_CAM", "hunter2")
    spec = capture_of("rtsp://admin:${secret:cam}@10.0.0.5/1", 5.0, loaded(tmp_path), tmp_path)
    assert spec.url == "rtsp://admin:hunter2@10.0.0.5/1"
    assert "hunter2" not in repr(spec)
    assert spec.timeout_s == 5.0


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("rtsp://admin:${secret:cam}@192.0.2.1/1", "secret_not_allowed"),
        ("rtsp://admin:${secret:none}@10.0.0.5/1", "not_found"),
        ("rtsp://admin:${env:HOME}@10.0.0.5/1", "not_allowed"),
        ("/etc/passwd", "not_allowed"),
        ("file:///etc/passwd", "not_allowed"),
        ("concat:/etc/passwd|x", "not_allowed"),
        ("rstp://camera/1", "source_failed"),
        ("pattern://movie?filename=/etc/passwd", "source_failed"),
    ],
)
def test_what_it_may_not(url: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGED_TEST_CAM", "hunter2")
    found, message = refusal(url, tmp_path)
    assert message
    assert "hunter2" not in message
    assert found == code


def test_files_of_the_media_folders_only(tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    (tmp_path / "secret.mp4").touch()
    (media / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    own = {"media": [str(media)]}
    assert capture_of(str(media / "film.mp4"), 5.0, loaded(tmp_path, **own), tmp_path).url.endswith(
        "film.mp4"
    )
    assert refusal(str(media / "link.mp4"), tmp_path, **own)[0] == "not_allowed"
