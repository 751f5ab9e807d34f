"""What `edged doctor CONFIG` says of live pictures: whether their ports are free, and what encodes them."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

from edged.app.checking import Findings
from edged.app.diagnosis import Level, Verdict
from edged.output.encoders import hardware_present
from edged.planning.outputs import LivePlan

_SUBJECT = "live"


def look_at_live(found: Findings) -> Iterator[Verdict]:
    """Nothing where the spec has no outputs."""
    live = found.plan.live
    for to, port, key in (("rtsp", live.rtsp_port, "rtsp_port"), ("mjpeg", live.http_port, "http_port")):
        if any(output.to == to for output in live.outputs.values()):
            yield look_at_port(live, port, key)
    if any(output.to != "mjpeg" for output in live.outputs.values()):
        hardware = hardware_present()
        by = f"tried first: {', '.join(hardware)}; then libx264" if hardware else "by libx264, in software"
        yield Verdict(Level.OK, _SUBJECT, f"H.264 is encoded {by}")


def look_at_port(live: LivePlan, port: int, key: str) -> Verdict:
    """Whether this device can listen there."""
    place = f"{live.host}:{port}"
    try:
        family, kind, number, _, address = socket.getaddrinfo(live.host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, number) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
            sock.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            mend = f"fine if it is edged that runs already; else choose another live.{key}"
            return Verdict(Level.WARN, _SUBJECT, f"{place} is taken", mend)
        mend = f"set live.host to an address of this device, or another live.{key}"
        return Verdict(Level.FAIL, _SUBJECT, f"{place} cannot be listened on: {error.strerror}", mend)
    return Verdict(Level.OK, _SUBJECT, f"{place} is free")
