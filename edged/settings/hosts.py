"""Toward which hosts a secret may be used: networks, addresses, names and wildcards. No look-ups."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from edged.settings.fields import refuse

_LABEL = r"[a-z0-9_*](?:[a-z0-9_*-]{0,62})"
_RULE = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def check_host_rule(rule: str) -> str:
    """``rule`` itself. Refuses what is neither a network, an address, a host name nor a wildcard."""
    if _network(rule) is not None:
        return rule
    if re.fullmatch(r"[0-9.*/:]+", rule) and rule != "*":
        raise refuse("is no address or network; write a range of addresses as 10.0.0.0/8")
    if len(rule) > 253 or not _RULE.fullmatch(rule.lower()):
        raise refuse("should be a network (10.0.0.0/8), an address, a host name, *.example.com or *")
    return rule


def is_allowed(host: str | None, rules: Iterable[str]) -> bool:
    """Whether ``host``, as it stands in a URL, is among ``rules``.

    A name is never looked up, so it is never within a network. None, no host at all, needs ``*``.
    """
    return any(rule == "*" or (host is not None and _matches(_plain(host), rule)) for rule in rules)


def _matches(host: str, rule: str) -> bool:
    network = _network(rule)
    address = _address(host)
    if network is not None or address is not None:
        return network is not None and address is not None and address in network
    return re.fullmatch(_pattern(rule.lower()), host) is not None


def _pattern(rule: str) -> str:
    """A leading ``*.`` stands for any number of labels, another ``*`` for part of one."""
    head, rest = (r"(?:[^.]+\.)+", rule[2:]) if rule.startswith("*.") else ("", rule)
    return head + "[^.]*".join(re.escape(part) for part in rest.split("*"))


def _plain(host: str) -> str:
    """Without the zone of an IPv6 address; behind a name a ``%`` begins none, but a name of somebody's."""
    bare = host.strip("[]")
    address = bare.partition("%")[0]
    return (address if ":" in address else bare).rstrip(".").lower()


def _network(rule: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(rule, strict=False)
    except ValueError:
        return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
