"""User and password leave the URL and go into a header."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.modelstore.credentials import without_credentials


@given(st.text(min_size=1), st.text())
def test_whatever_they_hold(user: str, password: str) -> None:
    user = user.replace(":", "")
    given_ = f"https://{quote(user, safe='')}:{quote(password, safe='')}@h:8/a?b=c@d"
    url, header = without_credentials(given_)
    assert url == "https://h:8/a?b=c@d"
    assert base64.b64decode(header.removeprefix("Basic ")).decode() == f"{user}:{password}"


def test_none_are_none() -> None:
    assert without_credentials("http://h/a@b") == ("http://h/a@b", "")


@pytest.mark.parametrize("url", ["http://", "http:///a", "http://h:0/", "http://h:99999/", "http://[::1/"])
def test_what_names_no_host(url: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        without_credentials(url)
