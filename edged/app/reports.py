"""What the daemon tells about itself from time to time: statuses, info, health, the overview."""

from __future__ import annotations

import contextlib
import json
import platform
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edged.app.control_plane import ControlPlane
from edged.app.link import BrokerLink
from edged.app.recent_log import RecentLog
from edged.control.device import Device
from edged.control.hardware import ProcessMeter, hardware, is_clock_synced, temperature_c
from edged.control.model_desk import is_there
from edged.control.overview import job_lines, output_lines, source_lines
from edged.control.status import left_s, wall_ns
from edged.model.capturing import SourceState
from edged.model.clock import rfc3339
from edged.model.overview import Overview
from edged.mqtt.codec import DeviceInfo, Health, health_payload, info_payload
from edged.mqtt.topics import Topics
from edged.planning.plan import Plan
from edged.settings import Settings
from edged.supervise.losses import Loss
from edged.supervise.supervisor import Supervisor

STATUS_EVERY_S = 10.0
HEALTH_EVERY_S = 30.0
LOSSES_EVERY_S = 1.0
"""Health is told at once when a process died, but no more often than that."""


class Reports:
    """Asks the parts and publishes; decides nothing."""

    def __init__(
        self,
        settings: Settings,
        topics: Topics,
        device: Device,
        supervisor: Supervisor,
        link: BrokerLink,
        plane: ControlPlane,
        recent: RecentLog,
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._device = device
        self._supervisor = supervisor
        self._link = link
        self._plane = plane
        self._recent = recent
        self._meter = ProcessMeter()
        self._started_at = time.monotonic()
        self._status_at = self._started_at
        self._health_at = 0.0
        self._losses = 0
        """Told of."""
        self._listed = device.listed

    def tick(self, now_s: float) -> None:
        """Publish what is due; called about twice a second."""
        if now_s - self._status_at >= STATUS_EVERY_S:
            self._status_at = now_s
            self._device.retry()
            self._device.publish_statuses()
        losses = self._supervisor.losses.total
        is_due = now_s - self._health_at >= HEALTH_EVERY_S
        if is_due or (losses != self._losses and now_s - self._health_at >= LOSSES_EVERY_S):
            self._health_at, self._losses = now_s, losses
            self._link.retain(self._topics.health, health_payload(self._health()))
            self._publish_info()
        elif self._device.listed is not self._listed:
            self._publish_info()

    def summary(self) -> str:
        """One line for ``systemctl status``."""
        sources = self._device.sources.values()
        running = sum(source.report.state is SourceState.RUNNING for source in sources)
        return (
            f"{running} of {len(sources)} sources running, {len(self._device.jobs)} jobs, "
            f"broker {self._link.state.value}"
        )

    # ---- what commands ask for ----

    def info(self) -> Mapping[str, Any]:
        """As ``…/info`` tells it."""
        return _decoded(info_payload(self._describe()))

    def stats(self) -> Mapping[str, Any]:
        """Health, and the status of each source, job and output, all as they are now.

        The broker is told as well: it keeps the same statuses, and would keep older counters.
        """
        self._device.publish_statuses()
        statuses: dict[str, dict[str, Any]] = {"source": {}, "job": {}, "output": {}}
        for topic, payload in self._device.told.items():
            kind, name, *below = topic.removeprefix(f"{self._topics.root}/").split("/")
            if below == ["status"]:
                statuses[kind][name] = _decoded(payload)
        return {"health": _decoded(health_payload(self._health())), **statuses}

    def logs(self, lines: int) -> Sequence[str]:
        """The newest lines of main's log."""
        return self._recent.lines(lines)

    def overview(self) -> Overview:
        """The daemon at this moment."""
        return Overview(
            device=self._device.identity.device,
            broker_url=self._settings.mqtt.url,
            broker_state=self._link.state.value,
            uptime_s=time.monotonic() - self._started_at,
            published=self._link.client.counters.published,
            sources=source_lines(self._device),
            jobs=job_lines(self._device),
            notice=self._link.client.last_error,
            outputs=output_lines(self._device),
        )

    def _publish_info(self) -> None:
        self._listed = self._device.listed
        self._link.retain(self._topics.info, info_payload(self._describe()))

    def _describe(self) -> DeviceInfo:
        listed = self._device.listed
        return DeviceInfo(
            version=version("edged"),
            host=platform.node(),
            hardware=hardware(),
            providers=listed.providers,
            algorithms=tuple(card.name for card in listed.algorithms if not card.error),
            models=_models(self._device.plan),
            groups=tuple(self._settings.groups),
            clock_synced=is_clock_synced(),
        )

    def _restarts(self, name: str, loss: Loss) -> Mapping[str, Any]:
        next_ns = self._supervisor.next_start_ns(name)
        return {
            "count": loss.count,
            "last": _rfc3339_of(loss.at_ns),
            "reason": loss.reason,
            **({"next_try": _rfc3339_of(next_ns)} if left_s(next_ns) is not None else {}),
        }

    def _health(self) -> Health:
        pids = self._supervisor.pids()
        counters = self._link.client.counters
        percent, memory_mb = self._meter.measure(pids)
        now_ns = time.monotonic_ns()
        pages = {name: self._supervisor.heartbeat(name) for name in pids}
        beats = {name: page.last_beat_ns() for name, page in pages.items() if page is not None}
        outbox = self._link.outbox
        losses = self._supervisor.losses.by_name
        return Health(
            wall_ns=time.time_ns(),
            queues={
                "mqtt": counters.queued,
                "in_flight": counters.in_flight,
                "outbox_bytes": outbox.bytes,
                "oldest_s": round(outbox.oldest_s),
            },
            drops=self._link.drops,
            cpu_percent=percent,
            memory_mb=memory_mb,
            temperature_c=temperature_c(),
            storage=self._plane.storage_trouble,
            refused=self._plane.refused,
            recordings=self._plane.recordings,
            restarts={name: self._restarts(name, loss) for name, loss in losses.items()},
            heartbeats_s={name: (now_ns - beat) / 1e9 for name, beat in beats.items() if beat},
        )


def _rfc3339_of(monotonic_ns: int) -> str:
    return rfc3339(wall_ns(monotonic_ns) or 0)


def _models(plan: Plan) -> tuple[str, ...]:
    """The names of the models that jobs can use; a folder that cannot be read now has none."""
    names = {model.name for model in plan.models.values() if is_there(model)}
    for folder in plan.library.models:
        with contextlib.suppress(OSError):
            names.update(path.name for path in Path(folder).glob("*.onnx"))
    return tuple(sorted(names))


def _decoded(payload: bytes) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(payload)
    return content
