"""One HTTP request for a file, or for what is still missing of it. The only importer of urllib3.

A server may break off, fall silent, forget what ranges are, lead elsewhere or say anything at all: what it
says is believed only as far as nothing hangs on it, for the hash decides in the end.
"""

from __future__ import annotations

import contextlib
import email.utils
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from edged.model.fetching import ModelFile
from edged.model.redact import redact_url
from edged.modelstore.failure import FetchFailed
from edged.modelstore.proxy import Proxy, proxy_for

_MOST_REDIRECTS = 5
_PIECE_BYTES = 1 << 18
_CONNECT_S = 15.0
_LONGEST_WAIT_S = 3600.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PASSING = frozenset({408, 421, 425, 429, 500, 502, 503, 504, 507, 520, 521, 522, 523, 524})
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})( [^\r\n]*|)")
_PROXY_MEND = (
    "give it user and password, HTTPS_PROXY=http://user:password@host:port (HTTP_PROXY for http URLs)"
)
_STRONG_TAG = re.compile(r'"[\x21\x23-\x7e]{1,200}"')


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server sends."""

    begin: int
    """Where in the file the first byte belongs."""
    total: int
    """Bytes of the whole file, as it says; 0: it does not."""
    tag: str
    """Of the version that it sends; empty: none that could be relied on."""
    pieces: Iterator[bytes]
    """Raises `FetchFailed`, passing, where it breaks off."""


@contextlib.contextmanager
def ask_for(model: ModelFile, begin: int, tag: str, silence_s: float) -> Iterator[Reply]:
    """Ask for a file from byte ``begin`` on, if it is still the version ``tag``; else all of it comes.

    Raises `FetchFailed`. Credentials go to the host of the URL alone: a proxy of the environment sees none of
    an https URL, since all that it carries of that is encrypted for the host.
    """
    with contextlib.closing(_Ways(os.environ)) as ways:
        with _explained(model.url):
            response = _follow(ways, model, _headers(begin, tag), silence_s)
        try:
            yield _reply(response, begin, model.url)
        finally:
            response.close()  # what is still to come is not waited for


class _Ways:
    """To hosts: straight, or through the proxies of ``environment``."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._pools: dict[Proxy | None, urllib3.PoolManager] = {}

    def to(self, url: str) -> urllib3.PoolManager:
        """Raises `FetchFailed` for a proxy that is none."""
        proxy = proxy_for(url, self._environment)
        if proxy not in self._pools:
            self._pools[proxy] = _pool(proxy)
        return self._pools[proxy]

    def close(self) -> None:
        for pool in self._pools.values():
            pool.clear()


def _pool(proxy: Proxy | None) -> urllib3.PoolManager:
    if proxy is None:
        return urllib3.PoolManager(num_pools=1 + _MOST_REDIRECTS)
    headers = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else {}
    return urllib3.ProxyManager(proxy.url, num_pools=1 + _MOST_REDIRECTS, proxy_headers=headers)


def _headers(begin: int, tag: str) -> dict[str, str]:
    headers = {"User-Agent": "edged", "Accept-Encoding": "identity"}
    if begin:
        headers["Range"] = f"bytes={begin}-"
        if tag:
            headers["If-Range"] = tag
    return headers


def _follow(
    ways: _Ways, model: ModelFile, headers: dict[str, str], silence_s: float
) -> urllib3.BaseHTTPResponse:
    """The reply to the last of the requests that one leads to."""
    url, timeout = model.url, urllib3.Timeout(connect=min(_CONNECT_S, silence_s), read=silence_s)
    for _ in range(1 + _MOST_REDIRECTS):
        is_own = _origin(url) == _origin(model.url)
        own = {"Authorization": model.authorization} if model.authorization and is_own else {}
        response = ways.to(url).request(
            "GET", url, headers=headers | own, timeout=timeout, redirect=False, retries=False,
            preload_content=False, decode_content=False,
        )  # fmt: skip
        if response.status not in _REDIRECTS or "Location" not in response.headers:
            return response
        response.close()
        url = _led_to(url, response.headers["Location"])
    raise FetchFailed(f"leads on more than {_MOST_REDIRECTS} times: give the URL that it ends at")


def _led_to(url: str, location: str) -> str:
    """Raises `FetchFailed` where one does not go."""
    try:
        target = urljoin(url, location)
        scheme, _, _ = _origin(target)
    except ValueError:
        raise FetchFailed("leads on to what is no URL") from None
    if scheme not in ("http", "https"):
        raise FetchFailed(f"leads on to {scheme or 'nowhere'}: only http and https are", code="not_allowed")
    if urlsplit(url).scheme == "https" and scheme == "http":
        shown = redact_url(target.partition("?")[0])
        raise FetchFailed(f"leads from https on to {shown}, which anybody may read", code="not_allowed")
    return target


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _reply(response: urllib3.BaseHTTPResponse, begin: int, url: str) -> Reply:
    """Raises `FetchFailed` for a reply that brings no file."""
    tag = response.headers.get("ETag", "")
    tag = tag if _STRONG_TAG.fullmatch(tag) else ""
    if response.status == 206:
        range_ = _RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
        if range_ is None or int(range_[1]) != begin:
            raise FetchFailed("sends another part of the file than was asked for", passing=True)
        return Reply(begin, 0 if range_[3] == "*" else int(range_[3]), tag, _pieces(response, url))
    if response.status == 200:
        return Reply(0, _length(response), tag, _pieces(response, url))
    raise _refusal(response)


