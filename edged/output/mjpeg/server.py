"""Serves JPEGs to browsers as they come: one thread with an event loop, asleep while nobody looks.

A viewer has no queue: when it has taken a picture in, it gets the newest there is. So one that is slow sees
fewer pictures, none that are old, and holds up nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from http import HTTPStatus

from edged.errors import EdgedError
from edged.output.mjpeg.requests import (
    BOUNDARY,
    Asked,
    basic_credentials,
    head_of,
    page_of,
    parse_request,
    part_of,
)
from edged.output.rtsp import Login

MAX_CONNECTIONS = 64
_HEAD_BYTES = 8192
_HEAD_S = 10.0
_STUCK_S = 10.0
"""A viewer that takes nothing in for so long is closed."""
_PICTURE_S = 6.0
"""For the first picture of an output that nobody looked at."""
_REPEAT_S = 5.0
"""While no new picture comes, the last is sent again: it shows who is still there."""
_WRONG_LOGIN_S = 1.0
_BUFFER_BYTES = 64 * 1024
_KERNEL_BYTES = 256 * 1024
"""What waits there is old when it arrives."""
_TEXT, _HTML = "text/plain; charset=utf-8", "text/html; charset=utf-8"
_METHODS = ("GET", "HEAD")


class _Path:
    """One output: its newest picture, and who looks. Belongs to the loop."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.viewers = 0
        self.number = 0
        """Of the newest picture."""
        self.jpeg = b""
        self.is_gone = False
        self._next = asyncio.get_running_loop().create_future()

    def put(self, jpeg: bytes) -> None:
        self.number += 1
        self.jpeg = jpeg
        self.wake()

    def wake(self) -> None:
        came, self._next = self._next, asyncio.get_running_loop().create_future()
        came.set_result(None)

    async def newer(self, number: int, within_s: float) -> bool:
        """Wait for a picture after that one. False: none came, or the output is gone."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self.number <= number and not self.is_gone:
                    await asyncio.shield(self._next)  # others wait for the same
        return self.number > number and not self.is_gone


class MjpegServer:
    """``http://device:port/NAME`` shows an output, ``/NAME.jpg`` one picture of it, ``/`` lists them.

    ``on_viewers(name, count)`` is called at each change, from the server's thread, and must not block.
    """

    def __init__(
        self, host: str, port: int, *, login: Login | None, on_viewers: Callable[[str, int], None]
    ) -> None:
        """``port`` 0: any that is free."""
        self.port = port
        """The real one, from `start` on."""
        self.dropped: dict[str, int] = {}
        """By output: pictures that viewers were too slow for."""
        self._host = host
        self._login = login
        self._on_viewers = on_viewers
        self._paths: dict[str, _Path] = {}
        self._connections = 0
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="mjpeg", daemon=True)
        self._ready: Future[int] = Future()

    def start(self) -> None:
        """Listen. Raises EdgedError where it cannot."""
        self._thread.start()
        try:
            self.port = self._ready.result(10.0)
        except OSError as error:
            self._thread.join(1.0)
            raise EdgedError(
                f"live pictures cannot be served at {self._host}:{self.port}: {error.strerror}; choose "
                "another live.http_port or live.host, or end the program that has it"
            ) from error

    def close(self) -> None:
        """Say goodbye to all; waits some seconds at most."""
        self._call(self._stopped.set)
        self._thread.join(3.0)

    def set_paths(self, names: Collection[str]) -> None:
        """The outputs that are served; viewers of one that is taken away are closed."""
        self._call(self._set_paths, frozenset(names))

    def give(self, name: str, jpeg: bytes) -> None:
        """The next picture; from any thread, never blocks."""
        self._call(self._put, name, jpeg)

    # ---- the loop's thread ----

    def _call(self, what: Callable[..., None], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(what, *arguments)

    def _work(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        try:
            server = await asyncio.start_server(
                self._connected, self._host or None, self.port, limit=_HEAD_BYTES, backlog=32
            )
        except OSError as error:
            self._ready.set_exception(error)
            return
        self._ready.set_result(server.sockets[0].getsockname()[1])
        await self._stopped.wait()
        server.close()
        self._set_paths(frozenset())
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _set_paths(self, names: frozenset[str]) -> None:
        for name in self._paths.keys() - names:
            path = self._paths.pop(name)
            path.is_gone = True
            path.wake()
        for name in names - self._paths.keys():
            self._paths[name] = _Path(name)

    def _put(self, name: str, jpeg: bytes) -> None:
        path = self._paths.get(name)
        if path is not None:
            path.put(jpeg)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            with contextlib.suppress(
                ConnectionError,
                TimeoutError,
                asyncio.IncompleteReadError,
                asyncio.CancelledError,  # only the end of the server does that; 3.11 would log it as a bug
            ):
                await self._answer(reader, writer)
        finally:
            self._connections -= 1
            writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=_BUFFER_BYTES)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
        if self._connections > MAX_CONNECTIONS:
            await _say(writer, HTTPStatus.SERVICE_UNAVAILABLE, "too many look already", "Retry-After: 5")
            return
        try:
            async with asyncio.timeout(_HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            await _say(writer, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too large")
            return
        asked = parse_request(head)
        if asked is None:
            await _say(writer, HTTPStatus.BAD_REQUEST, "that is no request")
        elif asked.method not in _METHODS:
            await _say(writer, HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD", f"Allow: {', '.join(_METHODS)}")
        elif await self._may(asked):
            await self._show(asked, reader, writer)
        else:
            await _say(
                writer,
                HTTPStatus.UNAUTHORIZED,
                "log in",
                'WWW-Authenticate: Basic realm="edged", charset="UTF-8"',
            )

    async def _may(self, asked: Asked) -> bool:
        if self._login is None:
            return True
        if self._login.basic_is_right(basic_credentials(asked.authorization)):
            return True
        if asked.authorization:
            await asyncio.sleep(_WRONG_LOGIN_S)
        return False

    async def _show(self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        name = asked.path.strip("/")
        is_head = asked.method == "HEAD"
        if not name:
            await _send(writer, HTTPStatus.OK, _HTML, page_of(self._paths), is_head=is_head)
        elif name in self._paths:
            writer.write(head_of(HTTPStatus.OK, f"multipart/x-mixed-replace; boundary={BOUNDARY}"))
            if not is_head:
                await self._stream(self._paths[name], reader, writer)
        elif name.endswith(".jpg") and name[:-4] in self._paths:
            await self._one(self._paths[name[:-4]], writer, is_head=is_head)
        else:
            await _say(writer, HTTPStatus.NOT_FOUND, "there is no output of this name", is_head=is_head)

    async def _one(self, path: _Path, writer: asyncio.StreamWriter, *, is_head: bool) -> None:
        if is_head:
            writer.write(head_of(HTTPStatus.OK, "image/jpeg"))
            return
        with self._looking_at(path):
            came = await path.newer(path.number, _PICTURE_S)
            if came:
                async with asyncio.timeout(_STUCK_S):
                    await _send(writer, HTTPStatus.OK, "image/jpeg", path.jpeg)
                return
        await _say(writer, HTTPStatus.SERVICE_UNAVAILABLE, "no picture comes now", "Retry-After: 5")

    async def _stream(self, path: _Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"--{BOUNDARY}\r\n".encode("ascii"))
        leaving = asyncio.ensure_future(_gone(reader))
        with self._looking_at(path):
            showing = asyncio.ensure_future(self._pictures(path, writer))
            try:
                await asyncio.wait((leaving, showing), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (leaving, showing):
                    task.cancel()
                await asyncio.gather(leaving, showing, return_exceptions=True)

    async def _pictures(self, path: _Path, writer: asyncio.StreamWriter) -> None:
        seen = path.number
        while not path.is_gone:
            await path.newer(seen, _REPEAT_S)
            if not path.jpeg or path.is_gone:
                continue
            if seen and path.number > seen + 1:
                self.dropped[path.name] = self.dropped.get(path.name, 0) + path.number - seen - 1
            seen = path.number
            writer.write(part_of(path.jpeg))
            async with asyncio.timeout(_STUCK_S):
                await writer.drain()

    @contextlib.contextmanager
    def _looking_at(self, path: _Path) -> Iterator[None]:
        path.viewers += 1
        self._on_viewers(path.name, path.viewers)
        try:
            yield
        finally:
            path.viewers -= 1
            if not path.viewers:
                path.jpeg = b""  # the next viewer is to see no picture of long ago
            self._on_viewers(path.name, path.viewers)


async def _gone(reader: asyncio.StreamReader) -> None:
    """Until the viewer closes; what it says meanwhile means nothing."""
    while await reader.read(_HEAD_BYTES):
        continue


async def _say(
    writer: asyncio.StreamWriter, status: HTTPStatus, text: str, *more: str, is_head: bool = False
) -> None:
    await _send(writer, status, _TEXT, f"{text}\n".encode(), *more, is_head=is_head)


async def _send(
    writer: asyncio.StreamWriter,
    status: HTTPStatus,
    kind: str,
    body: bytes,
    *more: str,
    is_head: bool = False,
) -> None:
    writer.write(head_of(status, kind, len(body), *more))
    if not is_head:
        writer.write(body)
    await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()
