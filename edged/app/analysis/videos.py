"""Which videos are meant: files, folders, patterns and addresses, each once; and their names in results."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from edged.errors import EdgedError
from edged.model.redact import redact_url
from edged.offline.object_store import S3, list_objects

SUFFIXES = frozenset(
    {
        ".3gp", ".asf", ".avi", ".dav", ".flv", ".h264", ".h265", ".hevc", ".m2ts", ".m4v", ".mjpeg", ".mjpg",
        ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv",
    }
)  # fmt: skip
"""What the names of videos end with, in folders."""
_WILD = re.compile(r"[*?[]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Found:
    """One video."""

    url: str = field(repr=False)
    """Absolute path or URL; it may hold a password."""
    name: str
    """As people know it, without passwords."""
    stem: str
    """What its name in results is made of."""
    identity: str = ""
    """Size and time of change, where they are known."""


def find_videos(words: Iterable[str]) -> tuple[Found, ...]:
    """In the order given; what is in a folder or fits a pattern in the order of names; each once.

    Raises `EdgedError` with the mend where a word names no video.
    """
    found: dict[str, Found] = {}
    for word in words:
        for video in _found(word):
            found.setdefault(_key(video.url), video)
    return tuple(found.values())


def names_of(videos: Iterable[Found]) -> tuple[str, ...]:
    """A valid name for each, made of its stem, and no two the same."""
    taken: set[str] = set()
    names: list[str] = []
    for video in videos:
        plain = _NO_NAME.sub("-", video.stem).strip("-")[:_LONGEST_NAME] or "video"
        name, number = plain, 1
        while name in taken:
            number += 1
            ending = f"-{number}"
            name = plain[: _LONGEST_NAME - len(ending)] + ending
        taken.add(name)
        names.append(name)
    return tuple(names)


def is_video_name(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def _found(word: str) -> Iterator[Found]:
    if _SCHEME.match(word):
        yield from _at_address(word)
        return
    path = Path(word)
    if path.is_dir():
        yield from _in_folder(path)
    elif path.exists():
        yield _file(path)
    elif _WILD.search(word):
        yield from _fitting(word)
    else:
        raise EdgedError(f"{word}: there is no such file or folder", code="not_found")


def _at_address(word: str) -> Iterator[Found]:
    shown = redact_url(word)
    try:
        parts = urlsplit(word)
    except ValueError:
        raise EdgedError(f"{shown} is no address", code="invalid") from None
    match parts.scheme.lower():
        case "file":
            yield from _found(unquote(parts.path))
        case "http" | "https":
            yield Found(word, shown, PurePosixPath(unquote(parts.path)).stem or parts.hostname or "video")
        case "s3":
            yield from _in_bucket(word)
        case _:
            raise EdgedError(
                f"{shown}: files, folders, http(s):// and s3:// can be analysed; cameras are for edged run",
                code="invalid",
            )


def _in_bucket(word: str) -> Iterator[Found]:
    objects = [one for one in list_objects(S3.parse(word)) if one.exact or is_video_name(one.key)]
    if not objects:
        raise EdgedError(f"{word}: nothing there, or no video", code="not_found")
    for one in objects:
        yield Found(one.url, one.url, PurePosixPath(one.key).stem, one.identity)


def _in_folder(folder: Path) -> Iterator[Found]:
    """Also in the folders in it; what is hidden is left out."""
    paths: list[Path] = []
    for here, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(here, name) for name in files if is_video_name(name) and not name.startswith(".")]
    if not paths:
        endings = " ".join(sorted(SUFFIXES))
        raise EdgedError(
            f"{folder}: no video in it, that is, no name that ends with {endings}", code="not_found"
        )
    yield from map(_file, sorted(paths))


def _fitting(pattern: str) -> Iterator[Found]:
    paths = [Path(name) for name in sorted(glob(pattern, recursive=True))]  # noqa: PTH207  it may be absolute
    files = [path for path in paths if path.is_file()]
    if not files:
        raise EdgedError(f"{pattern}: no file fits this pattern", code="not_found")
    yield from map(_file, files)


def _file(path: Path) -> Found:
    try:
        status = path.stat()
    except OSError as error:
        raise EdgedError(f"{path}: {error.strerror}", code="not_found") from None
    return Found(str(path.absolute()), str(path), path.stem, f"{status.st_size} {status.st_mtime_ns}")


def _key(url: str) -> str:
    return os.path.realpath(url) if url.startswith("/") else url
