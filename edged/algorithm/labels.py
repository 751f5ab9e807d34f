"""What a model's class numbers are called."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from edged.algorithm.coco import COCO_LABELS
from edged.algorithm.models import find_model
from edged.errors import AlgorithmError

MOST_CLASSES = 1000
"""A model that does not tell their number is not expected to have more."""
_SUFFIXES = (".txt", ".names", ".labels")


def some_of(mend: str) -> AfterValidator:
    """For params that choose labels: refuses an empty list, which is mostly meant as all of them and would
    be none. ``mend`` says what to write instead.
    """

    def check(labels: list[str]) -> list[str]:
        if not labels:
            raise ValueError(f"an empty list is none at all: {mend}")
        return labels

    return AfterValidator(check)


WantedLabels = Annotated[list[str], some_of("leave it out for all")]


def metadata_labels(metadata: Mapping[str, str]) -> tuple[str, ...] | None:
    """The labels that an exporter wrote into the model as ``names``: a dict or list in Python's or JSON's
    notation, or lines; None where there are none.
    """
    text = metadata.get("names", "").strip()
    if not text:
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return tuple(line.strip() for line in re.split(r"[\n,]", text) if line.strip())
    if isinstance(value, dict):
        return tuple(str(value[key]) for key in sorted(value, key=int))
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else None


def read_labels(given: Sequence[str] | str, folders: Sequence[Path]) -> tuple[str, ...]:
    """Labels from a list, or from a file beside the models: one per line, as they are numbered.

    Raises `AlgorithmError`.
    """
    if not isinstance(given, str):
        return tuple(given)
    if "/" in given:
        raise AlgorithmError(f"{given!r}: name a file in a model folder", code="not_allowed")
    if not given.lower().endswith(_SUFFIXES):
        # a model folder may hold what is not for everyone's eyes: settings, by default
        message = f"{given!r}: a file of names ends with {', '.join(_SUFFIXES)}"
        raise AlgorithmError(message, code="not_allowed")
    text = find_model(given, folders, ".txt").read_text(encoding="utf-8", errors="replace")
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def labels_for(classes: int, given: Sequence[str] | None, metadata: Sequence[str] | None) -> tuple[str, ...]:
    """One label for each class: those given, the model's own, COCO's for 80 classes, or ``class_N``.

    Raises `AlgorithmError` where the number of labels given is not that of the classes.
    """
    if given is not None:
        if len(given) != classes:
            raise AlgorithmError(f"{len(given)} names are given, the model has {classes} classes")
        return tuple(given)
    if metadata is not None and len(metadata) == classes:
        return tuple(metadata)
    return COCO_LABELS if classes == len(COCO_LABELS) else tuple(f"class_{n}" for n in range(classes))


def open_labels(
    given: Sequence[str] | None, metadata: Sequence[str] | None, default: Sequence[str]
) -> tuple[str, ...]:
    """Labels of a model that does not tell how many classes it has: those given, and no more; or its own, or
    ``default``, each followed by ``class_N`` up to `MOST_CLASSES`.
    """
    if given is not None:
        return tuple(given)
    known = tuple(default if metadata is None else metadata)
    return (*known, *(f"class_{n}" for n in range(len(known), MOST_CLASSES)))


def label_ids(wanted: Sequence[str], labels: Sequence[str]) -> frozenset[int]:
    """The numbers of the labels that a job asks for; raises `AlgorithmError` for one that there is not."""
    for label in wanted:
        if label not in labels:
            near = difflib.get_close_matches(label, labels, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(labels[:20])}"
            raise AlgorithmError(f"the model knows no {label!r}: {hint}", code="invalid")
    return frozenset(place for place, label in enumerate(labels) if label in wanted)