def _length(response: urllib3.BaseHTTPResponse) -> int:
    said = response.headers.get("Content-Length", "").strip()
    return int(said) if re.fullmatch(r"[0-9]{1,18}", said) else 0


def _pieces(response: urllib3.BaseHTTPResponse, url: str) -> Iterator[bytes]:
    """As they come, however small: what is here need not come again."""
    with _explained(url):
        while piece := response.read1(_PIECE_BYTES, decode_content=False):
            yield piece


class RangeRefused(FetchFailed):
    """There is nothing from that byte on."""


def _refusal(response: urllib3.BaseHTTPResponse) -> FetchFailed:
    status, reason = response.status, (response.reason or "")[:80]
    said = f"the server answers {status} {reason}".strip()
    if status == 416:
        return RangeRefused(said, passing=True)
    if status in (404, 410):
        return FetchFailed(f"{said}: there is no such file, check the URL", code="model_not_found")
    if status == 407:
        return FetchFailed(f"the proxy answers {status} {reason}: {_PROXY_MEND}", code="not_allowed")
    if status in (401, 403):
        mend = "name the entry of secrets: that it asks for, as `secret: NAME`, or check what that holds"
        return FetchFailed(f"{said}: {mend}", code="not_allowed")
    wait_s = _retry_after(response.headers.get("Retry-After", ""), time.time())
    return FetchFailed(said, passing=status in _PASSING, wait_s=wait_s)


def _retry_after(said: str, now_s: float) -> float:
    """Seconds, from seconds or a date (RFC 9110, 10.2.3); what is neither is none."""
    if re.fullmatch(r"[0-9]{1,9}", said.strip()):
        return min(float(said), _LONGEST_WAIT_S)
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return min(max(email.utils.parsedate_to_datetime(said).timestamp() - now_s, 0.0), _LONGEST_WAIT_S)
    return 0.0


@contextlib.contextmanager
def _explained(url: str) -> Iterator[None]:
    """The library's errors, which may hold the URL, as ours, which do not."""
    host = urlsplit(url).hostname or "the server"
    try:
        yield
    except ProxyError as error:
        raise _of_proxy(error) from error
    except LocationValueError as error:
        raise FetchFailed("cannot be read as a URL; write https://host/path") from error
    except NameResolutionError as error:
        mend = "check it, and DNS; behind a proxy, set HTTPS_PROXY and HTTP_PROXY"
        raise FetchFailed(f"the name {host} cannot be looked up: {mend}", passing=True) from error
    except ReadTimeoutError as error:
        raise FetchFailed(f"{host} fell silent", passing=True) from error
    except NewConnectionError as error:
        raise FetchFailed(f"{host} cannot be reached{_why(error)}", passing=True) from error
    except ConnectTimeoutError as error:
        raise FetchFailed(f"{host} does not answer", passing=True) from error
    except SSLError as error:
        mend = "check the certificate, and this device's clock"
        raise FetchFailed(f"no secure connection to {host}{_why(error)}: {mend}", passing=True) from error
    except (HTTPError, OSError) as error:
        raise FetchFailed(f"the connection to {host} broke off", passing=True) from error


def _of_proxy(error: ProxyError) -> FetchFailed:
    """The proxy cannot be reached, or does not connect to the host."""
    said = _TUNNEL.search(str(error.original_error))
    if said is None:
        inner = error.original_error
        why = " (its name cannot be looked up)" if isinstance(inner, NameResolutionError) else _why(inner)
        mend = "check HTTPS_PROXY and HTTP_PROXY, or name the host in NO_PROXY"
        return FetchFailed(f"the proxy cannot be reached{why}: {mend}", passing=True)
    status = int(said[1])
    if status == 407:
        return FetchFailed(f"the proxy answers {status}: {_PROXY_MEND}", code="not_allowed")
    refused = f"the proxy answers {status}{said[2][:80].rstrip()} and does not connect to the host"
    if status in (401, 403):
        return FetchFailed(
            f"{refused}: have it allowed there, or name the host in NO_PROXY", code="not_allowed"
        )
    return FetchFailed(refused, passing=True)


def _why(error: BaseException) -> str:
    """What the system or OpenSSL said, which holds no URL."""
    inner: BaseException | None = error
    while inner is not None:
        text = getattr(inner, "verify_message", "") or getattr(inner, "strerror", "")
        if isinstance(text, str) and text:
            return f" ({text})"
        inner = inner.__cause__ or inner.__context__
    return ""
