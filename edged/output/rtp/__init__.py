"""H.264 as RTP packets, and the reports that go with them."""

from edged.output.rtp.packetizer import Packetizer, Unit
from edged.output.rtp.reports import SenderCount, goodbye, is_rtcp, sender_report
from edged.output.rtp.timeline import Timeline

__all__ = ["Packetizer", "SenderCount", "Timeline", "Unit", "goodbye", "is_rtcp", "sender_report"]
