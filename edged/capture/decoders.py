"""PROCESS, short-lived: says what FFmpeg can decode here, for `edged doctor`."""

from __future__ import annotations

import av
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.codec.hwaccel import hwdevices_available

from edged.model.decoders import DecodersReport, DecodersRequest
from edged.supervise.channel import Channel
from edged.supervise.child import serve
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.wire import Decoder

_ASKED_WITHIN_S = 10.0


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    """Answer one `DecodersRequest`."""
    packet = channel.receive(wait_s=_ASKED_WITHIN_S)
    if packet is None:
        return
    request = Decoder([DecodersRequest]).decode(packet.body)
    if isinstance(request, DecodersRequest):
        with heartbeat.doing("look for decoders", 10.0, lane=0):
            channel.send(answer(request), wait_s=1.0)


def answer(request: DecodersRequest) -> DecodersReport:
    version = ".".join(str(part) for part in av.library_versions["libavcodec"])
    found = tuple(name for name in request.names if _is_there(name))
    return DecodersReport(f"libavcodec {version}", found, tuple(hwdevices_available()))


def _is_there(name: str) -> bool:
    try:
        Codec(name, "r")
    except UnknownCodecError:
        return False
    return True


if __name__ == "__main__":
    serve(run)
