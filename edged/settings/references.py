"""``${env:NAME}``, ``${file:/path}``, ``${credential:NAME}`` and ``${secret:NAME}``, resolved at use.

A secret goes toward its hosts only, and a spec from the network may use nothing but secrets. What a
reference resolved to is never in an error; ``$${`` stands for a plain ``${``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, urlsplit

from edged.errors import Problem, SpecRejected
from edged.settings.fields import NAME_PATTERN
from edged.settings.hosts import is_allowed
from edged.settings.nearest import did_you_mean
from edged.settings.schema import SecretRule
from edged.settings.trust import Trust

KINDS = ("env", "file", "credential", "secret")
_TOKEN = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_LARGEST_BYTES = 65536
_MARK = "\ue000"
"""A character for private use, which the file's reader lets through in no URL."""


@dataclass(frozen=True, slots=True)
class Reference:
    kind: str
    name: str

    def __str__(self) -> str:
        return f"${{{self.kind}:{self.name}}}"


class Resolved(str):
    """What a reference stood for: text that is never parsed."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class References:
    """Resolves what a spec or the settings refer to; holds no secret itself, only where each lies."""

    secrets: Mapping[str, SecretRule] = field(default_factory=dict)
    from_network: bool = False
    """The spec came over MQTT: only ``${secret:NAME}``, but for what `trust` covers."""
    trust: Trust = field(default_factory=Trust)

    def trusts(self, text: str, *, path: str) -> bool:
        """Whether ``text`` at ``path`` is the word of the device's own file, and may do what that may."""
        return not self.from_network or self.trust.covers(text, path)

    def resolve(self, text: str, *, path: str, host: str | None) -> str:
        """``text`` with every reference replaced; ``host`` is whom it will be shown to, None if nobody.

        Raises `SpecRejected` with ``path``: `not_found` when there is no such thing on this device,
        `secret_not_allowed` when a secret may not go toward ``host``, `not_allowed` for other kinds
        from the network, `invalid` for what is no reference.
        """
        use = self._use(text, path, host)
        return "".join(
            part if isinstance(part, str) else self._value(part, use) for part in split(text, path)
        )

    def values(self, text: str, *, path: str, host: str | None) -> tuple[str, ...]:
        """What each reference in ``text`` stands for. Raises as `resolve` does."""
        found = (part for part in split(text, path) if isinstance(part, Reference))
        use = self._use(text, path, host)
        return tuple(self._value(reference, use) for reference in found)

    def resolve_url(self, url: str, *, path: str) -> str:
        """A source's URL with its references replaced; secrets only toward the host that it names.

        What stands before the host (user, password) is percent-encoded, so that an ``@`` or ``/`` in a
        password cannot change which host it is. Raises as `resolve` does.
        """
        use = self._use(url, path, None)
        plain = [
            part if isinstance(part, str) or part.kind == "secret" else Resolved(self._value(part, use))
            for part in split(url, path)
        ]
        parts = _encoded(plain)
        if all(isinstance(part, str) for part in parts):
            return "".join(str(part) for part in parts)
        use = replace(use, host=_clear_host(_marked(parts), path))
        shown = [part if isinstance(part, str) else Resolved(self._value(part, use)) for part in parts]
        return "".join(str(part) for part in _encoded(shown))

    def _use(self, text: str, path: str, host: str | None) -> _Use:
        return _Use(path, host, is_own=self.trusts(text, path=path))

    def _value(self, reference: Reference, use: _Use) -> str:
        if reference.kind == "secret":
            return self._secret(reference, use)
        if not use.is_own:
            raise not_from_network(reference, use.path)
        return _read(reference, use.path)

    def _secret(self, reference: Reference, use: _Use) -> str:
        rule = self.secrets.get(reference.name)
        if rule is None:
            raise undeclared(reference, use.path, self.secrets)
        if not is_allowed(use.host, rule.hosts):
            toward = f"toward {use.host}" if use.host else "where there is no host"
            message = (
                f"{reference} may not be used {toward}; secrets.{reference.name}.hosts says where it may"
            )
            raise _rejected(use.path, message, "secret_not_allowed")
        if rule.credential is not None:
            return _read(Reference("credential", rule.credential), use.path)
        if rule.env is not None:
            return _read(Reference("env", rule.env), use.path)
        return _read(Reference("file", str(rule.file)), use.path)


@dataclass(frozen=True, slots=True)
class _Use:
    """Where a reference stands, to whom its value goes, and whether the device's own file says so."""

    path: str
    host: str | None
    is_own: bool


def split(text: str, path: str) -> Iterator[str | Reference]:
    """Literal parts and references, in order. Raises `SpecRejected` (`invalid`) for a broken reference."""
    end = 0
    for token in _TOKEN.finditer(text):
        if token.start() > end:
            yield text[end : token.start()]
        end = token.end()
        yield "${" if token.group() == "$${" else _reference(token.group(1), path)
    if end < len(text):
        yield text[end:]


