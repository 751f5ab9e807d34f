"""Ports of loopback for servers that end and come back."""

from __future__ import annotations

import contextlib
import random
import socket

HOST = "127.0.0.1"
_FIRST, _END = 15_000, 32_000
"""Below those that Linux gives to whoever asks for any, 32768 and up: nobody takes the port of a server
that was killed before it is started again."""


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """One that nothing used a moment ago."""
    chance = random.SystemRandom()  # tests that run beside each other draw others
    for _ in range(1000):
        port = chance.randrange(_FIRST, _END)
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise RuntimeError(f"no free port between {_FIRST} and {_END}")
