"""What became different on devices, from the topics that they retain: starts, losses, and what fails. Pure.

The first message on a topic says how things are: of those only what is not well is worth a line. What is
said of a thing that stays broken is said again only now and then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

_AGAIN_S = 30.0
"""So long after a line on a thing that is tried again and again comes the next one on it."""
_OLD_S = 60.0
"""What has been so for longer is told with its moment."""
_FAR_S = 3600.0
"""Nothing waits so long to be tried again: the two clocks differ."""
_TROUBLE = ("failed", "retrying")
_WELL = ("running", "live", "idle")
_STYLES = {"failed": "bold red", "retrying": "yellow", "paused": "blue", "ended": "blue"}


@dataclass(frozen=True, slots=True)
class Now:
    """When something came, on the clocks of whoever watches."""

    wall_s: float
    """Since 1970."""
    monotonic_s: float


@dataclass(frozen=True, slots=True)
class Change:
    """One line for people."""

    device: str
    what: str
    """``edged``, ``source gate``, ``worker main``."""
    state: str
    style: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Told:
    """The newest status of a source, job or output."""

    state: str
    error: str
    next_try: str
    said_s: float | None = None
    """Monotonic: of the last line, if that said that it is not well."""


@dataclass
class _Device:
    """What is known of one."""

    state: Mapping[str, Any] = field(default_factory=dict)
    """The newest ``…/state``; empty: none came yet."""
    heard_s: float | None = None
    """Monotonic: when it was last heard of for certain, and not by the broker's memory."""
    counts: dict[str, int] | None = None
    """By process: how often it died; None: that is not known yet."""
    statuses: dict[tuple[str, str], _Told] = field(default_factory=dict)
    """By kind and name."""
    seen: set[str] = field(default_factory=set)
    """Topics on which something came over this connection: the first may be what the broker keeps."""


