"""Whether the events that a job records are any that its algorithms send."""

from __future__ import annotations

import contextlib
import difflib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edged.algorithm.declared import declared_by
from edged.algorithm.loading import Catalogue
from edged.errors import AlgorithmError
from edged.model.messages import JobSpec, Unsent
from edged.model.redact import hide
from edged.worker.opening import Opener

_MOST_NAMED = 12
_CLIP = "clip"
"""The type of the event that tells of a clip: it is main that says it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sender:
    """One algorithm, as far as its events go."""

    name: str
    types: frozenset[str]
    """What it may send with its params,"""
    declared: Mapping[str, str]
    """and with any, with what each tells."""


def find_unsent(job: JobSpec, opener: Opener) -> tuple[Unsent, ...]:
    """The types that ``job`` records in vain. Never raises: what is wrong with its algorithms, others say.

    Empty where an algorithm of its chain does not say what it sends.
    """
    if job.clips is None:
        return ()
    try:
        senders = _senders(job, opener)
    except (Exception, SystemExit) as error:  # noqa: BLE001 — somebody else's code, which opening blames
        _log.debug("job %s: nobody knows what it sends: %s", job.name, type(error).__name__)
        return ()
    if senders is None:
        return ()
    sent = frozenset[str]().union(*(sender.types for sender in senders))
    return tuple(
        Unsent(f"record.on.{place}", hide(_why(kind, senders, opener.catalogue), job.hidden))
        for place, kind in enumerate(job.clips.on)
        if kind not in sent
    )


def _senders(job: JobSpec, opener: Opener) -> list[Sender] | None:
    """None: one of them may send anything."""
    senders = []
    for link, algorithm in zip(job.chain, opener.unopened(job), strict=True):
        types = declared_by(algorithm)
        if types is None:
            return None
        senders.append(Sender(link.algorithm, types, algorithm.sends or {}))
    return senders


def _why(kind: str, senders: Sequence[Sender], catalogue: Catalogue) -> str:
    """Why it is not sent, and the mend."""
    if kind == _CLIP:
        return f'"{kind}" tells of what was recorded, and is not recorded itself; name what should be'
    for sender in senders:
        if kind in sender.declared:
            told = sender.declared[kind]
            return (
                f'{sender.name} sends "{kind}" ({told}) only with other params; `edged algos {sender.name}`'
                " tells them"
            )
    types = sorted({kind for sender in senders for kind in sender.types})
    near = _nearest(kind, types)
    mend = _elsewhere(kind, catalogue) if near is None else f'; did you mean "{near}"?'
    return f'no algorithm of this job sends "{kind}"{mend} ({_listed(types)})'


def _nearest(kind: str, types: Iterable[str]) -> str | None:
    folded = {each.casefold(): each for each in types}
    near = difflib.get_close_matches(kind.casefold(), folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def _elsewhere(kind: str, catalogue: Catalogue) -> str:
    """Whether it is an event of another algorithm that comes with edged, or like one."""
    senders: dict[str, str] = {}
    for name in catalogue.built_in():
        with contextlib.suppress(AlgorithmError):
            senders |= dict.fromkeys(catalogue.find(name).sends or (), name)
    if kind in senders:
        return f"; {senders[kind]} does: put {{algorithm: {senders[kind]}}} into `then:`"
    near = _nearest(kind, senders)
    return "" if near is None else f'; did you mean "{near}", which the algorithm {senders[near]} sends?'


def _listed(types: Sequence[str]) -> str:
    if not types:
        return "it sends no events"
    more = f" and {len(types) - _MOST_NAMED} more" if len(types) > _MOST_NAMED else ""
    return f"it sends {', '.join(types[:_MOST_NAMED])}{more}"
