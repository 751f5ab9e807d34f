"""Where a live picture is pushed to: references resolved, and what cannot be reached refused at once."""

from __future__ import annotations

from urllib.parse import urlsplit

from edged.errors import Problem, SpecRejected
from edged.settings import Loaded
from edged.settings.output_section import PUSHED

_MISSING = {
    "srt": "srt:// cannot be pushed to yet; push to rtsp:// or rtmp://, or let the server fetch the picture "
    "with to: rtsp"
}


def locate_push(url: str, loaded: Loaded, *, path: str) -> str:
    """What ``url`` at ``path`` stands for; it holds secrets now, so never show it.

    Raises `SpecRejected` with ``path``, under the rules of sources: a secret only toward its hosts.
    """
    resolved = loaded.references.resolve_url(url, path=path)
    scheme = resolved.partition("://")[0]
    try:
        parts = urlsplit(resolved)
        host, _ = parts.hostname, parts.port
    except ValueError:  # its message may hold what was resolved
        host = None
    if scheme not in PUSHED or not host or not resolved.isprintable() or " " in resolved:
        raise _refused(path, f"cannot be read as a URL; write {scheme}://host/path")
    if scheme in _MISSING:
        raise _refused(path, _MISSING[scheme])
    return resolved


def _refused(path: str, message: str) -> SpecRejected:
    return SpecRejected([Problem(path, message)])
