"""What FFmpeg is told to open a source, and how its frames come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from urllib.parse import SplitResult, urlsplit

from edged.errors import SourceUnsupported


@dataclass(frozen=True, slots=True)
class OpenPlan:
    """One ``av.open(url, format=, options=, timeout=(open_timeout_s, read_timeout_s))``.

    ``url`` and ``options`` may hold credentials, so they do not show in the repr.
    """

    url: str = field(repr=False)
    format: str | None
    """Name of FFmpeg's demuxer; None: it probes, among those of ``format_whitelist`` in ``options``."""
    options: dict[str, str] = field(repr=False)
    """Always with ``protocol_whitelist``, so that nothing named inside a stream is opened beyond it."""
    live: bool = False
    """End of stream is a disconnect; otherwise it is the end, where a source that loops begins again."""
    paced: bool = False
    """Frames can be read faster than they were recorded: wait until each is due by its pts."""
    arrival_times: bool = False
    """The pts of this source mean nothing: use the time of arrival."""
    open_timeout_s: float = 10.0
    read_timeout_s: float = 10.0
    connector: str = ""
    """``module:function`` that connects where FFmpeg cannot: given this plan it returns a file to
    read, which whoever opened it closes. Empty: FFmpeg opens ``url`` itself."""


def split(url: str) -> SplitResult:
    """``urlsplit`` whose complaints never repeat the URL, which may hold a password."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # parsed only when asked for
    except ValueError:
        raise SourceUnsupported(
            "the URL cannot be read as scheme://user:password@host:port/path;"
            " write special characters of a password as %XX (@ is %40, / is %2F, # is %23)"
        ) from None
    return parts


def split_with_host(url: str) -> SplitResult:
    """As `split`, for schemes that are nothing without a host."""
    parts = split(url)
    if not parts.hostname:
        raise SourceUnsupported(f"{parts.scheme}:// needs a host: {parts.scheme}://host:port/path")
    return parts


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``; did you mean rate?`` for the nearest of ``known``, or nothing when none is near."""
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


def microseconds(seconds: float) -> str:
    """FFmpeg's protocols take their timeouts in microseconds."""
    return str(int(seconds * 1_000_000))
