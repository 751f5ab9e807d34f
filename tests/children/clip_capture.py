"""A real capture beside which clips are made up: files of text, written when a real one would be there.

For what main does with clips, apart from how packets are kept and muxed. While one is written it is a
``.part``, as a real one.
"""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path

from edged.capture.run import run as capture
from edged.model.capturing import CaptureSpec, ClipReport, ClipRequest
from edged.supervise.channel import CONTROL, Channel, Packet
from edged.supervise.child import serve
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.wire import Decoder

DECODER = Decoder((CaptureSpec,))


class ClipChannel(Channel):
    """Sees what main says first, and answers for the clips in it."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel._sock)
        self._wanted: dict[int, ClipRequest] = {}
        self._done: set[int] = set()
        self._sending = threading.Lock()
        threading.Thread(target=self._write_when_due, daemon=True).start()

    def receive(self, *, wait_s: float = 0.0) -> Packet | None:
        packet = super().receive(wait_s=wait_s)
        if packet is not None and packet.kind == CONTROL and b'"CaptureSpec"' in packet.body:
            spec = DECODER.decode(packet.body)
            assert isinstance(spec, CaptureSpec)
            self._wanted = {each.id: each for each in spec.clips if each.id not in self._done}
            for request in self._wanted.values():
                Path(request.path).parent.mkdir(parents=True, exist_ok=True)
                Path(f"{request.path}.part").touch()
        return packet

    def send(self, *given: object, **more: object) -> bool:
        with self._sending:
            return super().send(*given, **more)  # type: ignore[arg-type]

    def _write_when_due(self) -> None:
        while True:
            time.sleep(0.02)
            for request in tuple(self._wanted.values()):
                if time.monotonic_ns() > request.at_ns + request.after_s * 1e9:
                    self._wanted.pop(request.id, None)
                    self._done.add(request.id)
                    self.send(_write(request))


def _write(request: ClipRequest) -> ClipReport:
    path = Path(request.path)
    duration_s = request.before_s + request.after_s
    content = f"{duration_s} s".encode()
    path.write_bytes(content)
    Path(f"{path}.part").unlink()
    start_ns = time.time_ns() - round(duration_s * 1e9)
    sha256 = hashlib.sha256(content).hexdigest()
    return ClipReport(
        request.id, "", "", str(path), len(content), sha256, start_ns, duration_s, request.before_s, "h264"
    )


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    capture(ClipChannel(channel), heartbeat)


if __name__ == "__main__":
    serve(run)
