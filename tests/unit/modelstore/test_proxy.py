"""Which proxy a download goes through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.modelstore.failure import FetchFailed
from edged.modelstore.proxy import Proxy, proxy_for

COMPANY = {"HTTPS_PROXY": "http://proxy:3128", "HTTP_PROXY": "proxy:8080"}


def test_each_scheme_has_its_own() -> None:
    assert proxy_for("https://models.example/a", COMPANY) == Proxy("http://proxy:3128")
    assert proxy_for("http://models.example/a", COMPANY) == Proxy("http://proxy:8080")
    assert proxy_for("http://models.example/a", {}) is None


def test_lower_case_wins_and_empty_is_none() -> None:
    lower = {**COMPANY, "https_proxy": "https://[fd00::1]", "http_proxy": ""}
    assert proxy_for("https://models.example/a", lower) == Proxy("https://[fd00::1]:443")
    assert proxy_for("http://models.example/a", lower) is None


def test_user_and_password_are_kept_apart() -> None:
    proxy = proxy_for("https://models.example/a", {"https_proxy": "http://me:p%40ss@proxy:3128"})
    assert proxy == Proxy("http://proxy:3128", "Basic bWU6cEBzcw==")
    assert "bWU6" not in repr(proxy)


@pytest.mark.parametrize(
    ("url", "no_proxy", "exempt"),
    [
        ("https://models.example/a", "models.example", True),
        ("https://models.example/a", "other, .EXAMPLE", True),
        ("https://models.example/a", "*.example", True),
        ("https://models.example/a", "els.example", False),
        ("https://models.example/a", "models.example:8443", False),
        ("https://models.example:8443/a", "models.example:8443", True),
        ("https://models.example/a", "models.example:443", True),
        ("https://models.example/a", "*", True),
        ("https://models.example/a", "", False),
        ("https://models.example/a", ".", False),
        ("https://10.1.2.3/a", "10.0.0.0/8", True),
        ("https://10.1.2.3/a", "10.1.2.3:443", True),
        ("https://10.1.2.3/a", "10.1.2.4,2.3", False),
        ("https://[fd00::7]/a", "fd00::/8", True),
        ("https://[fd00::7]/a", "[fd00::7]:443", True),
        ("https://[fd00::7]/a", "fe80::/10", False),
        ("https://127.0.0.1/a", "", True),
        ("https://localhost/a", "", True),
        ("https://[::1]/a", "", True),
    ],
)
def test_no_proxy(url: str, no_proxy: str, exempt: bool) -> None:
    assert (proxy_for(url, {**COMPANY, "NO_PROXY": no_proxy}) is None) is exempt


@pytest.mark.parametrize("said", ["socks5://proxy:1080", "http://", "http://proxy:port", "ftp://proxy"])
def test_what_is_no_proxy_is_said(said: str) -> None:
    with pytest.raises(FetchFailed, match="HTTPS_PROXY is no proxy"):
        proxy_for("https://models.example/a", {"https_proxy": said})


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_stands_there(proxy: str, no_proxy: str) -> None:
    try:
        found = proxy_for("https://models.example/a", {"https_proxy": proxy, "no_proxy": no_proxy})
    except FetchFailed as failed:
        assert failed.code == "invalid"
    else:
        assert found is None or found.url.startswith(("http://", "https://"))