def undeclared(reference: Reference, path: str, declared: Mapping[str, object]) -> SpecRejected:
    """The error for a secret that the settings do not name."""
    message = f"{reference} is not among this device's secrets{did_you_mean(reference.name, declared)}"
    return _rejected(path, f"{message}; add it under secrets:", "not_found")


def not_from_network(reference: Reference, path: str) -> SpecRejected:
    """The error for a reference that only the device's own file may hold."""
    message = (
        f"{reference} is not allowed in a spec from MQTT but where the device's own file has it; use"
        " ${secret:NAME}, with a NAME below secrets: in that file"
    )
    return _rejected(path, message, "not_allowed")


def _reference(inside: str | None, path: str) -> Reference:
    """What stands between the braces is not repeated in an error: it may be a part of a password."""
    kind, colon, name = (inside or "").partition(":")
    if inside is None or not colon or kind not in KINDS:
        message = (
            "holds ${ without a reference; write ${env:NAME}, ${file:/path}, ${credential:NAME} or"
            " ${secret:NAME}, and $${ for a plain ${"
        )
        raise _rejected(path, message)
    if kind == "file":
        if not name.startswith("/") or not name.isprintable():
            raise _rejected(path, "${file:…} needs an absolute path: ${file:/etc/edged/password}")
    elif not re.fullmatch(NAME_PATTERN, name):
        raise _rejected(path, f"${{{kind}:NAME}} needs a name of 1 to 64 letters, digits, _ or -")
    return Reference(kind, name)


def _read(reference: Reference, path: str) -> str:
    if reference.kind == "env":
        value = os.environ.get(reference.name)
        if value is None:
            mend = "set it for the daemon (Environment= or EnvironmentFile= in its unit)"
            raise _rejected(path, f"{reference}: there is no such environment variable; {mend}", "not_found")
        return value
    if reference.kind == "file":
        return _read_file(Path(reference.name), reference, path)
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        mend = (
            f"add LoadCredential={reference.name}:/path to the unit, or use ${{env:NAME}} or ${{file:/path}}"
        )
        raise _rejected(path, f"{reference}: systemd passed no credentials; {mend}", "not_found")
    return _read_file(Path(folder) / reference.name, reference, path)


def _read_file(file: Path, reference: Reference, path: str) -> str:
    """The text of a file without the line break at its end."""
    try:
        if not file.is_file():
            raise _rejected(path, f"{reference}: there is no such file", "not_found")
        with file.open("rb") as opened:
            content = opened.read(_LARGEST_BYTES + 1)
        if len(content) > _LARGEST_BYTES:
            raise _rejected(path, f"{reference}: the file is larger than {_LARGEST_BYTES} bytes")
        return content.decode("utf-8").rstrip("\r\n")
    except OSError as error:
        mend = "let the daemon's user read it" if isinstance(error, PermissionError) else "check the path"
        raise _rejected(path, f"{reference}: {error.strerror}; {mend}", "not_found") from None
    except UnicodeDecodeError:
        raise _rejected(path, f"{reference}: the file is not UTF-8 text") from None


def _encoded(parts: Sequence[str | Reference]) -> list[str | Reference]:
    """What was resolved, percent-encoded where it stands before the host of a URL."""
    scheme, separator, rest = _marked(parts).partition("://")
    before = _authority(rest).rpartition("@")[0] if separator else ""
    ends_at = len(scheme) + len(separator) + len(before) if before else 0
    done: list[str | Reference] = []
    begin = 0
    for part in parts:
        length = 1 if isinstance(part, (Reference, Resolved)) else len(part)
        if isinstance(part, Resolved):
            done.append(quote(part, safe=":") if begin < ends_at else str(part))
        else:
            done.append(part)
        begin += length
    return done


def _marked(parts: Sequence[str | Reference]) -> str:
    """The text with one mark for each reference and each resolved value, so that neither is parsed."""
    return "".join(_MARK if isinstance(part, (Reference, Resolved)) else part for part in parts)


def _authority(rest: str) -> str:
    return re.split(r"[/?#]", rest, maxsplit=1)[0]


def _clear_host(url: str, path: str) -> str | None:
    """The host of a URL, its secrets marked.

    A URL that two parsers could read as two hosts is refused, because a secret would go to either.
    """
    scheme, separator, rest = url.partition("://")
    authority = _authority(rest)
    _, _, place = authority.rpartition("@")
    if not separator:
        return None
    if re.search(r"[\\\s\x00-\x1f]", authority) or authority.count("@") > 1 or "@" in rest[len(authority) :]:
        message = (
            "which host this URL names is not clear; write special characters as %XX (@ is %40, / is %2F)"
        )
        raise _rejected(path, message)
    if _MARK in scheme + place:
        raise _rejected(path, "a secret cannot stand for the scheme, the host or the port of a URL")
    try:
        return urlsplit(f"//{place}").hostname
    except ValueError:
        return None


def _rejected(path: str, message: str, code: str = "invalid") -> SpecRejected:
    return SpecRejected([Problem(path, message, code)])