class Changes:
    """Of one device, or of all on a broker."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._devices: dict[str, _Device] = {}

    def take(self, topic: str, content: Mapping[str, Any], now: Now) -> list[Change]:
        """What a message says that is news; ``content`` is empty where the topic was cleared."""
        name, *levels = topic.removeprefix(f"{self._prefix}/").split("/")
        device = self._devices.setdefault(name, _Device())
        if levels == ["state"]:
            return list(self._state(name, device, content, now))
        if topic in device.seen or levels[-1:] in (["result"], ["event"]):
            device.heard_s = now.monotonic_s
        device.seen.add(topic)
        match levels:
            case ["health"]:
                return list(self._health(name, device, content, now))
            case [kind, thing, "status"]:
                return list(self._status(name, device, (kind, thing), content, now))
        return []

    def lost_sight(self) -> None:
        """The connection is gone: who is silent meanwhile need not be away."""
        for device in self._devices.values():
            device.heard_s = None
            device.seen.clear()

    def _state(self, name: str, device: _Device, content: Mapping[str, Any], now: Now) -> Iterator[Change]:
        before, device.state = device.state, dict(content)
        state, is_first = content.get("state"), not before
        is_same = (state, content.get("boot")) == (before.get("state"), before.get("boot"))
        if is_same or state not in ("online", "stopping", "offline"):
            return
        if state == "online":
            if not is_first:
                yield self._online(name, device, before, now)
            return
        is_lost = bool(content.get("lost"))
        since = f"since {_moment(content.get('since'))}" if is_first and not is_lost else ""
        if not is_first and not is_lost:
            device.heard_s = now.monotonic_s
        if state == "stopping":
            yield Change(name, "edged", "is stopping", "yellow", since)
        else:
            text = "it vanished without a word" if is_lost else f"it was stopped {since}".rstrip()
            yield Change(name, "edged", "offline", "bold red", text)

    def _online(self, name: str, device: _Device, before: Mapping[str, Any], now: Now) -> Change:
        if before.get("boot") == device.state.get("boot"):
            return Change(name, "edged", "online again", "green", "as before: only the connection was lost")
        heard_s, device.heard_s, device.counts = device.heard_s, now.monotonic_s, {}
        was_stopped = before.get("state") == "offline" and not before.get("lost")
        away_s = None if heard_s is None else now.monotonic_s - heard_s
        if away_s is None and was_stopped:
            away_s = _seconds_between(before.get("since"), device.state.get("since"))
        if away_s is None or away_s < 0:
            return Change(name, "edged", "started again", "bold green")
        text = f"stopped for {lasting(away_s)}" if was_stopped else f"silent for {lasting(away_s)} before"
        return Change(name, "edged", "started again", "bold green", text)

    def _health(self, name: str, device: _Device, content: Mapping[str, Any], now: Now) -> Iterator[Change]:
        restarts = {
            key: each for key, each in _mapping(content, "restarts").items() if isinstance(each, Mapping)
        }
        known = device.counts
        device.counts = {key: _whole(each.get("count")) for key, each in restarts.items()}
        if known is None:
            return
        for key, each in restarts.items():
            more = device.counts[key] - known.get(key, 0)
            kind, _, thing = key.partition(":")
            reason = str(each.get("reason", "died"))
            told = device.statuses.get(("source", thing)) if kind == "capture" else None
            if more <= 0 or (told is not None and told.error == f"capture {reason}"):
                continue  # its source's status said the same already
            again = _again(each.get("next_try"), now) or "started again"
            times = f", {more} times by now" if more > 1 else ""
            yield Change(name, f"{kind} {thing}".strip(), reason + times, "bold red", again)

    def _status(
        self, name: str, device: _Device, key: tuple[str, str], content: Mapping[str, Any], now: Now
    ) -> Iterator[Change]:
        before = device.statuses.get(key)
        if not content.get("state"):
            device.statuses.pop(key, None)
            return
        told = _Told(str(content["state"]), str(content.get("error", "")), str(content.get("next_try", "")))
        said = before is not None and before.said_s is not None
        if not _is_news(told, before, now):
            is_over = said and told.state in _WELL
            said_s = None if before is None or is_over else before.said_s
            device.statuses[key] = replace(told, said_s=said_s)
            if is_over:
                yield Change(name, " ".join(key), told.state, "green")
            return
        device.statuses[key] = replace(told, said_s=now.monotonic_s)
        code = f"{content['code']}: " if content.get("code") else ""
        since = _long_ago(content.get("since"), now) if before is None else ""
        text = "; ".join(part for part in (code + told.error, since, _again(told.next_try, now)) if part)
        yield Change(name, " ".join(key), told.state, _STYLES.get(told.state, "yellow"), text)


def _is_news(told: _Told, before: _Told | None, now: Now) -> bool:
    """Whether there is a line to say about what is not well."""
    if not (told.error or told.next_try or told.state in _STYLES):
        return False
    if before is None or before.said_s is None or (told.state, told.error) != (before.state, before.error):
        return True
    is_later = bool(told.next_try) and told.next_try != before.next_try
    return is_later and now.monotonic_s - before.said_s >= _AGAIN_S


def lasting(seconds: float) -> str:
    """``4.2 s``, ``7m 12s``, ``3h 5m`` or ``2d 4h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s"
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h {minutes}m" if hours else f"{minutes}m {whole % 60}s"


def _again(next_try: Any, now: Now) -> str:
    """Empty where nobody knows."""
    at_s = _wall_s(next_try)
    if at_s is None:
        return ""
    left_s = at_s - now.wall_s
    if 0 <= left_s <= _FAR_S:
        return f"again in {lasting(left_s)}"
    return "again now" if -_AGAIN_S <= left_s < 0 else f"again at {_moment(next_try)}"


def _long_ago(since: Any, now: Now) -> str:
    """Empty for what is new."""
    since_s = _wall_s(since)
    return f"since {_moment(since)}" if since_s is not None and now.wall_s - since_s > _OLD_S else ""


def _moment(value: Any) -> str:
    """``2026-11-20 09:00:00``, in UTC."""
    return str(value)[:19].replace("T", " ")


def _seconds_between(earlier: Any, later: Any) -> float | None:
    from_s, to_s = _wall_s(earlier), _wall_s(later)
    return to_s - from_s if from_s is not None and to_s is not None else None


def _wall_s(value: Any) -> float | None:
    """Of an RFC 3339 time; None for anything else."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment.timestamp() if moment.tzinfo is not None else None


def _mapping(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = content.get(key)
    return value if isinstance(value, Mapping) else {}


def _whole(value: Any) -> int:
    return value if isinstance(value, int) else 0
