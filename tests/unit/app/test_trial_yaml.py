from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.app.trial_yaml import config_for
from edged.model.trying import TryReport, TryRequest
from edged.settings import parse_settings

NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=("Cs", "Cc")), min_size=1, max_size=40
).filter(lambda name: name.strip(". ") and name.isprintable())
VALUES = st.one_of(
    st.booleans(), st.integers(-9, 9), st.text("ab: #'\"{}[],&*!|>%@`-", max_size=12), st.floats(0, 1)
)


def request_for(model: str, footage: str, params: dict[str, Any], *, is_picture: bool) -> TryRequest:
    return TryRequest(model, footage, is_picture, "/out.jpg", params=params)


@given(NAMES, NAMES, st.dictionaries(st.sampled_from(["score", "labels", "head"]), VALUES), st.booleans())
def test_whatever_files_are_called_it_is_a_valid_config(
    model: str, footage: str, params: dict[str, Any], is_picture: bool
) -> None:
    request = request_for(f"/models/{model}.onnx", f"/films/{footage}.mp4", params, is_picture=is_picture)
    text = config_for(TryReport(algorithm="detector"), request)
    loaded = parse_settings(text, file="edged.yaml", folder=Path("/"))
    (job,) = loaded.settings.spec.jobs.values()
    assert job.algorithm == "detector"
    assert job.params == {"model": f"{model}.onnx", **params}
    assert [str(folder) for folder in loaded.settings.models] == ["/models"]
    if not is_picture:
        assert loaded.settings.spec.sources["camera"].url == f"/films/{footage}.mp4"
        assert job.sampling.interval == pytest.approx(0.2)


def test_what_looks_at_crops_stands_behind_a_detector() -> None:
    request = request_for("/models/reid.onnx", "/a.jpg", {}, is_picture=True)
    loaded = parse_settings(
        config_for(TryReport(algorithm="embedding"), request), file="edged.yaml", folder=Path("/")
    )
    (job,) = loaded.settings.spec.jobs.values()
    assert job.algorithm == "detector"
    assert [(link.algorithm, dict(link.params)) for link in job.then] == [
        ("embedding", {"model": "reid.onnx"})
    ]
