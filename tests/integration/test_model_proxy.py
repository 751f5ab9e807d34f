"""Models through a company's proxy: a real one, which alone can look the names up."""

from __future__ import annotations

import hashlib
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edged.model.fetching import FetchReport, FetchRequest, FetchState, ModelFile
from edged.modelstore.attempt import Attempt
from edged.modelstore.store import ModelStore, partial_of
from tests.servers.model_server import ModelServer, Shelf
from tests.servers.mosquitto import Certificates, make_certificates
from tests.servers.proxy import Proxy

CONTENT = random.Random(4).randbytes(300_000)
TOKEN = "Bearer open-sesame"
HOST = "models.test"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"), HOST)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Without what the machine that the tests run on says."""
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.fixture
def plain() -> Iterator[ModelServer]:
    with ModelServer(people=Shelf(CONTENT)) as server:
        yield server


@pytest.fixture
def secure(certificates: Certificates, environment: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    environment.setenv("SSL_CERT_FILE", str(certificates.ca))
    server = ModelServer(people=Shelf(CONTENT))
    server.secure(certificates.server_cert, certificates.server_key)
    with server:
        yield server


def fetch(tmp_path: Path, url: str) -> FetchReport:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    place = ModelStore(tmp_path / ".store").place_of("people.onnx", sha256)
    model = ModelFile("people.onnx", url, url, sha256, str(place), TOKEN)
    request = FetchRequest(model, str(partial_of(place, sha256)), silence_s=5.0)
    return Attempt(request, lambda report: None, lambda phase: None).run()


def test_plain_http_is_forwarded(plain: ModelServer, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Proxy({HOST: plain.port}, user="edge:s3cret") as proxy:
        environment.setenv("HTTP_PROXY", f"http://edge:s3cret@127.0.0.1:{proxy.port}")
        report = fetch(tmp_path, f"http://{HOST}/people.onnx")
    assert report.state is FetchState.THERE, report.error
    assert [asked.method for asked in proxy.asked] == ["GET"]
    (asked,) = plain.asked
    assert (asked.path, asked.host, asked.headers["authorization"]) == ("/people.onnx", HOST, TOKEN)
    assert "proxy-authorization" not in asked.headers


def test_https_is_tunnelled_and_the_proxy_sees_no_secret(
    secure: ModelServer, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Proxy({HOST: secure.port}, user="edge:s3cret") as proxy:
        environment.setenv("HTTPS_PROXY", f"edge:s3cret@127.0.0.1:{proxy.port}")
        report = fetch(tmp_path, f"https://{HOST}/people.onnx")
    assert report.state is FetchState.THERE, report.error
    (connect,) = proxy.asked
    assert (connect.method, connect.target) == ("CONNECT", f"{HOST}:443")
    assert "authorization" not in connect.headers
    assert proxy.carried
    assert b"open-sesame" not in proxy.carried
    assert b"people.onnx" not in proxy.carried
    (asked,) = secure.asked
    assert asked.headers["authorization"] == TOKEN
    assert "proxy-authorization" not in asked.headers


def test_each_step_of_a_redirect_goes_its_own_way(
    plain: ModelServer, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """From a host behind the proxy to one that NO_PROXY names, which does not get the credentials."""
    plain.shelves["/far.onnx"] = Shelf(b"", leads_to=plain.url("people"))
    with Proxy({HOST: plain.port}) as proxy:
        environment.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        report = fetch(tmp_path, f"http://{HOST}/far.onnx")
    assert report.state is FetchState.THERE, report.error
    assert len(proxy.asked) == 1, "loopback never goes through a proxy"
    assert [asked.headers.get("authorization") for asked in plain.asked] == [TOKEN, None]


@pytest.mark.parametrize("no_proxy", ["*", HOST, f".{HOST.partition('.')[2]}"])
def test_what_no_proxy_names_is_not_asked_of_the_proxy(
    plain: ModelServer, environment: pytest.MonkeyPatch, tmp_path: Path, no_proxy: str
) -> None:
    with Proxy({HOST: plain.port}) as proxy:
        environment.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        environment.setenv("NO_PROXY", no_proxy)
        report = fetch(tmp_path, f"http://{HOST}/people.onnx")
    assert "cannot be looked up" in report.error
    assert proxy.asked == []


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("refuses", "state", "code", "says"),
    [
        (407, FetchState.REFUSED, "not_allowed", "user and password"),
        (502, FetchState.BROKEN, "source_failed", "502"),
        (403, FetchState.REFUSED, "not_allowed", "403"),
    ],
)
def test_a_proxy_that_refuses(
    environment: pytest.MonkeyPatch,
    tmp_path: Path,
    scheme: str,
    refuses: int,
    state: FetchState,
    code: str,
    says: str,
) -> None:
    with Proxy({}, refuses=refuses) as proxy:
        environment.setenv(f"{scheme}_proxy", f"http://edge:s3cret@127.0.0.1:{proxy.port}")
        report = fetch(tmp_path, f"{scheme}://{HOST}/people.onnx")
    assert (report.state, report.code) == (state, code), report.error
    assert says in report.error
    assert "s3cret" not in report.error


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there(environment: pytest.MonkeyPatch, tmp_path: Path, scheme: str) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        environment.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{bound.getsockname()[1]}")
        report = fetch(tmp_path, f"{scheme}://{HOST}/people.onnx")
    assert report.state is FetchState.BROKEN
    assert "the proxy cannot be reached (Connection refused)" in report.error
    environment.setenv(f"{scheme}_proxy", "http://proxy.invalid:3128")
    report = fetch(tmp_path, f"{scheme}://{HOST}/people.onnx")
    assert "the proxy cannot be reached (its name cannot be looked up)" in report.error


def test_a_proxy_that_is_none(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("HTTP_PROXY", "socks5://127.0.0.1:1080")
    report = fetch(tmp_path, f"http://{HOST}/people.onnx")
    assert (report.state, report.code) == (FetchState.REFUSED, "invalid")
    assert "HTTP_PROXY is no proxy that is known here" in report.error
