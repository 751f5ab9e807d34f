from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.mqtt.options import options_from_url


@pytest.mark.parametrize(
    ("url", "host", "port", "transport", "tls", "path"),
    [
        ("mqtt://broker.example", "broker.example", 1883, "tcp", False, "/mqtt"),
        ("mqtts://broker.example", "broker.example", 8883, "tcp", True, "/mqtt"),
        ("ws://broker.example/sub", "broker.example", 80, "websockets", False, "/sub"),
        ("wss://broker.example:9001", "broker.example", 9001, "websockets", True, "/mqtt"),
        ("mqtt://[::1]:1884", "::1", 1884, "tcp", False, "/mqtt"),
        ("embedded://127.0.0.1:1883", "127.0.0.1", 1883, "tcp", False, "/mqtt"),
    ],
)
def test_what_an_address_means(url: str, host: str, port: int, transport: str, tls: bool, path: str) -> None:
    options = options_from_url(url, device="gate-01")
    assert (options.host, options.port, options.transport) == (host, port, transport)
    assert (options.tls, options.path, options.client_id) == (tls, path, "edged-gate-01")


@pytest.mark.parametrize(
    ("url", "extra", "mend"),
    [
        ("broker.example", {}, "mqtt://"),
        ("mqtt://", {}, "no host"),
        ("mqtt://user:hunter2@broker.example", {}, "mqtt.username"),
        ("mqtt://broker.example:99999", {}, "65535"),
        ("mqtt://broker.example", {"ca": Path("ca.crt")}, "mqtts://"),
        ("mqtts://broker.example", {"key": Path("k.pem")}, "mqtt.cert"),
    ],
)
def test_what_cannot_be_meant_says_what_would_be_right(url: str, extra: dict[str, Path], mend: str) -> None:
    with pytest.raises(ValueError, match=mend) as raised:
        options_from_url(url, device="gate-01", **extra)  # type: ignore[arg-type]
    assert "hunter2" not in str(raised.value)


@given(st.text(min_size=8, alphabet="ABCDEFG"))
def test_printing_options_never_shows_the_password(password: str) -> None:
    assert password not in repr(options_from_url("mqtt://b", device="d", username="u", password=password))
