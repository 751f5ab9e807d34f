"""sd_notify(3), spoken directly: one datagram a message. Silent where there is no systemd."""

from __future__ import annotations

import os
import socket
import time


class Notifier:
    """Tells the service manager what goes on; does nothing when ``NOTIFY_SOCKET`` is not set."""

    def __init__(self, address: str | None = None, watchdog_us: int | None = None) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        interval_us = int(os.environ.get("WATCHDOG_USEC", "0")) if watchdog_us is None else watchdog_us
        self._feed_every_s = interval_us / 2e6
        self._fed_at = 0.0
        self._status = ""

    def ready(self) -> None:
        self._send("READY=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def reloading(self) -> None:
        """Follow it with `ready` when the configuration is in effect."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``; sent when it changes."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def feed_watchdog(self, now_s: float) -> None:
        """Call it from where the work was just checked, at any rate: sent twice per interval."""
        if self._feed_every_s and now_s - self._fed_at >= self._feed_every_s:
            self._fed_at = now_s
            self._send("WATCHDOG=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.setblocking(False)
            try:
                sock.sendto(message.encode(), address)
            except OSError:
                return  # the manager is away or its queue is full: the next message tells it more
