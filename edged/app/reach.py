"""Whether something answers at an address now: a hint for people, not a promise."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

from edged.capture.sources import plan_open
from edged.model.capturing import CaptureSpec

_TCP_PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "http": 80, "https": 443}


def why_source_is_away(spec: CaptureSpec, *, within_s: float) -> str:
    """Why the source of ``spec`` cannot be there now, without credentials; empty: it may be.

    Files and devices are looked for; what speaks over TCP is connected to. SRT and UDP cannot be told
    without opening them.
    """
    url = plan_open(spec).url
    parts = urlsplit(url)
    if parts.scheme == "file":
        path = Path(url.removeprefix("file:"))
        if path.is_dir():
            return f"{path} is a folder, not a video"
        return "" if path.is_file() else f"there is no file {path} now"
    if url.startswith("/dev/"):
        return "" if Path(url).exists() else f"there is no device {url} now"
    if parts.scheme in _TCP_PORTS and parts.hostname:
        return why_port_is_away(parts.hostname, parts.port or _TCP_PORTS[parts.scheme], within_s=within_s)
    return ""


def why_port_is_away(host: str, port: int, *, within_s: float) -> str:
    """Why no TCP connection comes about within ``within_s`` seconds; empty: one did."""
    try:
        socket.create_connection((host, port), timeout=within_s).close()
    except socket.gaierror:
        return f"the host {host} is not known now"
    except TimeoutError:
        return f"{host}:{port} does not answer now"
    except OSError as error:
        return f"{host}:{port} cannot be reached now: {error.strerror or error}"
    return ""
