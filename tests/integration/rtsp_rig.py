"""An RTSP server of ours with an encoder behind it, and raw clients that say exactly what they are told."""

from __future__ import annotations

import hashlib
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any

import av
import numpy as np
import pytest

from edged.output.rtsp import Login, RtspServer, stream
from tests.stopwatch import HANGS_S

CLOCK_HZ = 90_000
KEYINT = 15
LOGIN = Login("viewer", "s3cr:t")


@dataclass(frozen=True, slots=True)
class Clip:
    """A film of closed GOPs, each access unit with what its decoded picture is."""

    units: tuple[bytes, ...]
    digests: tuple[str, ...]

    def is_key(self, place: int) -> bool:
        return place % KEYINT == 0


def digest(frame: Any) -> str:
    """Of the decoded planes."""
    return hashlib.md5(frame.to_ndarray(format="yuv420p").tobytes(), usedforsecurity=False).hexdigest()


@cache
def clip(width: int = 320, height: int = 240, frames: int = 4 * KEYINT, kbps: int = 0) -> Clip:
    """No two pictures are the same; ``kbps`` 0: as it comes."""
    context: Any = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate = Fraction(1, CLOCK_HZ), Fraction(15)
    context.gop_size = KEYINT
    context.options = {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "scenecut=0"}
    if kbps:
        context.bit_rate = kbps * 1000
        context.options |= {"maxrate": f"{kbps}k", "bufsize": f"{kbps}k"}
    units = []
    noise = np.random.default_rng(7).integers(0, 255, (height * 3 // 2, width), dtype=np.uint8)
    for number in range(frames):
        picture = np.roll(noise, number * 3, axis=1) if kbps else np.full_like(noise, number * 3)
        picture[: height // 4, : width // 4] = np.roll(noise, number, axis=0)[: height // 4, : width // 4]
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = number * 6000, context.time_base
        units += [bytes(packet) for packet in context.encode(frame)]
    units += [bytes(packet) for packet in context.encode(None)]
    decoder: Any = av.CodecContext.create("h264", "r")
    decoded = [frame for unit in units for frame in decoder.decode(av.Packet(unit))] + decoder.decode(None)
    digests = tuple(map(digest, decoded))
    assert len(units) == len(digests) == len(set(digests)) == frames
    return Clip(tuple(units), digests)


@dataclass
class Encoder:
    """Gives the pictures of a clip at a rate while somebody looks; begins a GOP when one is wanted."""

    film: Clip
    rate: float = 30.0
    counts: Counter[str] = field(default_factory=Counter)
    said: list[tuple[str, int]] = field(default_factory=list)
    wanted_keyframes: int = 0
    given: list[int] = field(default_factory=list)
    """Places in the clip, in their order."""
    mute: bool = False
    """It runs, and nothing comes of it."""
    _jump: bool = False

    def viewers(self, name: str, count: int) -> None:
        self.counts[name] = count
        self.said.append((name, count))

    def keyframe(self, name: str) -> None:
        self.wanted_keyframes += 1
        self._jump = True

    def run(self, server: RtspServer, name: str, ended: threading.Event) -> None:
        place = number = 0
        while not ended.wait(1 / self.rate):
            if self.mute or not self.counts[name]:
                continue
            if self._jump:
                self._jump = False
                place = -(-place // KEYINT) * KEYINT
            place %= len(self.film.units)
            self.given.append(place)
            pts = int(number * CLOCK_HZ / self.rate)
            server.give(name, self.film.units[place], pts, keyframe=self.film.is_key(place))
            place, number = place + 1, number + 1


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody looks at rests after seconds, not after ten."""
    monkeypatch.setattr(stream, "LINGER_S", 1.0)
    monkeypatch.setattr(stream.Stream.want, "__defaults__", (3.0,))


@dataclass
class Rig:
    """A server that serves ``gate``, and its encoder."""

    server: RtspServer
    encoder: Encoder

    def url(self, name: str = "gate", host: str = "127.0.0.1", login: str = "") -> str:
        return f"rtsp://{login}{host}:{self.server.port}/{name}"


@contextmanager
def serving(
    film: Clip | None = None, *, host: str = "127.0.0.1", login: Login | None = None, rate: float = 30.0
) -> Iterator[Rig]:
    """Everything runs, and ends."""
    encoder = Encoder(film or clip(), rate)
    ended = threading.Event()
    server = RtspServer(host, 0, login=login, on_viewers=encoder.viewers, on_keyframe_wanted=encoder.keyframe)
    server.set_paths({"gate"})
    with server:
        thread = threading.Thread(target=encoder.run, args=(server, "gate", ended))
        thread.start()
        try:
            yield Rig(server, encoder)
        finally:
            ended.set()
            thread.join(10.0)
            assert server.running, "its thread died"
    assert not server.running


def until(condition: Callable[[], object], within_s: float = HANGS_S) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


@dataclass(frozen=True, slots=True)
class Answered:
    """A response, its header names in lower case; those that come twice are joined by a newline."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def session(self) -> str:
        return self.headers["session"].partition(";")[0]


class RawClient:
    """Says what it is told, and reads answers and interleaved packets as they come."""

    def __init__(self, rig: Rig, host: str = "127.0.0.1", receive_buffer: int = 0) -> None:
        self.rig = rig
        self.host = host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.socket(family)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(15.0)
        self.sock.connect((host, rig.server.port))
        self.cseq = 0
        self.packets: list[tuple[int, bytes]] = []
        """Channel and packet."""
        self._rest = b""

    def __enter__(self) -> RawClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def ask(self, method: str, path: str = "gate", **headers: str) -> Answered:
        """Send a request and wait for its answer; a name's underscores are dashes."""
        self.say(method, path, **headers)
        answer = self.answer()
        assert answer.headers["cseq"] == str(self.cseq)
        return answer

    def say(self, method: str, path: str = "gate", **headers: str) -> None:
        self.cseq += 1
        host = f"[{self.host}]" if ":" in self.host else self.host
        url = path if path == "*" else self.rig.url(path, host)
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self.cseq}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.sock.sendall("\r\n".join((*lines, "", "")).encode())

    def play(self, transport: str = "RTP/AVP/TCP;unicast;interleaved=0-1") -> Answered:
        """SETUP and PLAY; the answer of PLAY."""
        setup = self.ask("SETUP", "gate/trackID=0", Transport=transport)
        assert setup.status == 200
        return self.ask("PLAY", "gate/", Session=setup.session, Range="npt=0.000-")

    def answer(self) -> Answered:
        """The next response; the packets before it are kept."""
        while True:
            message = self.message()
            if isinstance(message, Answered):
                return message
            self.packets.append(message)

    def collect(self, count: int) -> list[bytes]:
        """So many RTP packets of channel 0."""
        while sum(channel == 0 for channel, _ in self.packets) < count:
            message = self.message()
            assert not isinstance(message, Answered)
            self.packets.append(message)
        return [packet for channel, packet in self.packets if channel == 0]

    def is_closed(self) -> bool:
        """Whether the server ends the connection; what it says before is read away."""
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
        return True

    def message(self) -> Answered | tuple[int, bytes]:
        while True:
            message = self._cut()
            if message is not None:
                return message
            data = self.sock.recv(65536)
            if not data:
                raise EOFError
            self._rest += data

    def _cut(self) -> Answered | tuple[int, bytes] | None:
        rest = self._rest
        if rest[:1] == b"$":
            end = 4 + int.from_bytes(rest[2:4], "big")
            if len(rest) < 4 or len(rest) < end:
                return None
            self._rest = rest[end:]
            return rest[1], rest[4:end]
        head, complete, body = rest.partition(b"\r\n\r\n")
        if not complete:
            return None
        first, *lines = head.decode().split("\r\n")
        match = re.fullmatch(r"RTSP/1\.0 (\d{3}) [A-Za-z -]+", first)
        assert match, first
        headers: dict[str, str] = {}
        for line in lines:
            name, value = line.split(": ", 1)
            key = name.lower()
            headers[key] = f"{headers[key]}\n{value}" if key in headers else value
        length = int(headers.get("content-length", "0"))
        if len(body) < length:
            return None
        self._rest = body[length:]
        return Answered(int(match[1]), headers, body[:length])
