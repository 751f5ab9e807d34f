"""The live pictures of a spec as the processes that make them want them: references resolved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from edged.errors import Problem, SpecRejected
from edged.model.live import OutputSpec
from edged.model.messages import JobSpec
from edged.model.redact import redact_url
from edged.planning.output_url import locate_push
from edged.settings import Loaded, Output
from edged.settings.output_section import SERVED

_HOLD_S = 2.0
"""What a job found is shown for so long, or for two of its intervals, unless something newer comes."""


@dataclass(frozen=True, slots=True)
class LivePlan:
    """How live pictures are served, and which."""

    outputs: dict[str, OutputSpec] = field(default_factory=dict)
    host: str = "127.0.0.1"
    rtsp_port: int = 8554
    http_port: int = 8555
    username: str = ""
    password: str = field(default="", repr=False)


def plan_live(loaded: Loaded, jobs: Mapping[str, JobSpec]) -> tuple[LivePlan, dict[str, SpecRejected]]:
    """``jobs`` are those that can run. Also the outputs that cannot, by name, and why."""
    outputs: dict[str, OutputSpec] = {}
    failed: dict[str, SpecRejected] = {}
    for name, output in loaded.settings.spec.outputs.items():
        try:
            spec = _output(name, output, loaded, jobs)
        except SpecRejected as rejected:
            failed[name] = rejected
        else:
            if output.enabled:
                outputs[name] = spec
    live = loaded.settings.live
    password = live.password.get_secret_value() if live.password is not None else ""
    plan = LivePlan(outputs, live.listen_on, live.rtsp_port, live.http_port, live.username, password)
    return plan, failed


def _output(name: str, output: Output, loaded: Loaded, jobs: Mapping[str, JobSpec]) -> OutputSpec:
    path = f"spec.outputs.{name}"
    if output.source not in loaded.settings.spec.sources:
        raise SpecRejected([Problem(f"{path}.source", f"there is no source {output.source}", "not_found")])
    is_served = output.to in SERVED
    hold_s = dict(_hold(output, jobs))
    return OutputSpec(
        name=name,
        source=output.source,
        to=output.to if is_served else "push",
        url="" if is_served else locate_push(output.to, loaded, path=f"{path}.to"),
        redacted_url="" if is_served else redact_url(output.to),
        draw=tuple(hold_s),
        hold_s=hold_s,
        size=output.size,
        fps=output.fps,
        bitrate_kbps=output.bitrate,
        quality=output.quality,
        encoder=output.encoder,
    )


def _hold(output: Output, jobs: Mapping[str, JobSpec]) -> Iterator[tuple[str, float]]:
    """The jobs that are drawn, and for how long what each found is shown."""
    for name, spec in jobs.items():
        if output.source in spec.sources and (output.draw == "*" or name in output.draw):
            yield name, max(_HOLD_S, 2 * spec.sampling.interval_us / 1e6)
