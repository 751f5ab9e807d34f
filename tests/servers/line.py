"""The network between a device and its broker: it can swallow what is sent, and break."""

from __future__ import annotations

import contextlib
import socket
import threading
from enum import Enum

from tests.servers.mosquitto import HOST, free_port


class Way(Enum):
    TO_BROKER = "to the broker"
    TO_DEVICE = "to the device"


class Line:
    """Carries connections from its ``port`` to another one while it is open."""

    def __init__(self, to_port: int) -> None:
        self.port = free_port()
        self._to_port = to_port
        self._listener: socket.socket | None = None
        self._ends: list[socket.socket] = []
        self._swallows: Way | None = None

    def open(self) -> None:
        self._swallows = None
        self._listener = socket.create_server((HOST, self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def swallow(self, way: Way) -> None:
        """From now on nothing that is sent this way arrives, and nobody is told."""
        self._swallows = way

    def cut(self) -> None:
        """All connections break, and none can be made."""
        for end in (self._listener, *self._ends):
            if end is not None:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for it
                end.close()
        self._listener, self._ends = None, []

    def __enter__(self) -> Line:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection((HOST, self._to_port))
                self._ends += [near, far]
                for source, target, way in ((near, far, Way.TO_BROKER), (far, near, Way.TO_DEVICE)):
                    source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threading.Thread(target=self._carry, args=(source, target, way), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, way: Way) -> None:
        with contextlib.suppress(OSError):
            while heard := source.recv(65_536):
                if way is not self._swallows:
                    target.sendall(heard)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
