"""A small catalogue of well-known public models: ``catalogue.toml`` beside this file.

Each hash was computed from the file itself, as it lies in the git repository that the URL leads into, at
the commit that the URL names; so the bytes behind a URL cannot change unseen. Nothing is listed whose hash
is only known from hearsay.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class CatalogueModel:
    """One public model."""

    name: str
    """For people to type."""
    file: str
    """What it is called here."""
    summary: str
    head: str
    """What kind of outputs it has: the detector's heads by their names, else the kind of algorithm."""
    labels: str
    """The set of its labels; empty: it has none."""
    size: str
    """Width x height of its input, in pixels."""
    licence: str
    origin: str
    """Who made it, and where it was found."""
    url: str
    sha256: str
    size_bytes: int


@cache
def catalogue() -> Mapping[str, CatalogueModel]:
    """By name, in the order of the file."""
    text = files("edged.modelstore").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return {name: CatalogueModel(name=name, **entry) for name, entry in tomllib.loads(text).items()}


def known_as(sha256: str) -> CatalogueModel | None:
    """The model of the catalogue that a file is."""
    return next((model for model in catalogue().values() if model.sha256 == sha256), None)


def of_file(name: str) -> CatalogueModel | None:
    """The model of the catalogue that a file of this name should be."""
    return next((model for model in catalogue().values() if model.file == name), None)
