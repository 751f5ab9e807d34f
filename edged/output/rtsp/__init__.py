"""Live outputs over RTSP (RFC 2326)."""

from edged.output.rtsp.login import Login
from edged.output.rtsp.sdp import StreamFacts
from edged.output.rtsp.server import RtspServer
from edged.output.rtsp.stream import StreamView

__all__ = ["Login", "RtspServer", "StreamFacts", "StreamView"]
