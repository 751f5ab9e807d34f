from __future__ import annotations

from contextlib import nullcontext

import pytest

from edged.model.analyzing import AnalysisRequest, VideoFile
from edged.model.messages import Library
from edged.offline.analysis import Engines


def test_an_object_is_signed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that began with a video before its turn knows it by its address."""
    pytest.importorskip("boto3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    video = VideoFile("s3://bucket/gate.mp4", "s3://bucket/gate.mp4", "gate")
    engines = Engines(AnalysisRequest((), Library(), (video,), "box"), lambda what: nullcontext())
    address = engines.address_of(video)
    assert address.startswith("https://") and "Signature=" in address
    assert engines.address_of(video) is address
