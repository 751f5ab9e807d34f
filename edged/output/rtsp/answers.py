"""What each request is answered (RFC 2326 section 10), and the sessions that this makes and ends."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edged.output.rtp import Unit
from edged.output.rtsp.connection import Connection, Held
from edged.output.rtsp.login import Access
from edged.output.rtsp.messages import Request, response
from edged.output.rtsp.sdp import description
from edged.output.rtsp.stream import MAX_VIEWERS, Stream, first_packet
from edged.output.rtsp.target import Target, parse_target
from edged.output.rtsp.transport import OverTcp, choose_transport
from edged.output.rtsp.viewer import SESSION_S, TcpDelivery, UdpDelivery, Viewer, ViewerState

DESCRIBE_WAIT_S = 5.0
"""For the encoder's first picture; then 503, which says more than a stream that never comes."""
KEYFRAME_WAIT_S = 3.0
"""For the keyframe that RTP-Info names; then PLAY is answered without."""
WRONG_LOGIN_S = 1.0
"""Before a wrong login is answered."""
MAX_WRONG_LOGINS = 5
MAX_SESSIONS = 8
"""Of one connection."""
METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER")
_PUBLIC = ("Public", ", ".join(METHODS))
_RECORDING = ("ANNOUNCE", "RECORD", "REDIRECT")
_GUARDED = ("DESCRIBE", "SETUP", "PLAY")


@dataclass(frozen=True, slots=True)
class Call:
    """One request and all that its answer hangs on."""

    connection: Connection
    request: Request
    target: Target
    now_s: float

    def reply(self, status: int = 200, *headers: tuple[str, str], body: bytes = b"") -> bytes:
        """The bytes of the answer."""
        return response(status, self.request.cseq, headers, body)

    def hold(self, for_s: float, late: bytes, early: Callable[[], bytes | None] = lambda: None) -> Held:
        """Answer later, at the latest so and then."""
        held = self.connection.held = Held(self.now_s + for_s, late, early)
        return held


