"""``spec.models``: the files that a spec brings along."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from edged.model.redact import redact_url
from edged.settings.applies import Applies, applies
from edged.settings.fields import Name, Section, Text, refuse

_URL = "https://models.example/people.onnx"
MODEL_NAME_PATTERN = r"^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,122}\.onnx$"


def _check_url(url: str) -> str:
    if not re.match(r"https?://[^/?#]", url):
        raise refuse(
            f"should begin with http:// or https://, for example {_URL}; a file that is on the device"
            " already belongs into a model folder, and needs no entry here"
        )
    return url


def _lower(sha256: Any) -> Any:
    """Some tools write capitals, and some what it is."""
    return sha256.lower().removeprefix("sha256:") if isinstance(sha256, str) else sha256


def _check_sha256(sha256: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise refuse("should be the 64 hexadecimal digits that `sha256sum FILE` prints")
    return sha256


ModelName = Annotated[str, StringConstraints(pattern=MODEL_NAME_PATTERN)]
"""A file, without any folder."""


class BroughtModel(Section):
    """Whence a model comes, and what it must be."""

    url: Annotated[Text, AfterValidator(_check_url)] = Field(
        json_schema_extra=applies(Applies.LIVE),
        description="http:// or https://. References such as ${secret:NAME} may stand in it.",
        examples=[_URL],
    )
    sha256: Annotated[str, BeforeValidator(_lower), AfterValidator(_check_sha256)] = Field(
        json_schema_extra=applies(Applies.JOB),
        description="The SHA-256 of the file, in hexadecimal; what is another file is not used.",
        examples=["695e750a5d5754bb5a8d5325643b59282191a7e7a564e435a415fd3c578eab14"],
    )
    secret: Name | None = Field(
        json_schema_extra=applies(Applies.LIVE),
        default=None,
        description="An entry of the settings' secrets: sent as `Authorization: Bearer …`, or as Basic where "
        "it reads user:password, to the URL's host alone, which has to be among the hosts of that entry.",
        examples=["models"],
    )

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Without the passwords that a URL may hold."""
        for name, value in super().__repr_args__():
            yield name, redact_url(value) if name == "url" else value
