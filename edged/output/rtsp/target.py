"""What the address of a request means: which output, and what the addresses in an answer are."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from edged.output.rtsp.sdp import TRACK


@dataclass(frozen=True, slots=True)
class Target:
    """``rtsp://device:8554/gate/trackID=0?any`` is track of ``gate``; the query is ignored."""

    name: str
    """Of the output; empty: the server itself."""
    base: str
    """``rtsp://device:8554/gate``, without login and query."""
    track: bool = False

    @property
    def track_url(self) -> str:
        """Of the only track, as RTP-Info names it."""
        return f"{self.base}/{TRACK}"


def parse_target(url: str) -> Target | None:
    """None: it is no address of a stream, or has more parts than one of ours."""
    if url == "*":
        return Target("", "")
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("rtsp", "rtspu") or not parts.netloc or parts.fragment:
        return None
    name, slash, track = parts.path.strip("/").partition("/")
    # Some players put the track behind the query; there is only one, so nothing is lost.
    if slash and track != TRACK:
        return None
    host = parts.netloc.rpartition("@")[2]
    base = f"{parts.scheme}://{host}/{name}" if name else f"{parts.scheme}://{host}"
    return Target(unquote(name), base, track=bool(track))
