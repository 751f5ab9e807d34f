"""Videos in S3 and what speaks like it: listed here, read by FFmpeg over addresses that are signed for it.

Credentials, region and endpoint are found as the AWS command line finds them: environment, files, roles.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edged.errors import EdgedError, SourceUnavailable

_WILD = re.compile(r"[*?]")
_SIGNED_S = 7 * 24 * 3600
"""The longest that S3 takes; a long film may be read for hours."""


@dataclass(frozen=True, slots=True)
class S3:
    """``s3://bucket/key``, ``s3://bucket/folder/`` or ``s3://bucket/folder/*``."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, url: str) -> S3:
        bucket, _, key = url.partition("://")[2].partition("/")
        if not bucket:
            raise EdgedError(f"{url}: name a bucket, as in s3://bucket/video.mp4", code="invalid")
        return cls(bucket, key)

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def is_many(self) -> bool:
        return not self.key or self.key.endswith("/") or _WILD.search(self.key) is not None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object."""

    url: str
    key: str
    identity: str
    """Size and hash, as the store tells them."""
    exact: bool
    """It was named itself, not by what many have in common."""


def list_objects(wanted: S3) -> Iterator[StoredObject]:
    """Those that are meant, by their keys in order. ``*`` stands for any text, ``?`` for one character.

    Raises `EdgedError` with what the store says.
    """
    client = _client()
    prefix = _WILD.split(wanted.key, maxsplit=1)[0]
    fits = _pattern(wanted.key) if wanted.is_many else re.compile(re.escape(wanted.key))
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=wanted.bucket, Prefix=prefix)
        contents = (one for page in pages for one in page.get("Contents", ()))
        for one in contents:
            key = one["Key"]
            if fits.fullmatch(key) and not key.endswith("/"):
                identity = f"{one['Size']} {one.get('ETag', '')}"
                yield StoredObject(S3(wanted.bucket, key).url, key, identity, not wanted.is_many)
    except _errors() as error:
        raise EdgedError(f"{wanted.url}: {error}", code="source_failed") from None


def openable(url: str) -> str:
    """What FFmpeg opens: for ``s3://`` an address that is signed; everything else as it is.

    The signed address is a secret, so never show it. Raises `SourceUnavailable`.
    """
    if not url.startswith("s3://"):
        return url
    wanted = S3.parse(url)
    try:
        signed = _client().generate_presigned_url(
            "get_object", Params={"Bucket": wanted.bucket, "Key": wanted.key}, ExpiresIn=_SIGNED_S
        )
    except _errors() as error:
        raise SourceUnavailable(f"{url}: {error}") from None
    return str(signed)


def _pattern(key: str) -> re.Pattern[str]:
    """A folder means all that is below it."""
    if not key or key.endswith("/"):
        key += "*"
    pieces = (
        ".*" if piece == "*" else "." if piece == "?" else re.escape(piece)
        for piece in re.split(r"([*?])", key)
    )
    return re.compile("".join(pieces), re.DOTALL)


def _client() -> Any:
    try:
        import boto3
    except ImportError:
        raise EdgedError("s3:// needs boto3: pip install 'edged[s3]'", code="not_found") from None
    from botocore.config import Config

    quick = Config(signature_version="s3v4", connect_timeout=10, read_timeout=30, retries={"max_attempts": 3})
    try:
        return boto3.client("s3", config=quick)
    except _errors() as error:
        raise EdgedError(f"s3: {error}", code="source_failed") from None


def _errors() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError, ClientError

    return (BotoCoreError, ClientError)
