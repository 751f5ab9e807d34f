"""Which proxy a download goes through, as HTTPS_PROXY, HTTP_PROXY and NO_PROXY say. Pure.

There is no standard; this is what curl, Go and Python's requests agree on: lower-case names win, an empty one
is none, and NO_PROXY is a list of names (each with all below it), addresses, networks and ``*``. As in Go a
loopback address never goes through a proxy.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from edged.modelstore.credentials import without_credentials
from edged.modelstore.failure import FetchFailed

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a request is sent instead of to its host."""

    url: str
    """``http://`` or ``https://``, host and port, without user and password."""
    authorization: str = field(default="", repr=False)
    """The value of Proxy-Authorization: for the proxy alone."""


def proxy_for(url: str, environment: Mapping[str, str]) -> Proxy | None:
    """None: straight to the host of ``url`` (http or https). Raises `FetchFailed` for what is no proxy."""
    parts = urlsplit(url)
    name = f"{parts.scheme}_proxy"
    said = _value(environment, name)
    host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    if not said or _is_loopback(host) or _is_exempt(host, port, _value(environment, "no_proxy")):
        return None
    try:
        plain, authorization = without_credentials(said if "://" in said else f"http://{said}")
        proxy = urlsplit(plain)
        default_port = _DEFAULT_PORTS[proxy.scheme]
    except (ValueError, KeyError):
        raise FetchFailed(
            f"{name.upper()} is no proxy that is known here: write http://host:port, or unset it",
            code="invalid",
        ) from None
    shown = f"[{proxy.hostname}]" if ":" in (proxy.hostname or "") else proxy.hostname
    return Proxy(f"{proxy.scheme}://{shown}:{proxy.port or default_port}", authorization)


def _value(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, environment.get(name.upper(), "")).strip()


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host.lower().rstrip(".") == "localhost" or (address is not None and address.is_loopback)


def _is_exempt(host: str, port: int, no_proxy: str) -> bool:
    name, address = host.lower().rstrip("."), _address(host)
    return any(
        entry == "*"
        or (only in (None, port) and (_covers(entry, address) if address else _names(entry, name)))
        for entry, only in _entries(no_proxy)
    )


def _entries(no_proxy: str) -> Iterator[tuple[str, int | None]]:
    """What stands there, in lower case, each with the port that it is for; None: any."""
    for text in no_proxy.lower().replace(",", " ").split():
        entry, colon, port = text.rpartition(":")
        if colon and port.isascii() and port.isdigit() and (":" not in entry or entry.endswith("]")):
            yield entry, int(port)
        else:
            yield text, None


def _covers(entry: str, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    try:
        return address in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False


def _names(entry: str, name: str) -> bool:
    suffix = entry.removeprefix("*").strip(".")
    return bool(suffix) and (name == suffix or name.endswith(f".{suffix}"))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
