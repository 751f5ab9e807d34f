"""Fixtures that any test may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest

hypothesis.settings.register_profile(
    "explore", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)  # how long an example takes is the machine's matter
hypothesis.settings.register_profile(
    "same", hypothesis.settings.get_profile("explore"), derandomize=True
)  # the same examples in each run: whoever changes something else is not told of what was there before
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

REPOSITORY = Path(__file__).resolve().parent.parent
LONGEST = (
    "acceptance/test_live_outputs.py",
    "integration/test_recording.py",
    "acceptance/test_analyze.py",
    "integration/test_live.py",
    "acceptance/test_jobs.py",
    "acceptance/test_analyze_full_disk.py",
    "integration/test_reading.py",
    "integration/test_recording_trouble.py",
    "integration/test_cluster.py",
    "integration/test_mqtt_trouble.py",
    "acceptance/test_analyze_places.py",
    "acceptance/test_bench.py",
    "acceptance/test_told_clips.py",
    "acceptance/test_watch.py",
    "integration/test_twin.py",
    "acceptance/test_recordings.py",
    "acceptance/test_offline_docs.py",
    "acceptance/test_demo.py",
    "integration/test_try.py",
    "integration/test_rtsp_protocol.py",
    "integration/test_live_drawing.py",
    "acceptance/test_control_stateful.py",
    "acceptance/test_kills.py",
    "acceptance/test_mqtt_docs.py",
    "integration/test_rtsp_output.py",
    "integration/test_counted_people.py",
    "acceptance/test_bad_input.py",
    "acceptance/test_offline_as_daemon.py",
    "integration/test_push.py",
    "acceptance/test_control_kills.py",
    "acceptance/test_analyze_ends.py",
    "integration/test_brought_models.py",
)
"""Files that last twenty seconds and more: who begins one of them last, waits for it alone.

Those that mostly wait and those that mostly compute take turns.
"""
FOLDERS = ("acceptance", "integration", "unit")
"""By what a file of them lasts."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: workers take files in this order, and so end at about the same time."""
    gone = [name for name in LONGEST if not (REPOSITORY / "tests" / name).is_file()]
    assert not gone, f"LONGEST in tests/conftest.py names what is not there: {gone}"
    items.sort(key=_place)


def _place(item: pytest.Item) -> tuple[int, int]:
    path = item.path.relative_to(REPOSITORY / "tests")
    longest = LONGEST.index(str(path)) if str(path) in LONGEST else len(LONGEST)
    folder = FOLDERS.index(path.parts[0]) if path.parts[0] in FOLDERS else len(FOLDERS)
    return longest, folder


@pytest.fixture(scope="session", autouse=True)
def built_in_algorithms_send_what_they_declare() -> Iterator[None]:
    """Whatever a test has one of them send, in this process."""
    from edged.algorithm import Algorithm, Context
    from edged.algorithm.declared import declared_by

    def init(self: Algorithm, context: Context, params: Any) -> None:
        def emit(kind: str, fields: dict[str, Any]) -> None:
            declared = declared_by(self)
            assert declared is not None and kind in declared, f"{type(self).__name__} sends {kind}"
            context.emit(kind, fields)

        is_built_in = type(self).__module__.startswith("algos.")
        original(self, replace(context, emit=emit) if is_built_in else context, params)

    original = Algorithm.__init__
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Algorithm, "__init__", init)
        yield


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of real models and footage; skips, saying so, where there is none."""
    folder = Path(os.environ.get("EDGED_ASSETS", REPOSITORY.parent / "shared" / "assets"))
    if not (folder / "yolox_nano_416.onnx").is_file():
        pytest.skip(f"no real models and footage in {folder}: set EDGED_ASSETS")
    return folder
