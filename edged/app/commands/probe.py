"""``edged probe URL``: what a source is, or why it cannot be opened."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from edged.errors import EdgedError

if TYPE_CHECKING:
    from edged.model.probe import ProbeReport

_START_S = 30.0
"""For the child to come up on a slow device."""


def probe(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="As in a config: rtsp://…, a file, /dev/video0, …")
    ],
    *,
    transport: Annotated[
        Literal["tcp", "udp"], typer.Option(metavar="tcp|udp", help="How RTSP brings its media.")
    ] = "tcp",
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=1, max=600, help="How long to look.", show_default=True)
    ] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Open a source and tell what it is, or why it cannot be opened.

    Codec, size, rate, keyframe interval, time to the first frame.

    Example: edged probe rtsp://admin:password@10.0.0.5/stream1
    """
    report = _ask(url, transport, timeout)
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2))
        raise typer.Exit(1 if report.error else 0)
    if report.error:
        raise EdgedError(f"{report.url}: {report.error}")
    _show(report)


def _ask(url: str, transport: str, timeout_s: float) -> ProbeReport:
    from edged.app.ask import ask
    from edged.app.processes import PROBE
    from edged.capture.sources import check_url
    from edged.model.capturing import CaptureSpec
    from edged.model.probe import ProbeReport
    from edged.model.redact import redact_url

    shown = redact_url(url)
    try:
        check_url(url)
        spec = CaptureSpec(0, "probe", url, shown, transport=transport, timeout_s=timeout_s)
        return ask(PROBE.module, spec, ProbeReport, within_s=_START_S + 3 * timeout_s)
    except EdgedError as error:
        return ProbeReport(shown, error=str(error))


def _show(report: ProbeReport) -> None:
    interval = report.keyframe_interval_s
    lines = {
        "": report.url,
        "kind": "live" if report.live else "a file, played at its own rate",
        "codec": report.codec + (f" ({report.profile})" if report.profile else ""),
        "picture": f"{report.width}x{report.height}, {report.pixel_format}"
        + (f", {report.color_range} range" if report.color_range else ""),
        "rate": f"{report.fps:.2f} fps",
        "keyframes": "only one seen" if interval is None else f"every {interval:.2f} s",
        "opened": f"in {report.open_s:.2f} s, first picture after {report.first_frame_s:.2f} s",
    }
    for name, value in lines.items():
        typer.echo(f"{name:<10} {value}" if name else value)
