"""What a browser asks for, and the heads of the answers (RFC 9110, RFC 9112): pure."""

from __future__ import annotations

import base64
import binascii
import html
from collections.abc import Collection
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import unquote

BOUNDARY = "edged-picture"
_ALWAYS = (
    "Server: edged",
    "Connection: close",
    "Cache-Control: no-store",
    "X-Content-Type-Options: nosniff",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, as far as it matters here."""

    method: str
    path: str
    """Decoded, without the query."""
    authorization: str = field(default="", repr=False)


def parse_request(head: bytes) -> Asked | None:
    """The lines up to the empty one; None: it is none."""
    try:
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, version = first.split(" ")
    except ValueError:
        return None
    if not version.startswith("HTTP/1.") or not method.isalpha() or not target.startswith("/"):
        return None
    fields = [line.partition(":") for line in lines if line]
    if any(not colon or not name or name != name.strip() for name, colon, _ in fields):
        return None
    login = next((text.strip() for name, _, text in fields if name.lower() == "authorization"), "")
    return Asked(method, unquote(target.partition("?")[0]), login)


def basic_credentials(authorization: str) -> str:
    """What follows ``Basic``, for `Login.basic_is_right`; empty: another scheme, or none."""
    scheme, _, rest = authorization.partition(" ")
    credentials = rest.strip() if scheme.lower() == "basic" else ""
    try:
        base64.b64decode(credentials, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return credentials


def head_of(status: HTTPStatus, kind: str, length: int | None = None, *more: str) -> bytes:
    """Status line and headers; ``length`` None: it goes on until somebody closes."""
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", f"Content-Type: {kind}", *_ALWAYS, *more]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def part_of(jpeg: bytes) -> bytes:
    """One picture of multipart/x-mixed-replace. The boundary comes behind it, so that it is shown at once."""
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode("ascii")
    return b"".join((head, jpeg, f"\r\n--{BOUNDARY}\r\n".encode("ascii")))


def page_of(names: Collection[str]) -> bytes:
    """The outputs, for people; nothing is loaded from elsewhere, and no picture before it is clicked."""
    items = "".join(
        f'<li><a href="/{html.escape(name)}">{html.escape(name)}</a>'
        f' <small>(<a href="/{html.escape(name)}.jpg">one picture</a>)</small></li>'
        for name in sorted(names)
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>edged: live</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<h1>Live pictures</h1><ul>{items or '<li>none</li>'}</ul></html>"
    ).encode()
