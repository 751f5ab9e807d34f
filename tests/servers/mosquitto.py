"""A real Mosquitto, as a context manager: started, killed, frozen and started again on the same port."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.lifetime import die_with_the_tests
from tests.servers.ports import HOST, free_port

_START_S = 60.0


@dataclass(frozen=True)
class Certificates:
    """PEM files: an authority, a server certificate for localhost and 127.0.0.1, a client certificate."""

    ca: Path
    server_cert: Path
    server_key: Path
    client_cert: Path
    client_key: Path


def make_certificates(folder: Path, name: str = "localhost", days: int = 1) -> Certificates:
    """Made anew by openssl; ``name`` is what the server certificate is for, ``days`` how long it is valid."""
    folder.mkdir(parents=True, exist_ok=True)
    ca, ca_key = folder / "ca.crt", folder / "ca.key"
    _openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
        "-subj", "/CN=edged test authority", "-keyout", ca_key, "-out", ca,
    )  # fmt: skip
    address = f"DNS:{name},IP:127.0.0.1" if name == "localhost" else f"DNS:{name}"
    server = _signed(folder, "server", f"subjectAltName={address}", ca, ca_key, days)
    client = _signed(folder, "client", "extendedKeyUsage=clientAuth", ca, ca_key, 1)
    return Certificates(ca, *server, *client)


class Mosquitto:
    """One broker on an ephemeral loopback port. It forgets everything at a restart, unless it is
    ``persistent`` and ended by `stop`."""

    def __init__(
        self,
        folder: Path,
        *,
        tls: Certificates | None = None,
        client_certificates: bool = False,
        users: dict[str, str] | None = None,
        acl: Sequence[str] = (),
        websockets: bool = False,
        persistent: bool = False,
        extra: Sequence[str] = (),
    ) -> None:
        self.port = free_port()
        self.plain_port = free_port() if websockets else self.port
        """MQTT over plain TCP, beside websockets."""
        self._folder = folder
        self._lines = [
            "per_listener_settings true",
            *(["user root"] if os.geteuid() == 0 else []),
            *(
                [f"persistence_location {folder}/", "persistence true"]
                if persistent
                else ["persistence false"]
            ),
            "set_tcp_nodelay true",  # its default holds small packets back for up to 40 ms
            f"listener {self.port} {HOST}",
            *(["protocol websockets"] if websockets else []),
            *self._access(users, acl),
            *self._tls(tls, client_certificates),
            *extra,
            *(self._beside_websockets() if websockets else []),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        return (self._folder / "mosquitto.log").read_text(errors="replace")

    def start(self) -> None:
        config = self._folder / "mosquitto.conf"
        config.write_text("\n".join(self._lines) + "\n")
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [_binary(), "-v", "-c", str(config)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=die_with_the_tests,  # noqa: PLW1509 — one system call, no Python state
            )
        wait_until_listening(self.port, self._process)

    def kill(self) -> None:
        """SIGKILL; `start` brings it back on the same port."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def stop(self) -> None:
        """SIGTERM, at which a persistent one writes down what it has; `start` brings it back."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """SIGSTOP: the kernel still takes connections, nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def __enter__(self) -> Mosquitto:
        self._folder.mkdir(parents=True, exist_ok=True)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _access(self, users: dict[str, str] | None, acl: Sequence[str]) -> list[str]:
        lines = []
        if users is None:
            lines.append("allow_anonymous true")
        else:
            self._folder.mkdir(parents=True, exist_ok=True)
            passwords = self._folder / "passwords"
            passwords.write_text("".join(f"{user}:{password}\n" for user, password in users.items()))
            subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True, timeout=30)
            lines += ["allow_anonymous false", f"password_file {passwords}"]
        if acl:
            self._folder.mkdir(parents=True, exist_ok=True)
            rules = self._folder / "acl"
            rules.write_text("\n".join(acl) + "\n")
            rules.chmod(0o600)
            lines.append(f"acl_file {rules}")
        return lines

    def _beside_websockets(self) -> list[str]:
        """Mosquitto 2.0.11 does not count websockets as listeners, and ends when there is no other."""
        return [f"listener {self.plain_port} {HOST}", "allow_anonymous true"]

    @staticmethod
    def _tls(tls: Certificates | None, client_certificates: bool) -> list[str]:
        if tls is None:
            return []
        return [
            f"cafile {tls.ca}",
            f"certfile {tls.server_cert}",
            f"keyfile {tls.server_key}",
            *(["require_certificate true"] if client_certificates else []),
        ]


def wait_until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the broker ended with {process.returncode} before it listened on {port}")
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.01)
    raise TimeoutError(f"nothing listens on {port}")


def _binary() -> str:
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip("mosquitto is not installed: apt-get install mosquitto mosquitto-clients")
    return found


def _signed(folder: Path, name: str, extension: str, ca: Path, ca_key: Path, days: int) -> tuple[Path, Path]:
    key, request, cert = folder / f"{name}.key", folder / f"{name}.csr", folder / f"{name}.crt"
    extensions = folder / f"{name}.ext"
    extensions.write_text(extension + "\n")
    _openssl(
        "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN=edged {name}",
        "-keyout", key, "-out", request,
    )  # fmt: skip
    _openssl(
        "x509", "-req", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", str(days),
        "-extfile", extensions, "-out", cert,
    )  # fmt: skip
    return cert, key


def _openssl(*arguments: object) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    subprocess.run(
        ["openssl", *(str(argument) for argument in arguments)], check=True, capture_output=True, timeout=60
    )
