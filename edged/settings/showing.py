"""A spec as it may be shown: literal passwords as ``***``, references as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edged.model.redact import redact_url, redact_value


def shown(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a spec for ``get spec``. One that holds references only comes back unchanged.

    Any shape is allowed. Names of models, sources, jobs and outputs are none of what tells a password:
    ``auth`` may be a job.
    """
    copy = {key: redact_value(value) for key, value in spec.items() if key not in _NAMED}
    for section, show in _NAMED.items():
        named = spec.get(section)
        if isinstance(named, Mapping):
            copy[section] = {name: show(each) for name, each in named.items()}
        elif section in spec:
            copy[section] = redact_value(named)
    return copy


def _opened(source: Any) -> Any:
    """A source, or a model: what is secret of either lies in its URL. The ``secret`` of a model is a name."""
    if not isinstance(source, Mapping):
        return redact_value(source)
    return {
        key: redact_url(value) if key == "url" and isinstance(value, str) else value
        for key, value in source.items()
    }


def _output(output: Any) -> Any:
    """What is secret of it lies in where it is pushed to."""
    if not isinstance(output, Mapping):
        return redact_value(output)
    return {
        key: redact_url(value) if key == "to" and isinstance(value, str) else value
        for key, value in output.items()
    }


def _job(link: Any) -> Any:
    if not isinstance(link, Mapping):
        return redact_value(link)
    shown_link = {key: redact_value(value) for key, value in link.items()}
    then = link.get("then")
    if isinstance(then, (list, tuple)):
        shown_link["then"] = [_job(each) for each in then]
    return shown_link


_NAMED = {"models": _opened, "sources": _opened, "jobs": _job, "outputs": _output}
