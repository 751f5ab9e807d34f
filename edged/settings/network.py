"""A spec that came over MQTT, or the file's with patches on top: checked as a whole, kept in its bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from pydantic import ValidationError

from edged.errors import Problem, SpecRejected
from edged.model.patching import check_bounds
from edged.settings.cross_checks import check_spec
from edged.settings.document import MOST_PROBLEMS, Document, dotted
from edged.settings.explain import explain
from edged.settings.fields import Section
from edged.settings.load import Loaded, in_order
from edged.settings.references import Reference, References, not_from_network, split
from edged.settings.spec import Spec
from edged.settings.trust import Trust, joined, texts_in, trust_of

MOST_NAMED = 1024
"""Sources, jobs, outputs, and models; what has more is looked at no further."""


class _Envelope(Section):
    """So that paths begin with ``spec``."""

    spec: Spec


def read_spec(value: Mapping[str, Any], loaded: Loaded) -> Loaded:
    """The device's settings with ``value`` as their spec; ``loaded`` is the device's own file.

    Raises `SpecRejected` with what is wrong, at most `MOST_PROBLEMS` of a kind: their paths begin with
    ``spec``, they have no lines.
    References are ``${secret:NAME}`` only, but for what the file has unchanged in the same place.
    Whether sources may be opened, and secrets go where they would, is seen when a plan is made of it.
    """
    if loaded.references.from_network:
        raise ValueError("read_spec needs the device's own file, not what came over MQTT")
    _check_shape(value)
    secrets = loaded.settings.secrets
    document = Document("", {"spec": value, "secrets": dict(secrets)}, {})
    own = loaded.document.value.get("spec")
    trust = trust_of(value, own if isinstance(own, Mapping) else {})
    problems = [*check_spec(document), *islice(_forbidden(value, trust), MOST_PROBLEMS)]
    envelope = None
    try:
        envelope = _Envelope.model_validate({"spec": value})
    except ValidationError as error:
        problems += explain(error, document, ())
    if problems or envelope is None:
        raise SpecRejected(in_order(problems))
    settings = loaded.settings.model_copy(update={"spec": envelope.spec})
    return Loaded(settings, document, References(secrets, from_network=True, trust=trust))


def _check_shape(value: Any) -> None:
    if not isinstance(value, dict):
        raise SpecRejected([Problem("spec", "should be a mapping with the keys sources and jobs")])
    try:
        check_bounds(value)
    except ValueError as error:
        raise SpecRejected([Problem("spec", str(error))]) from None
    for section in ("models", "sources", "jobs", "outputs"):
        named = value.get(section)
        if isinstance(named, dict) and len(named) > MOST_NAMED:
            message = f"has {len(named)} entries; the most is {MOST_NAMED}"
            raise SpecRejected([Problem(f"spec.{section}", message, "too_large")])


def _forbidden(spec: Mapping[str, Any], trust: Trust) -> Iterator[Problem]:
    """References that only the device's own file may hold."""
    for parts, text in texts_in(spec, ()):
        if "${" not in text or trust.covers(text, joined(parts)):
            continue
        path = dotted(("spec", *parts))
        try:
            references = [part for part in split(text, path) if isinstance(part, Reference)]
        except SpecRejected:
            continue  # told by the checks of every spec
        for reference in references:
            if reference.kind != "secret":
                yield from not_from_network(reference, path).problems
