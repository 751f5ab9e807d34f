"""The files that jobs need, for workers on machines that do not have them: models, and users' algorithms."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edged.errors import EdgedError
from edged.model.messages import JobSpec, Library, LinkSpec

_MOST_BYTES = 2_000_000_000
_ALGORITHM_ENDS = (".py",)


@dataclass(frozen=True, slots=True)
class Item:
    """One file."""

    path: str
    """Absolute, on the machine that packed it."""
    sha256: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Luggage:
    """What to bring along."""

    models: Mapping[str, Item]
    """By what params call them."""
    algorithms: tuple[Item, ...]
    """Files of the folders that algorithms are imported from."""


def pack(jobs: tuple[JobSpec, ...], library: Library) -> Luggage:
    """Raises `EdgedError` for more than a worker's memory should hold."""
    links = [link for job in jobs for link in job.chain]
    named = {text: _find(text, link, library) for link in links for text in _texts(link.params)}
    models = {text: _item(path) for text, path in named.items() if path is not None}
    files = [
        path
        for folder in library.algorithms
        for path in sorted(Path(folder).rglob("*"))
        if path.suffix in _ALGORITHM_ENDS and path.is_file()
    ]
    luggage = Luggage(models, tuple(_item(path) for path in files))
    if sum(len(item.content) for item in (*models.values(), *luggage.algorithms)) > _MOST_BYTES:
        raise EdgedError(
            f"the models of these jobs are more than {_MOST_BYTES >> 20} MB: too much to send along"
        )
    return luggage


def unpack(
    luggage: Luggage, jobs: tuple[JobSpec, ...], library: Library, cache: Path
) -> tuple[tuple[JobSpec, ...], Library]:
    """The same jobs and library for this machine: what it has under the same path is used, the rest is put
    below ``cache``. Raises OSError.
    """
    brought = {
        text: str(_keep(item, cache / "models" / item.sha256 / Path(item.path).name))
        for text, item in luggage.models.items()
        if not _is_here(item)
    }
    folders = [folder for folder in library.algorithms if not _has_all(folder, luggage)]
    moved = {folder: _folder(folder, luggage, cache) for folder in folders}
    there = replace(library, algorithms=tuple(moved.get(each, each) for each in library.algorithms), cache="")
    return tuple(_bringing(job, brought) for job in jobs), there


def _bringing(job: JobSpec, brought: Mapping[str, str]) -> JobSpec:
    chain = tuple(replace(link, models={**link.models, **brought}) for link in job.chain)
    return replace(job, chain=chain)


def _folder(folder: str, luggage: Luggage, cache: Path) -> str:
    items = [item for item in luggage.algorithms if Path(item.path).is_relative_to(folder)]
    digest = hashlib.sha256("".join(item.path + item.sha256 for item in items).encode()).hexdigest()
    target = cache / "algorithms" / digest
    for item in items:
        _keep(item, target / Path(item.path).relative_to(folder))
    return str(target)


def _has_all(folder: str, luggage: Luggage) -> bool:
    items = [item for item in luggage.algorithms if Path(item.path).is_relative_to(folder)]
    return Path(folder).is_dir() and all(_is_here(item) for item in items)


def _is_here(item: Item) -> bool:
    return _holds(Path(item.path), item)


def _holds(path: Path, item: Item) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == item.sha256
    except OSError:
        return False


def _keep(item: Item, path: Path) -> Path:
    """Whole or not at all, also if two workers do so at once."""
    if not _holds(path, item):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}")
        part.write_bytes(item.content)
        part.replace(path)
    return path


def _item(path: Path) -> Item:
    content = path.read_bytes()
    return Item(str(path), hashlib.sha256(content).hexdigest(), content)


def _find(text: str, link: LinkSpec, library: Library) -> Path | None:
    """The file that a param means, if it means one."""
    places = (
        [link.models[text]] if text in link.models else [str(Path(each) / text) for each in library.models]
    )
    for place in (text, *places) if text.startswith("/") else places:
        if len(place) < 4096 and Path(place).suffix and Path(place).is_file():
            return Path(place).absolute()
    return None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
