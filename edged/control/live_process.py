"""One process of live pictures as main sees it: what it should show, who looks, what it needs for that."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from edged.control.status import Statuses, left_s
from edged.control.tracks import FrameTrack
from edged.model.live import LiveReport, LiveSpec, OutputSpec, OutputView
from edged.model.messages import TrackGone
from edged.model.output import Output, OutputKind, pack_output
from edged.model.overview import OutputLine
from edged.supervise.channel import Packet
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.process import ChildExit, ProcessKind
from edged.supervise.supervisor import Supervisor
from edged.supervise.wire import Decoder

LINGER_S = 3.0
"""Frames go on so long after the last viewer left: a page that is loaded again makes no new track."""
_DECODER = Decoder((LiveReport,))
_EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 — compared, not listened on

log = logging.getLogger("edged.live")


class LiveOwner(Protocol):
    """Who knows the sources and jobs."""

    def track_of(self, source: str) -> FrameTrack | None:
        """Its present one."""

    def counts_of(self, job: str, source: str) -> bytes:
        """The newest that it made; empty: none."""

    def readers_changed(self) -> None:
        """Others look at frames now, or at other frames."""


class LiveProcess:
    """Owns the process. Level-triggered: what it is told is always the whole."""

    def __init__(
        self,
        process: str,
        reader: str,
        spec: LiveSpec,
        supervisor: Supervisor,
        kind: ProcessKind,
        statuses: Statuses,
        owner: LiveOwner,
    ) -> None:
        self.process = process
        self.reader = reader
        self.drawn: frozenset[tuple[str, str]] = frozenset()
        """Of which job and source it draws the findings now."""
        self._spec = spec
        self._supervisor = supervisor
        self._kind = kind
        self._statuses = statuses
        self._owner = owner
        self._report = LiveReport()
        self._error, self._again_ns = "", 0
        """Of the process itself; and when it is there again, on the monotonic clock."""
        self._drawable = _drawable(spec.outputs)
        self._newest: dict[tuple[str, str], Output] = {}
        """The newest result of each job and source that may be drawn, for whoever begins to look."""
        self._decals: dict[tuple[str, str], Output] = {}
        """What belongs to those, as far as it was made: nobody looks, and there is none. One that is to be
        retained, of a chain that draws nothing, belongs to all that come."""
        self._wanted: set[str] = set()
        self._leaving: dict[str, asyncio.TimerHandle] = {}
        self._since_ns: dict[str, int] = {}
        self._told: dict[str, tuple[object, ...]] = {}
        self._shown_urls: set[str] = set()

    @property
    def names(self) -> tuple[str, ...]:
        """Of its outputs."""
        return tuple(output.name for output in self._spec.outputs)

    def looked_at(self, source: str) -> Iterator[OutputSpec]:
        """The outputs of ``source`` that somebody looks at."""
        return (output for output in self._looked_at() if output.source == source)

    def start(self) -> None:
        self._supervisor.start(self.process, self._kind, self)
        self._tell_statuses()

    def stop(self) -> None:
        self._supervisor.stop(self.process)
        for name in tuple(self._leaving):
            self._leaving.pop(name).cancel()
        if self._wanted:
            self._wanted.clear()
            self._settle()

    def apply(self, spec: LiveSpec) -> None:
        """Another specification; the same changes nothing."""
        if spec == self._spec:
            return
        changed = {output.name for output in spec.outputs if output not in self._spec.outputs}
        self._spec = spec
        for name in self._wanted - set(self.names):
            self._forget(name)
        self._drawable = _drawable(spec.outputs)
        self._newest = {pair: output for pair, output in self._newest.items() if pair in self._drawable}
        self._decals = {pair: output for pair, output in self._decals.items() if pair in self._drawable}
        self._send_spec()
        self._send_found(changed & self._wanted)
        self._settle()
        self._tell_statuses()

    def offer(self, source: str, track: FrameTrack | None) -> None:
        """The source has another track, or none."""
        if all(output.source != source for output in self._spec.outputs):
            return
        if track is not None and self.reader in track.wakes:
            self._supervisor.send(self.process, track.offer, track.worker_fds(self.reader))
        else:
            self._supervisor.send(self.process, TrackGone(source))

    def saw(self, output: Output) -> bool:
        """A result, counts or a decal: passed on while somebody looks. False: there was no room for it."""
        pair = (output.job, output.source)
        if pair in self._drawable:
            self._keep(pair, output)
        return pair not in self.drawn or self._supervisor.pass_on(self.process, pack_output(output))

    def _keep(self, pair: tuple[str, str], output: Output) -> None:
        if output.kind is OutputKind.DECAL:
            self._decals[pair] = output
        elif output.kind is not OutputKind.COUNTS:
            self._newest[pair] = output
            decal = self._decals.get(pair)
            if decal is not None and not decal.retain:
                del self._decals[pair]  # it is an older result's

    def publish(self) -> None:
        """All statuses, with fresh counters."""
        self._told.clear()
        self._tell_statuses()

    # ---- the child's owner ----

    def on_start(self, name: str) -> None:
        self._error, self._again_ns = "", 0
        self._send_spec()
        self._send_found(self._wanted)
        for source in {output.source for output in self._looked_at()}:
            self.offer(source, self._owner.track_of(source))

    def on_packet(self, name: str, packet: Packet) -> None:
        for fd in packet.fds:
            os.close(fd)
        message = _DECODER.decode(packet.body)
        if isinstance(message, LiveReport):
            self._take(message)

    def on_exit(self, death: ChildExit, heartbeat: Heartbeat) -> None:
        self._error = "" if death.ordered or not death.wanted else f"its process {death.reason}"
        self._again_ns = self._supervisor.next_start_ns(self.process) if self._error else 0
        self._take(LiveReport())

    def _take(self, report: LiveReport) -> None:
        self._report = report
        wanted = set(report.wanted) & set(self.names)
        for name in wanted & self._leaving.keys():
            self._leaving.pop(name).cancel()
        for name in self._wanted - wanted - self._leaving.keys():
            loop = asyncio.get_running_loop()
            self._leaving[name] = loop.call_later(LINGER_S, self._left, name)
        news = wanted - self._wanted
        if news:
            self._wanted |= news
            self._send_found(news)  # before any frame: the first picture is made as soon as one is there
            self._settle()
        self._show_urls()
        self._tell_statuses()

    def _left(self, name: str) -> None:
        self._forget(name)
        self._settle()

    def _forget(self, name: str) -> None:
        self._wanted.discard(name)
        leaving = self._leaving.pop(name, None)
        if leaving is not None:
            leaving.cancel()

    def _looked_at(self) -> Iterator[OutputSpec]:
        return (output for output in self._spec.outputs if output.name in self._wanted)

    def _settle(self) -> None:
        """Others look now, or at something else."""
        self.drawn = _drawable(self._looked_at())
        self._owner.readers_changed()

    def _send_spec(self) -> None:
        self._supervisor.send(self.process, self._spec)

    def _send_found(self, names: set[str]) -> None:
        """What was found and counted before anybody looked: a single picture shows it, too."""
        for job, source in _drawable(output for output in self._spec.outputs if output.name in names):
            counts = self._owner.counts_of(job, source)
            known = [Output(OutputKind.COUNTS, job, source, counts)] if counts else []
            kept = (self._newest.get((job, source)), self._decals.get((job, source)))
            for output in (*known, *(each for each in kept if each is not None)):
                self._supervisor.pass_on(self.process, pack_output(output))

    # ---- what people are told ----

    def url_of(self, output: OutputSpec) -> str:
        """Where it is to be seen, without login; empty while nothing listens."""
        if output.to == "push":
            return output.redacted_url
        scheme, port = ("rtsp", self._report.rtsp_port)
        if output.to == "mjpeg":
            scheme, port = ("http", self._report.http_port)
        host = platform.node() if self._spec.host in _EVERYWHERE else self._spec.host
        host = f"[{host}]" if ":" in host else host
        return f"{scheme}://{host}:{port}/{output.name}" if port else ""

    def lines(self) -> Iterator[OutputLine]:
        """For people at a terminal."""
        for output, view in self._views():
            state, url = self._state(view), self.url_of(output)
            fps = view.fps if view.encoder else 0.0
            again_s = left_s(view.again_ns)
            yield OutputLine(
                output.name, state, view.viewers, fps, view.size, view.encoder, url, view.error, again_s
            )

    def _views(self) -> Iterator[tuple[OutputSpec, OutputView]]:
        views = {view.name: view for view in self._report.views}
        for output in self._spec.outputs:
            view = views.get(output.name, OutputView(output.name))
            again_ns = view.again_ns or self._again_ns
            yield output, replace(view, error=view.error or self._error, again_ns=again_ns)

    def _show_urls(self) -> None:
        urls = {f"{output.name}: {url}" for output in self._spec.outputs if (url := self.url_of(output))}
        for line in sorted(urls - self._shown_urls):
            log.info("output %s", line)
        self._shown_urls |= urls

    def _tell_statuses(self) -> None:
        for output, view in self._views():
            state = self._state(view)
            url = self.url_of(output)
            news = (state, view.viewers, view.encoder, view.error, view.size, url, view.again_ns)
            told = self._told.get(output.name)
            if told == news:
                continue
            if told is None or told[0] != state:
                self._changed(output.name, state, view.error, is_first=told is None)
            self._told[output.name] = news
            self._statuses.output(output.name, state, self._since_ns[output.name], view, url)

    def _state(self, view: OutputView) -> str:
        if view.error:
            return "retrying"
        if view.encoder:
            return "live"
        return "starting" if view.name in self._report.wanted else "idle"

    def _changed(self, name: str, state: str, error: str, *, is_first: bool) -> None:
        if not is_first or name not in self._since_ns:
            self._since_ns[name] = time.time_ns()
            level = logging.WARNING if error else logging.INFO
            log.log(level, "output %s: %s%s", name, state, f": {error}" if error else "")


def _drawable(outputs: Iterable[OutputSpec]) -> frozenset[tuple[str, str]]:
    """The jobs, each with a source, whose findings may be drawn."""
    return frozenset((job, output.source) for output in outputs for job in output.draw)
