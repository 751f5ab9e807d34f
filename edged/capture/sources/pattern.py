"""``pattern://testsrc2?size=1280x720&rate=30``: generated pictures, at the pace of a camera.

A fixed list of FFmpeg's generators, each with typed options: a URL can never bring a filter graph
of its own. With ``duration`` the pattern ends as a file does.
"""

from __future__ import annotations

from edged.capture.sources.plan import OpenPlan, did_you_mean, split
from edged.capture.sources.query import COLOR, FRACTION, NUMBER, RATE, SECONDS, SIZE, Option, parse_query
from edged.errors import SourceUnsupported
from edged.model.capturing import CaptureSpec

_COMMON = {"size": SIZE, "rate": RATE, "duration": SECONDS}
_MOST_PIXELS = 7680 * 4320
"""Generators keep several pictures: of a larger one they would take gigabytes."""
_DEFAULTS = {"size": "1280x720", "rate": "30"}

GENERATORS: dict[str, dict[str, Option]] = {
    "testsrc2": _COMMON,
    "testsrc": _COMMON,
    "smptebars": _COMMON,
    "smptehdbars": _COMMON,
    "pal75bars": _COMMON,
    "pal100bars": _COMMON,
    "rgbtestsrc": _COMMON,
    "yuvtestsrc": _COMMON,
    "color": _COMMON | {"color": COLOR},
    "gradients": _COMMON | {"seed": NUMBER},
    "mandelbrot": _COMMON,
    "sierpinski": _COMMON | {"seed": NUMBER},
    "life": _COMMON | {"seed": NUMBER, "ratio": FRACTION},
    "cellauto": _COMMON | {"seed": NUMBER, "rule": Option(NUMBER.pattern, "a rule from 0 to 255")},
}
"""What each generator takes."""

_FFMPEG_NAMES = {("life", "seed"): "seed", ("cellauto", "seed"): "random_seed"}


def plan(spec: CaptureSpec) -> OpenPlan:
    parts = split(spec.url)
    name = parts.netloc
    if name not in GENERATORS:
        raise SourceUnsupported(
            f"there is no pattern {name!r}"
            + (did_you_mean(name, GENERATORS) or f"; there are {', '.join(GENERATORS)}")
        )
    if parts.path.strip("/") or parts.fragment:
        raise SourceUnsupported(
            f"after pattern://{name} come only options: pattern://{name}?size=1280x720&rate=30"
        )
    options = _DEFAULTS | parse_query(parts.query, GENERATORS[name], f"pattern://{name}")
    width, _, height = options["size"].partition("x")
    if int(width) * int(height) > _MOST_PIXELS:
        raise SourceUnsupported(f"size of pattern://{name} is more than 8K (7680x4320)")
    duration = options.pop("duration", None)
    return OpenPlan(
        url=_graph(name, options, duration),
        format="lavfi",
        options={"protocol_whitelist": "file"},
        live=duration is None,
        paced=True,
        open_timeout_s=spec.timeout_s,
        read_timeout_s=spec.timeout_s,
    )


def _graph(name: str, options: dict[str, str], duration: str | None) -> str:
    settings = ":".join(f"{_FFMPEG_NAMES.get((name, key), key)}={value}" for key, value in options.items())
    trim = f",trim=duration={duration}" if duration else ""
    return f"{name}={settings}{trim},format=yuv420p"
