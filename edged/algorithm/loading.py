"""Finding algorithms: the built-in ones, and users' own in folders that the device's settings allow.

A file is loaded from where it lies, under a module name of its own, so two folders may hold files
of the same name. Its folder is put at the end of ``sys.path``: it may import its siblings by their
names, and none of them can stand before a module that is installed. Nothing outside the allowed
folders is ever imported: names have no dots and no slashes.
"""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from edged.algorithm.adapter import adapt
from edged.algorithm.base import Algorithm, BaseAlgo
from edged.algorithm.cards import card_of, failed_card
from edged.algorithm.importing import import_file
from edged.errors import AlgorithmError
from edged.model.messages import AlgorithmCard
from edged.model.redact import redact_url

_BUILT_IN = "algos"
"""The package of the algorithms that come with edged."""
_NAME = re.compile(r"(?P<stem>[A-Za-z_]\w*)(?::(?P<cls>[A-Za-z_]\w*))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What tells one version of a file from the next."""

    path: Path
    modified_ns: int
    size_bytes: int


class Catalogue:
    """The algorithms that may run here: by file name, or ``file:Class`` where a file has several.

    The built-in folder comes first, then the others in their order; the first file of a name counts.
    Files whose names begin with ``_`` are none of them.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._modules: dict[_Stamp, ModuleType] = {}
        self._loaded: dict[_Stamp, dict[str, type[Algorithm]]] = {}

    def find(self, name: str) -> type[Algorithm]:
        """The class that a spec's ``algorithm: name`` means.

        Raises `AlgorithmError`: ``not_allowed`` for a name that leads out of the folders,
        ``algorithm_not_found`` with the nearest name, ``algorithm_failed`` with file and line where
        its file does not import.
        """
        match = _NAME.fullmatch(name)
        if match is None:
            raise AlgorithmError(_refusal(redact_url(name)), code="not_allowed")
        stem, wanted = match["stem"], match["cls"]
        path = self._file(stem)
        if path is None:
            raise AlgorithmError(self._missing(name), code="algorithm_not_found")
        classes = self._classes(path)
        if wanted is None and len(classes) == 1:
            return next(iter(classes.values()))
        if wanted in classes:
            return classes[wanted]
        raise AlgorithmError(_not_in_file(path, wanted, classes), code="algorithm_not_found")

    def function(self, name: str) -> Callable[..., Any]:
        """The public function that ``file:function`` means; its file need not hold an algorithm.

        Raises `AlgorithmError` as `find` does.
        """
        match = _NAME.fullmatch(name)
        if match is None or match["cls"] is None:
            raise AlgorithmError(
                f"{redact_url(name)!r}: name a function as file:function, the file without .py",
                code="not_allowed",
            )
        path = self._file(match["stem"])
        if path is None:
            raise AlgorithmError(
                f"there is no {match['stem']}.py in a folder that `algorithms:` in the settings allows",
                code="algorithm_not_found",
            )
        functions = _functions_in(self._module(path, _stamp(path)))
        if match["cls"] not in functions:
            raise AlgorithmError(_no_function(path, match["cls"], functions), code="algorithm_not_found")
        return functions[match["cls"]]

    def cards(
        self, *, announce: Callable[[str], None] = lambda stem: None, skip: Collection[str] = ()
    ) -> tuple[AlgorithmCard, ...]:
        """Every algorithm there is, by name; one that does not import has a card that says why.

        ``announce`` is told of each file before it is imported; those to ``skip`` are not.
        """
        cards: list[AlgorithmCard] = []
        seen: dict[str, Path] = {}
        for path in self._files():
            if path.stem in seen:
                hidden = f"hidden by {seen[path.stem]}: give it another name"
                cards.append(failed_card(path.stem, path, hidden))
                continue
            seen[path.stem] = path
            if path.stem in skip:
                cards.append(failed_card(path.stem, path, "importing it hangs, or crashes the process"))
                continue
            announce(path.stem)
            cards.extend(self._cards_of(path))
        return tuple(cards)

    def built_in(self) -> tuple[str, ...]:
        """The names of those that come with edged, by their files alone."""
        paths = (path for folder in _built_in_folders() for path in sorted(folder.glob("*.py")))
        return tuple(path.stem for path in paths if not path.name.startswith("_"))

    def _cards_of(self, path: Path) -> Iterator[AlgorithmCard]:
        try:
            classes = self._classes(path)
        except AlgorithmError as error:
            yield failed_card(path.stem, path, str(error))
            return
        for name, algorithm in classes.items():
            yield card_of(path.stem if len(classes) == 1 else f"{path.stem}:{name}", path, algorithm)

    def _classes(self, path: Path) -> dict[str, type[Algorithm]]:
        """The algorithms of a file by class name, in the order they stand there."""
        stamp = _stamp(path)
        if stamp not in self._loaded:
            self._loaded[stamp] = _algorithms_in(self._module(path, stamp))
        return self._loaded[stamp]

    def _module(self, path: Path, stamp: _Stamp) -> ModuleType:
        if stamp not in self._modules:
            package = _BUILT_IN if path.parent in _built_in_folders() else None
            self._modules[stamp] = import_file(path, package)
        return self._modules[stamp]

    def _file(self, stem: str) -> Path | None:
        if stem.startswith("_"):
            return None
        places = (folder / f"{stem}.py" for folder in self._all_folders())
        return next((place for place in places if place.is_file()), None)

    def _files(self) -> Iterator[Path]:
        for folder in self._all_folders():
            for path in sorted(folder.glob("*.py")):
                if not path.name.startswith("_") and _NAME.fullmatch(path.stem) and path.is_file():
                    yield path

    def _all_folders(self) -> tuple[Path, ...]:
        return (*_built_in_folders(), *self._folders)

    def _missing(self, name: str) -> str:
        """By the names and texts of files alone: nothing is imported that was not asked for."""
        for path in self._files():
            if _holds_class(path, name):
                return f"there is no algorithm {name!r}: did you mean '{path.stem}:{name}'?"
        names = list(dict.fromkeys(path.stem for path in self._files()))
        stem = name.partition(":")[0]
        near = difflib.get_close_matches(stem, names, n=1, cutoff=0.5)
        if near:
            return f"there is no algorithm {name!r}: did you mean {near[0]!r}?"
        return f"there is no algorithm {name!r}; there are {', '.join(names)}"


def _holds_class(path: Path, name: str) -> bool:
    try:
        return re.search(rf"^class {re.escape(name)}\b", path.read_text(), re.MULTILINE) is not None
    except (OSError, UnicodeDecodeError):
        return False


def _stamp(path: Path) -> _Stamp:
    found = path.stat()
    return _Stamp(path, found.st_mtime_ns, found.st_size)


def _built_in_folders() -> tuple[Path, ...]:
    spec = importlib.util.find_spec(_BUILT_IN)
    places = spec.submodule_search_locations if spec is not None else None
    return tuple(Path(place) for place in places or ())


def _algorithms_in(module: ModuleType) -> dict[str, type[Algorithm]]:
    """The public, complete algorithm classes that ``module`` itself defines, `BaseAlgo` ones adapted."""
    found: dict[str, type[Algorithm]] = {}
    for name, member in vars(module).items():
        if name.startswith("_") or not inspect.isclass(member) or member.__module__ != module.__name__:
            continue
        if issubclass(member, Algorithm) and not inspect.isabstract(member):
            found[name] = member
        elif issubclass(member, BaseAlgo) and member.run is not BaseAlgo.run:
            found[name] = adapt(member)
    return found


def _functions_in(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """The public functions that ``module`` itself defines."""
    return {
        name: member
        for name, member in vars(module).items()
        if not name.startswith("_") and inspect.isfunction(member) and member.__module__ == module.__name__
    }


def _no_function(path: Path, wanted: str, functions: dict[str, Callable[..., Any]]) -> str:
    near = difflib.get_close_matches(wanted, functions, n=1, cutoff=0.5)
    if near:
        return f"{path} has no function {wanted!r}: did you mean '{path.stem}:{near[0]}'?"
    there = ", ".join(functions)
    return f"{path} has no function {wanted!r}; " + (f"there are {there}" if there else "it has none")


def _refusal(name: str) -> str:
    return (
        f"{name!r} is no algorithm's name: give the name of a file in an allowed folder without .py, or"
        " file:Class; folders are allowed by `algorithms:` in the settings"
    )


def _not_in_file(path: Path, wanted: str | None, classes: dict[str, type[Algorithm]]) -> str:
    if not classes:
        return f"{path} has no algorithm in it: a class that subclasses BaseAlgo and has run(self, frames)"
    named = ", ".join(f"{path.stem}:{name}" for name in classes)
    if wanted is None:
        return f"{path} has several algorithms: say which, {named}"
    near = difflib.get_close_matches(wanted, classes, n=1, cutoff=0.5)
    hint = f"did you mean '{path.stem}:{near[0]}'?" if near else f"there are {named}"
    return f"{path} has no algorithm {wanted!r}: {hint}"
