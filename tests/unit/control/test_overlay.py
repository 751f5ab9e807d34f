"""Patches by commands, one on top of the other."""

from __future__ import annotations

from typing import Any

import pytest

from edged.control.commands.request import CommandFailed
from edged.control.overlay import overlay_after
from edged.model.patching import merge

BASE: dict[str, Any] = {"sources": {"gate": {"url": "a"}}, "jobs": {"people": {"algorithm": "motion"}}}


def test_patches_of_both_kinds_add_up() -> None:
    pause = {"jobs": {"people": {"enabled": False}}}
    first = overlay_after({}, BASE, merge=pause, ops=None)
    ops = [
        {"op": "add", "path": "/jobs/people/deadline", "value": 5},
        {"op": "remove", "path": "/sources/gate"},
    ]
    second = overlay_after(first, BASE, merge=None, ops=ops)
    third = overlay_after(second, BASE, merge={"jobs": {"people": {"enabled": None}}}, ops=None)
    assert merge(BASE, third) == {"sources": {}, "jobs": {"people": {"algorithm": "motion", "deadline": 5}}}


def test_what_was_taken_away_can_be_put_there_anew() -> None:
    gone = overlay_after({}, BASE, merge={"jobs": {"people": None}}, ops=None)
    back = overlay_after(gone, BASE, merge={"jobs": {"people": {"algorithm": "detector"}}}, ops=None)
    assert merge(BASE, back)["jobs"] == {"people": {"algorithm": "detector"}}


@pytest.mark.parametrize(
    ("patch", "code"),
    [
        ({"merge": None, "ops": None}, "invalid"),
        ({"merge": {}, "ops": []}, "invalid"),
        ({"merge": None, "ops": [{"op": "remove", "path": "/jobs/nobody"}]}, "invalid"),
        ({"merge": None, "ops": [{"op": "replace", "path": "", "value": 3}]}, "invalid"),
        ({"merge": {"jobs": {"people": {"params": {"text": "x" * 300_000}}}}, "ops": None}, "too_large"),
    ],
)
def test_what_cannot_be_done_or_kept_is_refused(patch: dict[str, Any], code: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        overlay_after({}, BASE, **patch)
    assert failed.value.code == code
