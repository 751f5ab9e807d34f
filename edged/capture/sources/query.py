"""Typed options after the ``?`` of a URL that edged itself understands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from edged.capture.sources.plan import did_you_mean
from edged.errors import SourceUnsupported


@dataclass(frozen=True, slots=True)
class Option:
    """What a value may look like. It is written into FFmpeg's options: nothing else gets through."""

    pattern: str
    """Regular expression for the whole value."""
    wanted: str
    """Ends the sentence ``size is …``."""
    secret: bool = False
    """A wrong value is not repeated."""


SIZE = Option(r"[1-9]\d{1,3}x[1-9]\d{1,3}", "WIDTHxHEIGHT in pixels, as 1280x720")
RATE = Option(r"[1-9]\d{0,2}(\.\d{1,3})?|[1-9]\d{0,5}/[1-9]\d{0,4}", "frames per second, as 30 or 30000/1001")
SECONDS = Option(r"(?=.*[1-9])\d{1,6}(\.\d{1,3})?", "a number of seconds, as 10 or 2.5")
NUMBER = Option(r"\d{1,9}", "a whole number")
FRACTION = Option(r"0(\.\d{1,6})?|1(\.0)?", "a number from 0 to 1")
COLOR = Option(r"[A-Za-z]{3,20}|0x[0-9A-Fa-f]{6}", "a name as red, or 0xRRGGBB")


def parse_query(query: str, options: Mapping[str, Option], whose: str) -> dict[str, str]:
    """The options given, each as its `Option` wants it. Raises `SourceUnsupported`."""
    given: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in options:
            known = ", ".join(options)
            raise SourceUnsupported(
                f"{whose} has no option {name!r}{did_you_mean(name, options) or f'; it has {known}'}"
            )
        if name in given:
            raise SourceUnsupported(f"{whose} is given {name} twice")
        if not re.fullmatch(options[name].pattern, value, re.ASCII):
            was = "" if options[name].secret else f", not {value!r}"
            raise SourceUnsupported(f"{name} of {whose} is {options[name].wanted}{was}")
        given[name] = value
    return given
