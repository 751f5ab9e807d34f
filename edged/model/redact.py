"""Text for people with its passwords taken out.

Whoever logs, reports or publishes a URL sends it through here first. When a URL is odd (an ``@`` or
``/`` in a password, several ``@``, no scheme), more is hidden rather than less: a log that shows too
little is a nuisance, one that shows a password is a leak.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

HIDDEN = "***"
_SHORT = 3
_SCHEME = re.compile(r"\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?//")
_COLON = re.compile(r":|%3a", re.IGNORECASE)
# a name is looked for only where one begins: from each of its characters on, a long one would take minutes
_PAIR = re.compile(r"(?<![^?&;#/\s=])([^?&;#/\s=]++)=([^&;#\s]*)")
_REFERENCE = re.compile(r"\$\{(?:env|file|credential|secret):[^{}\s]*\}")
_SECRET_NAME = re.compile(
    r"pass|pwd|secret|token|credential|auth|signature|private|api_?key|access_?key"
    r"|(?:^|[_.-])(?:key|sig|pin|pw|sid)(?:$|[_.-])",
    re.IGNORECASE,
)
_URL_IN_TEXT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,63}://[^\s'\"<>`]+")


def redact_url(url: str) -> str:
    """``rtsp://admin:***@host/stream``: the user stays, passwords and secret-like parameters go.

    References such as ``${secret:cam}`` are no secrets and stay as they are. Never raises.
    """
    kept: list[str] = []

    def put_by(match: re.Match[str]) -> str:
        kept.append(match.group())
        return f"\x00{len(kept) - 1}\x00"

    bare = _REFERENCE.sub(put_by, url.replace("\x00", ""))
    scheme = _SCHEME.match(bare)
    begin = scheme.end() if scheme else 0
    shown = bare[:begin] + _redact_pairs(_redact_userinfo(bare[begin:]))
    return re.sub(r"\x00(\d+)\x00", lambda match: kept[int(match.group(1))], shown)


def redact_text(text: str, *urls: str) -> str:
    """A message of a library without the passwords of the URLs in it.

    ``urls`` are those known to be in use: they are found even when they hold spaces or quotes.
    """
    for url in urls:
        if url:
            text = text.replace(url, redact_url(url))
    return _URL_IN_TEXT.sub(lambda match: redact_url(match.group()), text)


def is_secret_name(name: str) -> bool:
    """Whether a key of this name is likely to hold a secret: ``password``, ``api_key``, ``token``…"""
    return _SECRET_NAME.search(name) is not None


def hide(text: str, secrets: Iterable[str]) -> str:
    """``text`` without ``secrets``, as they are and as Python and JSON write them between quotes.

    Those of up to three characters go where they stand alone: a ``5`` does not tear up every number.
    """
    forms = {form for each in secrets for form in (each, repr(each)[1:-1], json.dumps(each)[1:-1])}
    for form in sorted(filter(str.strip, forms), key=len, reverse=True):
        if len(form) > _SHORT:
            text = text.replace(form, HIDDEN)
        else:
            text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", HIDDEN, text)
    return text


def redact_value(value: Any) -> Any:
    """A copy of plain data with literal passwords as ``***``, all below a secret's name; references stay."""
    return _redacted(value, is_secret=False)


def _redacted(value: Any, *, is_secret: bool) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _redacted(item, is_secret=is_secret or is_secret_name(str(key)))
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_redacted(item, is_secret=is_secret) for item in value]
    if is_secret and isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return value if isinstance(value, str) and _REFERENCE.fullmatch(value) else HIDDEN
    return redact_url(value) if isinstance(value, str) and ("://" in value or "@" in value) else value


def _redact_userinfo(rest: str) -> str:
    """Hide from the first colon to the last ``@``: the widest that a password can be."""
    end = rest.rfind("@")
    colon = _COLON.search(rest, 0, end) if end > 0 else None
    if colon is None:
        return rest
    password = rest[colon.end() : end]
    if re.fullmatch(r"(\x00\d+\x00)*", password):
        return rest
    return f"{rest[: colon.start()]}:{HIDDEN}{rest[end:]}"


def _redact_pairs(rest: str) -> str:
    return _PAIR.sub(_redact_pair, rest)


def _redact_pair(match: re.Match[str]) -> str:
    name, value = match.groups()
    if not value or re.fullmatch(r"\x00\d+\x00", value):
        return match.group()
    plain = unquote(value)
    if is_secret_name(unquote(name)) or ("://" in plain and "@" in plain):
        return f"{name}={HIDDEN}"
    return match.group()
