"""The RTSP server of the live outputs: one thread, one selector, asleep while nobody looks."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from types import TracebackType
from typing import Self

from edged.errors import EdgedError
from edged.output.rtp import is_rtcp
from edged.output.rtsp.answers import Answers
from edged.output.rtsp.connection import Connection
from edged.output.rtsp.inbox import Asked, Inbox, Picture
from edged.output.rtsp.listening import Listener, listen
from edged.output.rtsp.login import Login
from edged.output.rtsp.messages import Request, response
from edged.output.rtsp.sdp import StreamFacts
from edged.output.rtsp.stream import Stream, StreamView
from edged.output.rtsp.viewer import TcpDelivery, UdpDelivery

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
MAX_CONNECTIONS_PER_ADDRESS = 32
TICK_S = 0.5
"""How often timeouts are looked at while somebody is connected."""
_READ = selectors.EVENT_READ
_WRITE = selectors.EVENT_WRITE


class RtspServer:
    """Serves outputs by name: ``rtsp://device:port/NAME``.

    ``on_viewers(name, count)`` is called at each change, from the server's thread, and must not block:
    ``count`` is how many play, 1 while somebody is about to or has just left, and 0 when nothing
    need be encoded. ``on_keyframe_wanted(name)``: likewise, a viewer waits for one; at most twice a second.
    Listens from ``start()`` to ``close()``; EdgedError where it cannot.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        login: Login | None,
        on_viewers: Callable[[str, int], None],
        on_keyframe_wanted: Callable[[str], None] = lambda name: None,
    ) -> None:
        """``host`` empty: all addresses of the device, IPv4 and IPv6. ``port`` 0: any that is free."""
        self._host = host
        self.port = port
        """The real one, from ``start()`` on."""
        self._login = login
        self._on_viewers = on_viewers
        self._on_keyframe_wanted = on_keyframe_wanted
        self._inbox = Inbox()
        self._answers = Answers()
        self._listeners: list[Listener] = []
        self._connections: set[Connection] = set()
        self._wanted: dict[str, int] = {}
        self._looked_at: frozenset[str] = frozenset()
        self._views: dict[str, StreamView] = {}
        self._selector = selectors.DefaultSelector()
        self._checked_s = 0.0
        self._thread = threading.Thread(target=self._run, name="rtsp", daemon=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Listen, and serve from a thread of its own. Where it cannot, it is closed."""
        try:
            self._listeners = listen(self._host, self.port)
        except EdgedError:
            self.close()
            raise
        self.port = self._listeners[0].tcp.getsockname()[1]
        self._selector.register(self._inbox, _READ, self._nothing)
        for listener in self._listeners:
            self._selector.register(listener.tcp, _READ, lambda one=listener: self._accept(one))
            for sock in (listener.rtp, listener.rtcp):
                self._selector.register(sock, _READ, lambda one=sock: self._datagrams(one))
        self._thread.start()

    def close(self) -> None:
        """Say goodbye to all viewers and stop listening; waits for the thread, some seconds at most."""
        self._inbox.close()
        if self._thread.ident is not None:
            self._thread.join(5.0)
        else:
            self._end()

    def set_paths(self, names: Collection[str]) -> None:
        """The outputs that are served; others are 404. Viewers of one that is taken away are closed."""
        self._inbox.set_paths(names)

    def describe(self, name: str, info: StreamFacts | None) -> None:
        """What ``name`` is encoded as; a DESCRIBE waits for it. None: forget it.

        Best left as it is when the encoder stops: the next viewer is answered at once.
        """
        self._inbox.describe(name, info)

    def dismiss(self, name: str) -> None:
        """Say goodbye to the viewers of ``name`` and close them, as for a source that is away."""
        self._inbox.dismiss(name)

    def give(self, name: str, access_unit: bytes, pts_90k: int, *, keyframe: bool) -> None:
        """The next picture of ``name`` in decoding order (annex B); never blocks, dropped if nobody looks.

        ``keyframe``: nothing after it refers to what was before it (an IDR picture).
        """
        if name in self._looked_at:
            now = time.monotonic(), time.time_ns()
            self._inbox.give(Picture(name, access_unit, pts_90k, keyframe, *now))

    def view(self, name: str) -> StreamView:
        """How ``name`` is doing; half a second old at most while somebody looks."""
        return self._views.get(name, StreamView(0, 0, 0))

    @property
    def running(self) -> bool:
        """False after ``start()``: a bug ended the thread, and whoever has started it should end too."""
        return self._thread.is_alive()

    @property
    def dropped(self) -> int:
        """Pictures that this server's thread was too slow for."""
        return self._inbox.dropped

    def _run(self) -> None:
        try:
            while True:
                ready = self._selector.select(self._timeout_s())
                asked = self._inbox.take()
                if asked.closed:
                    break
                self._do(asked)
                for key, _ in ready:
                    key.data()
                self._settle(time.monotonic())
        finally:
            self._end()

    def _timeout_s(self) -> float | None:
        """None, and no CPU at all, while nobody is connected and nothing lingers."""
        if any(connection.held for connection in self._connections):
            return 0.05
        return TICK_S if self._connections or self._wanted or self._answers.viewers else None

    def _nothing(self) -> None:
        """The inbox has been taken already."""

    def _do(self, asked: Asked) -> None:
        now_s = time.monotonic()
        if asked.paths is not None:
            self._serve(asked.paths, now_s)
        for name in asked.dismissed:
            if stream := self._answers.streams.get(name):
                self._dismiss(stream, now_s)
        for name, info in asked.infos.items():
            if stream := self._answers.streams.get(name):
                stream.info = info
        for picture in asked.pictures:
            if stream := self._answers.streams.get(picture.name):
                stream.give(picture)

    def _serve(self, names: frozenset[str], now_s: float) -> None:
        streams = self._answers.streams
        for name in set(streams) - names:
            self._dismiss(streams[name], now_s)
            del streams[name]
        for name in names - set(streams):
            streams[name] = Stream(name)

    def _dismiss(self, stream: Stream, now_s: float) -> None:
        for viewer in tuple(stream.viewers.values()):
            self._answers.remove(viewer, now_s)
            if viewer.connection:
                viewer.connection.closing = True

    def _accept(self, listener: Listener) -> None:
        try:
            sock, address = listener.tcp.accept()
        except OSError:
            return
        per_address = Counter(connection.peer for connection in self._connections)
        if (
            len(self._connections) >= MAX_CONNECTIONS
            or per_address[address[0]] >= MAX_CONNECTIONS_PER_ADDRESS
        ):
            sock.setblocking(False)
            with sock, contextlib.suppress(OSError):
                sock.send(response(503, "", [("Retry-After", "5"), ("Connection", "close")]))
            return
        try:
            connection = Connection(sock, listener, self._login, time.monotonic())
        except OSError:
            sock.close()
            return
        self._connections.add(connection)
        self._select(connection, _READ)

    def _serve_connection(self, connection: Connection) -> None:
        if connection.wants_to_read:
            connection.receive(time.monotonic())

    def _read_messages(self, connection: Connection, now_s: float) -> None:
        connection.look_again()
        while message := connection.next_message(now_s):
            if isinstance(message, Request):
                answer = self._answers.answer(connection, message, now_s)
                if answer is not None:
                    connection.answer(answer)
                continue
            for viewer in self._answers.of(connection):
                delivery = viewer.delivery
                if isinstance(delivery, TcpDelivery) and message.channel == delivery.transport.rtcp_channel:
                    viewer.alive(now_s)

    def _datagrams(self, sock: socket.socket) -> None:
        """Receiver reports, and what players send to open a way through their firewall: signs of life."""
        for _ in range(64):
            try:
                data, address = sock.recvfrom(2048)
            except OSError:
                return
            for viewer in self._answers.viewers.values():
                delivery = viewer.delivery
                ours = isinstance(delivery, UdpDelivery) and delivery.comes_from(address[0], address[1])
                if ours and is_rtcp(data):
                    viewer.alive(time.monotonic())

    def _settle(self, now_s: float) -> None:
        """After anything happened: answers, writing, what came too late, and who has to be told."""
        for connection in tuple(self._connections):
            self._read_messages(connection, now_s)
            connection.flush(now_s)
        if now_s - self._checked_s >= TICK_S or any(connection.held for connection in self._connections):
            self._check(now_s)
        for connection in tuple(self._connections):
            self._watch(connection, now_s)
        self._flush_datagrams()
        self._tell(now_s)

    def _flush_datagrams(self) -> None:
        full = {
            viewer.delivery.listener
            for viewer in self._answers.viewers.values()
            if isinstance(viewer.delivery, UdpDelivery) and viewer.delivery.flush()
        }
        for listener in self._listeners:
            key = self._selector.get_key(listener.rtp)
            events = _READ | (_WRITE if listener in full else 0)
            if key.events != events:
                self._selector.modify(listener.rtp, events, key.data)

    def _check(self, now_s: float) -> None:
        self._checked_s = now_s
        for viewer in tuple(self._answers.viewers.values()):
            if viewer.is_gone(now_s):
                self._answers.remove(viewer, now_s)
        for connection in self._connections:
            connection.check(now_s, has_viewer=any(True for _ in self._answers.of(connection)))
        self._views = {name: stream.view() for name, stream in self._answers.streams.items()}

    def _watch(self, connection: Connection, now_s: float) -> None:
        """Close what is done with; else wait for what it can do next."""
        if connection.broken or (connection.closing and not connection.outbox):
            self._answers.lose(connection, now_s)
            self._connections.discard(connection)
            self._select(connection, 0)
            connection.close()
            return
        self._select(
            connection, (_READ if connection.wants_to_read else 0) | (_WRITE if connection.outbox else 0)
        )

    def _select(self, connection: Connection, events: int) -> None:
        """Wake up for these; one that waits for neither must not be in the selector at all."""
        key = self._selector.get_map().get(connection)
        if key is None and events:
            self._selector.register(connection, events, lambda: self._serve_connection(connection))
        elif key is not None and not events:
            self._selector.unregister(connection)
        elif key is not None and key.events != events:
            self._selector.modify(connection, events, key.data)

    def _tell(self, now_s: float) -> None:
        """Of viewers that came and went, and of keyframes that are waited for."""
        wanted = {
            name: count for name, stream in self._answers.streams.items() if (count := stream.wanted(now_s))
        }
        self._looked_at = frozenset(wanted)
        for name in sorted(set(wanted) | set(self._wanted)):
            if wanted.get(name, 0) != self._wanted.get(name, 0):
                self._on_viewers(name, wanted.get(name, 0))
        self._wanted = wanted
        for name in wanted:
            if self._answers.streams[name].keyframe_is_due(now_s):
                self._on_keyframe_wanted(name)

    def _end(self) -> None:
        now_s = time.monotonic()
        self._serve(frozenset(), now_s)
        for connection in self._connections:
            connection.flush(now_s)
            connection.close()
        for listener in self._listeners:
            listener.close()
        self._tell(now_s)
        self._selector.close()
        self._inbox.release()
