"""What of a spec from the network is the word of the device's own file, unchanged and in its place.

A patch on top of the file's spec (a job paused) leaves the file's ``${env:…}`` and its files where they
were: these go on to be allowed. Moved, copied, embedded in other text or beside a changed host, they are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edged.model.patching import is_same

Path = tuple[str | int, ...]
_NOWHERE = object()
_URLS = (("sources", "url"), ("models", "url"), ("outputs", "to"))


@dataclass(frozen=True, slots=True)
class Trust:
    """Nothing, unless told so."""

    texts: frozenset[tuple[str, str]] = frozenset()
    """(dotted path, text) of the URLs of sources, models and outputs, and of texts in params."""
    links: frozenset[str] = frozenset()
    """Dotted paths of the links of chains that are as the file has them: algorithm and all params."""

    def covers(self, text: str, path: str) -> bool:
        return (path, text) in self.texts


def trust_of(spec: Mapping[str, Any], own: Mapping[str, Any]) -> Trust:
    """What of ``spec`` is trusted, where ``own`` is that of the device's file. Any shape is allowed.

    Texts in params are the file's only if all texts of that link are: beside a reference there may
    stand the host that its value is sent to. Numbers and flags may be others.
    """
    texts: set[tuple[str, str]] = set()
    links: set[str] = set()
    for section, key in _URLS:
        for path, opened in _entries(spec, section):
            url = opened.get(key)
            if isinstance(url, str) and url == _at(own, (*path, key)):
                texts.add((joined((*path, key)), url))
    for path, link in _links(spec):
        before = _at(own, path)
        if not isinstance(before, Mapping) or link.get("algorithm") != before.get("algorithm"):
            continue
        params, its = link.get("params") or {}, before.get("params") or {}
        if has_same_texts(params, its):
            texts |= {(joined(at), text) for at, text in texts_in(params, (*path, "params"))}
        if is_same(params, its):
            links.add(joined(path))
    return Trust(frozenset(texts), frozenset(links))


def joined(path: Path) -> str:
    """The dotted path below ``spec``, as the plan writes it."""
    return ".".join(map(str, ("spec", *path)))


def texts_in(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text of plain data, with its path; keys are not among them."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from texts_in(item, (*path, key))
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from texts_in(item, (*path, number))


def has_same_texts(one: Any, other: Any) -> bool:
    """Whether two values differ in numbers, flags and nulls at most."""
    if isinstance(one, Mapping) or isinstance(other, Mapping):
        both = isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys()
        return both and all(has_same_texts(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) or isinstance(other, (list, tuple)):
        both = isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and len(one) == len(other)
        return both and all(map(has_same_texts, one, other))
    return bool(one == other) if isinstance(one, str) or isinstance(other, str) else True


def _links(spec: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for path, job in _entries(spec, "jobs"):
        yield path, job
        then = job.get("then")
        for number, link in enumerate(then if isinstance(then, (list, tuple)) else ()):
            if isinstance(link, Mapping):
                yield (*path, "then", number), link


def _entries(spec: Mapping[str, Any], section: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    named = spec.get(section)
    for name, entry in named.items() if isinstance(named, Mapping) else ():
        if isinstance(entry, Mapping):
            yield (section, name), entry


def _at(value: Any, path: Path) -> Any:
    for part in path:
        is_there = part in value if isinstance(value, Mapping) else _has(value, part)
        if not is_there:
            return _NOWHERE
        value = value[part]
    return value


def _has(value: Any, place: str | int) -> bool:
    return isinstance(value, (list, tuple)) and isinstance(place, int) and place < len(value)
