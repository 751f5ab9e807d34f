"""What `edged doctor CONFIG` looks at beyond the machine: the broker, and what the file names."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from edged.app.checking import Findings
from edged.app.diagnosis import Level, Verdict, disk, embedded_broker
from edged.app.link import broker_options
from edged.model.probe import ProbeReport
from edged.mqtt.connection import Connection
from edged.mqtt.failure import ConnectFailed
from edged.mqtt.message import Received
from edged.mqtt.options import MqttOptions
from edged.mqtt.protocol import Protocol
from edged.settings import Loaded
from edged.storage.recordings_folder import RecordingsFolder
from edged.storage.retention import MB

_DIAL_WITHIN_S = 5.0
_GOODBYE_S = 1.0
_WORTH_FRAMES = 2
"""From one keyframe to the next: where all frames are keyframes there is nothing to save."""


def look_at_broker(loaded: Loaded) -> Verdict:
    """Connect as the device would, under a client id of its own so that nobody is thrown out."""
    if urlsplit(loaded.settings.mqtt.url).scheme == "embedded":
        return embedded_broker()
    options = replace(
        broker_options(loaded.settings),
        client_id=f"edged-doctor-{secrets.token_hex(4)}",
        dial_timeout_s=_DIAL_WITHIN_S,
        keep_session=False,
    )
    try:
        version = asyncio.run(_connect(options))
    except ConnectFailed as failed:
        finding, _, mend = failed.failure.message.partition(": ")
        return Verdict(Level.FAIL, "broker", finding, mend)
    return Verdict(Level.OK, "broker", f"{options.broker} lets this device in, MQTT {version.value}")


def look_at_recordings(found: Findings) -> Iterator[Verdict]:
    """Where they go, if anything is recorded: those that are there already take their part."""
    spec, keeping = found.loaded.settings.spec, found.plan.keeping
    sources = any(source.record is not None for source in spec.sources.values())
    if not keeping.folder or not (sources or any(job.record is not None for job in spec.jobs.values())):
        return
    folder = RecordingsFolder(Path(keeping.folder))
    try:
        taken_mb = sum(file.bytes for file in folder.read()) // MB
    except OSError as error:
        mend = "let the user that runs edged read and write it, or set another recordings.path"
        yield Verdict(Level.FAIL, "recordings", f"{folder.path} cannot be read: {error.strerror}", mend)
        return
    yield disk(folder.path, max(0, keeping.max_mb - taken_mb), "recordings")


async def _connect(options: MqttOptions) -> Protocol:
    """The version that worked. Raises `ConnectFailed`."""
    versions = (Protocol.V5, Protocol.V311) if options.protocol is Protocol.AUTO else (options.protocol,)
    for version in versions:
        connection = Connection(options, version, None, _Nobody())
        try:
            await connection.open()
        except ConnectFailed as failed:
            if not failed.failure.kind.doubts_version or version is versions[-1]:
                raise
            continue
        await connection.disconnect(_GOODBYE_S)
        connection.close()
        break
    return version


class _Nobody:
    """Listens to nothing: the connection is only tried."""

    def on_ack(self, identifier: int, code: int, reason: str) -> None: ...

    def on_refused(self, topic: str, reason: str) -> None: ...

    def on_message(self, message: Received) -> None: ...

    def on_progress(self) -> None: ...


def look_at_findings(found: Findings) -> Iterator[Verdict]:
    """A line for each problem, one for all sources and one for all jobs that are well, one for each film's
    keyframes."""
    for problem in found.errors:
        yield Verdict(Level.FAIL, _subject(problem.path), str(problem))
    for problem in found.warnings:
        yield Verdict(Level.WARN, _subject(problem.path), str(problem))
    troubled = {problem.path for problem in (*found.errors, *found.warnings)}
    for subject, names in (("sources", found.plan.captures), ("jobs", found.plan.jobs)):
        well = [
            name
            for name in names
            if not any(f"{path}.".startswith(f"spec.{subject}.{name}.") for path in troubled)
        ]
        if well:
            yield Verdict(Level.OK, subject, ", ".join(well))
    for name, report in found.videos.items():
        if said := _keyframes(report):
            yield Verdict(Level.OK, "keyframes", f"{name}: {said}")


def _keyframes(report: ProbeReport) -> str:
    """What sampling on keyframes would save; empty: not known, or nothing."""
    interval_s = report.keyframe_interval_s or 0.0
    frames = round(interval_s * report.fps)
    if frames < _WORTH_FRAMES:
        return ""
    return f"one every {interval_s:g} s: with all its jobs on keyframes 1 of {frames} frames is decoded"


def _subject(path: str) -> str:
    return path.removeprefix("spec.").partition(".")[0]
