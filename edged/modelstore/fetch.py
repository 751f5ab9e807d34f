"""The fetcher: a process for one attempt to bring one model file to this device.

Apart from main because it hashes hundreds of megabytes, waits for disks and servers, and needs TLS and an
HTTP client. Killed at any moment it leaves a beginning, with which the next attempt goes on.
"""

from __future__ import annotations

import contextlib
import os

from edged.model.fetching import FetchReport, FetchRequest
from edged.model.messages import Stop
from edged.modelstore.attempt import Attempt
from edged.supervise.channel import Channel
from edged.supervise.child import serve
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.wire import Decoder

_NICE = 10
_LISTEN_S = 10.0
_SEND_S = 5.0
_STEP_S = 60.0
"""For looking up a name, for a piece of a file, for a disk to take what it was given."""
_WRITE_S = 300.0
"""For a slow card to take all that is still in memory."""
_DECODER = Decoder((FetchRequest, Stop))


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    """Answer one request. Raises `ChannelClosed` when whoever asks is gone."""
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    packet = channel.receive(wait_s=_LISTEN_S)
    request = _DECODER.decode(packet.body) if packet is not None else None
    if not isinstance(request, FetchRequest):
        return

    def tell(report: FetchReport) -> None:
        channel.send(report, wait_s=_SEND_S)

    def beat(phase: str) -> None:
        limit_s = _WRITE_S if phase in ("write", "wait") else _STEP_S
        heartbeat.beat(phase, limit_s + request.silence_s, job=request.model.name)

    tell(Attempt(request, tell, beat).run())


if __name__ == "__main__":
    serve(run)