class Answers:
    """The outputs and sessions of a server. None instead of an answer: the connection holds it."""

    def __init__(self) -> None:
        self.streams: dict[str, Stream] = {}
        self.viewers: dict[str, Viewer] = {}
        self._methods: dict[str, Callable[[Call], bytes | None]] = {
            "OPTIONS": self._options,
            "DESCRIBE": self._describe,
            "SETUP": self._setup,
            "PLAY": self._play,
            "PAUSE": self._pause,
            "TEARDOWN": self._teardown,
            "GET_PARAMETER": self._parameter,
            "SET_PARAMETER": self._parameter,
        }

    def answer(self, connection: Connection, request: Request, now_s: float) -> bytes | None:
        """The answer to one request, after what is wrong with any of them."""
        target = parse_target(request.url)
        call = Call(connection, request, target or Target("", ""), now_s)
        if not request.cseq:
            return call.reply(400)
        if unsupported := request.headers.get("require") or request.headers.get("proxy-require"):
            return call.reply(551, ("Unsupported", unsupported))
        method = self._methods.get(request.method)
        if method is None:
            recording = request.method in _RECORDING
            return call.reply(405, ("Allow", ", ".join(METHODS))) if recording else call.reply(501, _PUBLIC)
        if target is None:
            return call.reply(404)
        if request.method in _GUARDED and not self._may(call):
            return self._refusal(call)
        viewer = self.viewers.get(request.session)
        if viewer is not None:
            viewer.alive(now_s)
        return method(call)

    def of(self, connection: Connection) -> Iterator[Viewer]:
        """The viewers of a connection."""
        return (viewer for viewer in tuple(self.viewers.values()) if viewer.connection is connection)

    def remove(self, viewer: Viewer, now_s: float) -> None:
        """End a session."""
        self.viewers.pop(viewer.session, None)
        stream = self.streams.get(viewer.path)
        if stream is not None:
            stream.remove(viewer, now_s)

    def lose(self, connection: Connection, now_s: float) -> None:
        """The connection closed: what went over it ends, what goes over UDP has to show signs of life."""
        for viewer in self.of(connection):
            if isinstance(viewer.delivery, UdpDelivery) and viewer.looks:
                viewer.connection = None
                viewer.alive(now_s)
            else:
                self.remove(viewer, now_s)

    @staticmethod
    def _may(call: Call) -> bool:
        authorization = call.request.headers.get("authorization", "")
        access = call.connection.doorkeeper.check(call.request.method, authorization)
        call.connection.wrong_logins += access is Access.WRONG
        return access is Access.GRANTED

    @staticmethod
    def _refusal(call: Call) -> bytes | None:
        connection, authorization = call.connection, call.request.headers.get("authorization", "")
        stale = connection.doorkeeper.is_stale(authorization)
        refusal = call.reply(401, *connection.doorkeeper.challenges(stale=stale))
        if not authorization or stale:
            return refusal
        if connection.wrong_logins >= MAX_WRONG_LOGINS:
            connection.closing = True
            return refusal
        call.hold(WRONG_LOGIN_S, refusal)
        return None

    def _options(self, call: Call) -> bytes:
        return call.reply(200, _PUBLIC)

    def _parameter(self, call: Call) -> bytes:
        """A sign of life (section 10.8); there are no parameters that could be read or set."""
        session = call.request.session
        if session and session not in self.viewers:
            return call.reply(454)
        return call.reply(200, *([("Session", session)] if session else []))

    def _describe(self, call: Call) -> bytes | None:
        stream = self.streams.get(call.target.name)
        if stream is None or call.target.track:
            return call.reply(404)
        accept = call.request.headers.get("accept", "*/*").lower()
        if not any(kind in accept for kind in ("application/sdp", "application/*", "*/*")):
            return call.reply(406)
        stream.want(call.now_s)
        if stream.info is not None:
            return _described(call, stream)
        call.hold(
            DESCRIBE_WAIT_S,
            late=call.reply(503, ("Retry-After", "5")),
            early=lambda: _described(call, stream) if stream.info else None,
        )
        return None

    def _setup(self, call: Call) -> bytes:
        stream = self.streams.get(call.target.name)
        if stream is None:
            return call.reply(404)
        transport = choose_transport(call.request.headers.get("transport", ""))
        if transport is None:
            return call.reply(461)
        viewer = self._own(call)
        if call.request.session and viewer is None:
            return call.reply(454)
        if viewer is not None and viewer.looks:
            return call.reply(455)
        if viewer is None and self._is_full(call.connection, stream):
            return call.reply(453)
        if isinstance(transport, OverTcp):
            transport = self._free_channels(call.connection, transport, viewer)
            delivery: TcpDelivery | UdpDelivery = TcpDelivery(call.connection, transport)
        else:
            delivery = UdpDelivery(call.connection, transport)
        if viewer is None:
            viewer = Viewer(secrets.token_hex(16), stream.name, call.connection, delivery, call.now_s)
            self.viewers[viewer.session] = stream.viewers[viewer.session] = viewer
        viewer.delivery = delivery
        stream.want(call.now_s)
        session = ("Session", f"{viewer.session};timeout={int(SESSION_S)}")
        return call.reply(200, ("Transport", delivery.header(stream.ssrc)), session)

    def _is_full(self, connection: Connection, stream: Stream) -> bool:
        mine = sum(1 for _ in self.of(connection))
        return len(stream.viewers) >= MAX_VIEWERS or mine >= MAX_SESSIONS

    def _free_channels(self, connection: Connection, wished: OverTcp, own: Viewer | None) -> OverTcp:
        """Those that were wished, or others where another session of the connection has them."""
        taken: set[int] = set()
        for viewer in self.of(connection):
            if viewer is not own and isinstance(viewer.delivery, TcpDelivery):
                taken |= {viewer.delivery.transport.rtp_channel, viewer.delivery.transport.rtcp_channel}
        if not taken & {wished.rtp_channel, wished.rtcp_channel}:
            return wished
        first = next(channel for channel in range(0, 255, 2) if not taken & {channel, channel + 1})
        return OverTcp(first, first + 1)

    def _play(self, call: Call) -> bytes | None:
        viewer = self._own(call)
        if viewer is None:
            return call.reply(454)
        if not call.request.headers.get("range", "npt=now-").strip().lower().startswith("npt="):
            return call.reply(457)
        url, session = call.target.track_url, ("Session", viewer.session)
        playing = ("Range", "npt=now-")
        late = call.reply(200, session, playing, ("RTP-Info", f"url={url}"))
        if viewer.state is ViewerState.PLAYING:
            return late
        held = call.hold(KEYFRAME_WAIT_S, late)

        def on_start(unit: Unit) -> None:
            if call.connection.held is held:
                began = ("RTP-Info", f"url={url};{first_packet(unit)}")
                call.connection.release(call.reply(200, session, playing, began))
                # Before packets that go another way than this answer.
                call.connection.flush(call.now_s)

        viewer.begin(on_start)
        return None

    def _pause(self, call: Call) -> bytes:
        viewer = self._own(call)
        if viewer is None:
            return call.reply(454)
        if not viewer.looks:
            return call.reply(455)
        viewer.pause()
        self.streams[viewer.path].want(call.now_s)
        return call.reply(200, ("Session", viewer.session))

    def _teardown(self, call: Call) -> bytes:
        viewer = self._own(call)
        if viewer is None:
            return call.reply(454)
        self.remove(viewer, call.now_s)
        return call.reply(200, ("Session", viewer.session))

    def _own(self, call: Call) -> Viewer | None:
        """The session that a request names: of this address and this output."""
        viewer = self.viewers.get(call.request.session)
        if viewer is None or viewer.peer != call.connection.peer:
            return None
        if viewer.connection is not call.connection and isinstance(viewer.delivery, TcpDelivery):
            return None
        return viewer if call.target.name in ("", viewer.path) else None


def _described(call: Call, stream: Stream) -> bytes:
    if stream.info is None:
        return call.reply(503, ("Retry-After", "5"))
    body = description(stream.name, stream.info, call.connection.own_address, stream.ssrc)
    base = ("Content-Base", f"{call.target.base}/")
    return call.reply(200, ("Content-Type", "application/sdp"), base, body=body)
