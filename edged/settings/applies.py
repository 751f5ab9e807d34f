"""How a change of each field of the spec takes effect: declared beside the field, read by the difference."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel

_KEY = "x-applies"


class Applies(StrEnum):
    LIVE = "live"
    """What runs takes it over and runs on."""
    JOB = "job"
    """The job's algorithms are opened anew, in its worker or another; its sources run on. Of a model: those
    of the jobs that use it."""
    SOURCE = "source"
    """The source's capture is replaced; its jobs run on."""


def applies(how: Applies) -> dict[str, Any]:
    """For a field's ``json_schema_extra``."""
    return {_KEY: how.value}


def applies_of(model: type[BaseModel]) -> Mapping[str, Applies]:
    """By field. Raises KeyError for a model with a field that does not declare it."""
    found: dict[str, Applies] = {}
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        if not isinstance(extra, dict) or _KEY not in extra:
            raise KeyError(f"{model.__name__}.{name} does not declare how a change of it applies")
        found[name] = Applies(str(extra[_KEY]))
    return found
