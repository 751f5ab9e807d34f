"""Whether what is to be recorded can be: packets are written as they come, or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from edged.errors import Problem
from edged.settings.document import Document, dotted

_MOST_NAMED = 5
_GENERATED = re.compile(r"pattern://", re.IGNORECASE)
_CAMERA = re.compile(r"(v4l2://)?/dev/", re.IGNORECASE)
_COMPRESSED = re.compile(r"[?&]input_format=(h264|hevc|mjpeg)(&|$)")


def check_recording(spec: Mapping[str, Any], document: Document) -> Iterator[Problem]:
    """Sources and jobs that would record what cannot, or must not be. Any shape of data is allowed."""
    reasons = {
        name: reason
        for name, source in _mapping(spec.get("sources")).items()
        if (reason := _why_not(_mapping(source)))
    }
    for name, reason in reasons.items():
        source = _mapping(_mapping(spec.get("sources"))[name])
        for key in ("record", "buffer"):
            if source.get(key) not in (None, 0):  # record: {} is one, with all its defaults
                path = dotted(("spec", "sources", name, key))
                yield document.problem(path, reason, "not_allowed")
    for name, job in _mapping(spec.get("jobs")).items():
        if _mapping(job).get("record"):
            chosen = _mapping(job).get("sources", "*")
            looked_at = [each for each in reasons if chosen == "*" or (_is_list(chosen) and each in chosen)]
            if looked_at:
                path = dotted(("spec", "jobs", name, "record"))
                yield document.problem(path, _of_job(looked_at, reasons), "not_allowed")


def _of_job(looked_at: list[str], reasons: Mapping[str, str]) -> str:
    more = f" and {len(looked_at) - _MOST_NAMED} more" if len(looked_at) > _MOST_NAMED else ""
    named = ", ".join(looked_at[:_MOST_NAMED]) + more
    return f"cannot be on {named}: {reasons[looked_at[0]]}; or name the other sources in sources:"


def _why_not(source: Mapping[str, Any]) -> str:
    """Empty: it can be recorded."""
    if source.get("masks"):
        return (
            "a source with masks is not recorded: that is done as it comes, with what they hide; take the "
            "masks out, or have the camera itself hide it"
        )
    url = source.get("url")
    if not isinstance(url, str):
        return ""
    if _GENERATED.match(url):
        return "pattern:// makes pictures, nothing that could be kept as it came: use a camera or a file"
    if _CAMERA.match(url) and not _COMPRESSED.search(url):
        return (
            "a camera on this device sends raw pictures, which are too much to be kept: if it can compress "
            "them, ask for that with v4l2:///dev/video0?input_format=h264"
        )
    return ""


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
