"""From a job's spec to a chain that runs: find, validate, create and open each link.

The loader and the prover do the same, so a job that was proved loads.
"""

from __future__ import annotations

import contextlib
import copy
import logging
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from edged.algorithm.base import Algorithm
from edged.algorithm.context import Context
from edged.algorithm.loading import Catalogue
from edged.algorithm.params import ParamsInvalid, parse_params
from edged.algorithm.runtime import OnBuild
from edged.algorithm.session import Sessions
from edged.errors import AlgorithmError, EdgedError
from edged.model.messages import JobSpec, Library, LinkSpec
from edged.worker.chain import Chain, Emissions, Link
from edged.worker.fault import describe_fault
from edged.worker.surroundings import Surroundings
from edged.worker.undeclared import DeclaredEmit

_OF_MODELS = ("model_not_found", "not_allowed")

_log = logging.getLogger(__name__)


class OpenFailed(AlgorithmError):
    """A link of a chain cannot run; ``path`` is the key below the job that is to blame."""

    def __init__(self, message: str, *, code: str, path: str) -> None:
        super().__init__(message, code=code)
        self.path = path

    @property
    def below_path(self) -> str:
        """The message for whoever shows the path beside it."""
        return str(self).removeprefix(f"{self.path.partition('params.')[2]}: ")


class Opener:
    """Opens the algorithms of one library; chains opened by one share its sessions."""

    def __init__(
        self,
        library: Library,
        surroundings: Surroundings | None = None,
        *,
        on_build: OnBuild = lambda what: contextlib.nullcontext(),
    ) -> None:
        """``surroundings`` of the process; without, nothing is known of scenes and ids begin at 1.

        ``on_build`` is entered, in the thread that opens, while an engine may be built of a model.
        """
        self.library = library
        self._surroundings = surroundings or Surroundings()
        self._undeclared: set[tuple[str, str]] = set()
        """Algorithms and events of theirs that the log has spoken of."""
        self.catalogue = Catalogue([Path(folder) for folder in library.algorithms])
        folders = [Path(folder) for folder in library.models]
        cache = Path(library.cache) if library.cache else None
        self.sessions = Sessions(folders, cache=cache, on_build=on_build)

    def beside(self, surroundings: Surroundings, sessions: Sessions) -> Opener:
        """One of the same algorithms, in other surroundings."""
        beside = copy.copy(self)
        beside._surroundings, beside.sessions = surroundings, sessions
        return beside

    def open(self, job: JobSpec, source: str, part: slice = slice(None)) -> Chain:
        """Open the links for one source, all or a part of them. Raises `OpenFailed`; then none stays open."""
        emissions = Emissions()
        around = self._surroundings
        context = Context(
            job.name,
            source,
            self.sessions,
            emissions.add,
            functions=self.catalogue.function,
            frames=job.sampling.count,
            scenes=around.scenes,
            track_ids=around.track_ids(job.name, source),
            kept=around.kept(job, source),
        )
        links: list[Link] = []
        with contextlib.ExitStack() as opened:
            for place, link in tuple(enumerate(job.chain))[part]:
                algorithm = self._open_link(link, place, context)
                links.append(Link(link.algorithm, algorithm, link.hidden))
                opened.callback(_close, links[-1])
            opened.pop_all()
        return Chain(links, emissions, context)

    def unopened(self, job: JobSpec) -> tuple[Algorithm, ...]:
        """The algorithms of a job, created but not opened: no model is needed for that. Raises what they
        raise, and `AlgorithmError`.
        """
        context = Context(job.name, "", self.sessions, lambda kind, fields: None, frames=job.sampling.count)
        kinds = [(self.catalogue.find(link.algorithm), link) for link in job.chain]
        return tuple(
            kind(_for_link(context, link), parse_params(kind, link.params, link.hidden))
            for kind, link in kinds
        )

    def _made(self, kind: type[Algorithm], name: str, context: Context, params: BaseModel) -> Algorithm:
        """Not opened yet."""
        if kind.sends is None:
            return kind(context, params)
        emit = DeclaredEmit(name, context.emit, self._undeclared)
        algorithm = kind(replace(context, emit=emit), params)
        emit.hold_to(algorithm)
        return algorithm

    def _open_link(self, link: LinkSpec, place: int, context: Context) -> Algorithm:
        prefix = "" if place == 0 else f"then.{place - 1}."
        path = f"{prefix}algorithm"
        context = _for_link(context, link)
        kind = None
        try:
            kind = self.catalogue.find(link.algorithm)
            params = parse_params(kind, link.params, link.hidden)
            algorithm = self._made(kind, link.algorithm, context, params)
            algorithm.open()
        except ParamsInvalid as error:
            below = "" if error.path == "params" else f".{error.path}"
            message = describe_fault(error, link.hidden)
            raise OpenFailed(message, code=error.code, path=f"{prefix}params{below}") from error
        except EdgedError as error:
            if kind is not None and error.code in _OF_MODELS and "model" in link.params:
                path = f"{prefix}params.model"
            message = describe_fault(error, link.hidden)
            raise OpenFailed(message, code=error.code, path=path) from error
        except (Exception, SystemExit) as error:
            message = describe_fault(error, link.hidden)
            raise OpenFailed(message, code="algorithm_failed", path=path) from error
        return algorithm


def _for_link(context: Context, link: LinkSpec) -> Context:
    """With the models that this link may have."""
    sessions = context.sessions
    if link.files is not None:
        sessions = sessions.limited_to(link.files)
    if link.models:
        sessions = sessions.bringing(link.models)
    return context if sessions is context.sessions else replace(context, sessions=sessions)


def _close(link: Link) -> None:
    Chain((link,), Emissions()).close()
