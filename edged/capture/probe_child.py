"""PROCESS, short-lived: looks at one source for `edged probe`, where a hang can be killed."""

from __future__ import annotations

from edged.capture.probe import probe
from edged.errors import SourceUnavailable, SourceUnsupported
from edged.model.capturing import CaptureSpec
from edged.model.probe import ProbeReport
from edged.supervise.channel import Channel
from edged.supervise.child import serve
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.wire import Decoder

_ASKED_WITHIN_S = 10.0
_GRACE_S = 3.0


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    """Answer one `CaptureSpec` with a `ProbeReport`; the spec's ``timeout_s`` is the time to look."""
    packet = channel.receive(wait_s=_ASKED_WITHIN_S)
    if packet is None:
        return
    spec = Decoder([CaptureSpec]).decode(packet.body)
    if isinstance(spec, CaptureSpec):
        # opening has two steps (connect, look at the streams), each with the limit for itself
        with heartbeat.doing("probe", 2 * spec.timeout_s + _GRACE_S, lane=0, source=spec.source):
            report = _answer(spec)
        channel.send(report, wait_s=1.0)


def _answer(spec: CaptureSpec) -> ProbeReport:
    try:
        return probe(spec, spec.timeout_s)
    except (SourceUnavailable, SourceUnsupported) as error:
        return ProbeReport(spec.redacted_url, error=str(error))


if __name__ == "__main__":
    serve(run)
