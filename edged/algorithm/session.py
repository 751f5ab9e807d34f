"""ONNX sessions, one for each (model, options) however many jobs and cameras use it."""

from __future__ import annotations

import copy
import logging
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.models import find_model
from edged.algorithm.runtime import (
    Loaded,
    OnBuild,
    Provider,
    create_runtime,
    default_threads,
    runtime_errors,
)
from edged.errors import AlgorithmError

_log = logging.getLogger(__name__)
_NOTHING: AbstractContextManager[None] = nullcontext()


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output that a model declares."""

    name: str
    shape: tuple[int | None, ...]
    """None where the model leaves it open."""
    dtype: np.dtype[Any]

    def __str__(self) -> str:
        sizes = "x".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name} {sizes or 'scalar'} {self.dtype.name}"


class Session:
    """A loaded model. Several threads may call `run` at once."""

    def __init__(self, path: Path, loaded: Loaded, on_build: OnBuild) -> None:
        runtime = loaded.runtime
        self.path = path
        self.inputs = tuple(_tensor(node) for node in runtime.get_inputs())
        self.outputs = tuple(_tensor(node) for node in runtime.get_outputs())
        self.metadata: Mapping[str, str] = dict(runtime.get_modelmeta().custom_metadata_map)
        self.provider: str = runtime.get_providers()[0]
        """By the name that onnxruntime gives it."""
        self.label = loaded.label
        """What runs it, for people: ``CPU``, ``OpenVINO GPU``."""
        self.batch: int | None = None
        """How many pictures at once pay; None: nobody has tried. See `edged.algorithm.batched`."""
        self._runtime = runtime
        self._names = [output.name for output in self.outputs]
        self.builds_each_size = loaded.builds_each_size
        """The first run on inputs of another size builds an engine, which takes minutes."""
        self._on_build = on_build
        self._sizes: set[tuple[tuple[int, ...], ...]] = set()
        """Those of the inputs it ran on, where that matters."""

    def run(self, feeds: Mapping[str, NDArray[Any]] | NDArray[Any]) -> list[NDArray[Any]]:
        """Run the model on its inputs by name (one array where it has one input); all outputs, in order.

        Raises `AlgorithmError` where shapes or dtypes are not those of `inputs`, or the run fails.
        """
        if isinstance(feeds, np.ndarray):
            feeds = {self.inputs[0].name: feeds}
        try:
            with self._building_for(feeds) if self.builds_each_size else _NOTHING:
                outputs: list[NDArray[Any]] = self._runtime.run(self._names, dict(feeds))
        except runtime_errors() as error:
            raise AlgorithmError(
                f"{self.path.name}: {_first_line(error)} (its inputs: {self._wanted()})"
            ) from error
        return outputs

    def _building_for(self, feeds: Mapping[str, NDArray[Any]]) -> AbstractContextManager[None]:
        sizes = tuple(np.shape(feed) for feed in feeds.values())
        if sizes in self._sizes:
            return _NOTHING
        self._sizes.add(sizes)
        return self._on_build(self.path.name)

    def _wanted(self) -> str:
        return ", ".join(str(tensor) for tensor in self.inputs)


@dataclass(slots=True)
class _Place:
    """Where one session is, or is being loaded."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    session: weakref.ref[Session] | None = None


class Sessions:
    """The models of a process. A session lives as long as somebody uses it."""

    def __init__(
        self,
        folders: Sequence[Path],
        threads: int | None = None,
        *,
        cache: Path | None = None,
        on_build: OnBuild = lambda what: _NOTHING,
    ) -> None:
        """``threads`` of one session's run; by default half the cores, at least one.

        ``cache`` is where engines are kept that providers build; None: nowhere. ``on_build`` is entered, in
        the thread that asked for the model, while one may be built.
        """
        self.folders = tuple(folders)
        self._threads = threads or default_threads()
        self._cache = cache
        self._on_build = on_build
        self._places: dict[tuple[Any, ...], _Place] = {}
        self._lock = threading.Lock()
        self._files: tuple[str, ...] | None = None
        self._brought: Mapping[str, str] = {}

    def bringing(self, models: Mapping[str, str]) -> Sessions:
        """The same sessions, for whom these names mean these files, whatever the folders hold."""
        bringing = copy.copy(self)
        bringing._brought = dict(models)
        return bringing

    def limited_to(self, files: Sequence[str]) -> Sessions:
        """The same sessions, for whom no absolute path but ``files`` may lead out of the folders."""
        limited = copy.copy(self)
        limited._files = tuple(files)
        return limited

    @property
    def loaded(self) -> int:
        """How many sessions are loaded now."""
        with self._lock:
            places = tuple(self._places.values())
        return sum(1 for place in places if place.session is not None and place.session() is not None)

    def get(self, name: str, *, provider: str = "auto", threads: int | None = None) -> Session:
        """Load a model, or return it where it is loaded with these options already.

        ``name``: a file below one of the folders, or an absolute path. ``provider``: `Provider`, or
        ``auto`` for the best this machine has. Raises `AlgorithmError`, ``model_not_found`` among
        others. Loading one model does not block getting another.
        """
        path = find_model(name, self.folders, files=self._files, brought=self._brought)
        options = (_provider(provider), threads or self._threads)
        with self._lock:
            place = self._places.setdefault((path, path.stat().st_mtime_ns, *options), _Place())
        with place.lock:
            session = place.session() if place.session is not None else None
            if session is None:
                session = self._load(path, *options)
                place.session = weakref.ref(session)
            return session

    def _load(self, path: Path, provider: Provider, threads: int) -> Session:
        began = time.monotonic()
        loaded = create_runtime(path, provider, threads, cache=self._cache, on_build=self._on_build)
        session = Session(path, loaded, self._on_build)
        seconds = time.monotonic() - began
        _log.info("loaded %s on %s (threads: %d) in %.2f s", path.name, session.label, threads, seconds)
        return session


def _provider(name: str) -> Provider:
    try:
        return Provider(name)
    except ValueError:
        known = ", ".join(Provider)
        raise AlgorithmError(f"provider {name!r} is not one of {known}", code="invalid") from None


def _tensor(node: Any) -> Tensor:
    shape = tuple(size if isinstance(size, int) and size > 0 else None for size in node.shape)
    return Tensor(node.name, shape, _dtype(node.type))


def _dtype(kind: str) -> np.dtype[Any]:
    """``tensor(float)`` and its like as numpy names them."""
    inner = kind.removeprefix("tensor(").removesuffix(")")
    plain = {"float": "float32", "double": "float64", "string": "object"}.get(inner, inner)
    try:
        return np.dtype(plain)
    except TypeError:
        return np.dtype("object")


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
