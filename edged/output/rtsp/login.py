"""Who may look: Basic and Digest (RFC 2617, RFC 7616 with MD5, which is what players speak)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from enum import Enum

REALM = "edged"
_WORD = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


class Access(Enum):
    """What the login of a request is worth."""

    GRANTED = "granted"
    ASKED = "asked"
    """It brought none, or one for a nonce of another connection: ask for it."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Login:
    """The one name and password of the live pictures."""

    username: str
    password: str = field(repr=False)

    def basic_is_right(self, credentials: str) -> bool:
        """Whether what follows ``Basic`` in an Authorization header is this login; in constant time."""
        try:
            given = base64.b64decode(credentials, validate=True)
        except (binascii.Error, ValueError):
            return False
        return hmac.compare_digest(given, f"{self.username}:{self.password}".encode())


class Doorkeeper:
    """Checks the requests of one connection; the nonce is its own."""

    def __init__(self, login: Login | None) -> None:
        self._login = login
        self._nonce = secrets.token_hex(16)

    def challenges(self, *, stale: bool = False) -> list[tuple[str, str]]:
        """The headers that ask for a login; Digest first, for players that take the first."""
        again = ", stale=TRUE" if stale else ""
        return [
            ("WWW-Authenticate", f'Digest realm="{REALM}", nonce="{self._nonce}", algorithm=MD5{again}'),
            ("WWW-Authenticate", f'Basic realm="{REALM}"'),
        ]

    def check(self, method: str, authorization: str) -> Access:
        """What the header of a request of ``method`` is worth."""
        if self._login is None:
            return Access.GRANTED
        scheme, _, rest = authorization.partition(" ")
        if scheme.lower() == "basic":
            return Access.GRANTED if self._login.basic_is_right(rest.strip()) else Access.WRONG
        if scheme.lower() == "digest":
            return self._digest(self._login, method, rest)
        return Access.WRONG if authorization else Access.ASKED

    def is_stale(self, authorization: str) -> bool:
        """Whether it is a Digest for a nonce that is not this connection's."""
        return authorization[:7].lower() == "digest " and _words(authorization).get("nonce") != self._nonce

    def _digest(self, login: Login, method: str, rest: str) -> Access:
        words = _words(rest)
        if words.get("nonce") != self._nonce:
            return Access.ASKED
        if words.get("algorithm", "MD5").upper() != "MD5" or words.get("realm") != REALM:
            return Access.WRONG
        right_name = hmac.compare_digest(words.get("username", "").encode(), login.username.encode())
        expected = digest_response(login, method, words)
        right = hmac.compare_digest(words.get("response", "").lower().encode(), expected.encode())
        return Access.GRANTED if right and right_name else Access.WRONG


def digest_response(login: Login, method: str, words: dict[str, str]) -> str:
    """The response that is right for ``words`` of the header, with qop=auth or without (RFC 2617 3.2.2)."""
    secret = _md5(f"{login.username}:{REALM}:{login.password}")
    what = _md5(f"{method}:{words.get('uri', '')}")
    if words.get("qop", "").lower() == "auth":
        middle = f"{words.get('nonce', '')}:{words.get('nc', '')}:{words.get('cnonce', '')}:{words['qop']}"
    else:
        middle = words.get("nonce", "")
    return _md5(f"{secret}:{middle}:{what}")


def _words(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, quoted, bare in _WORD.findall(text):
        found.setdefault(name.lower(), bare or re.sub(r"\\(.)", r"\1", quoted))
    return found


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
