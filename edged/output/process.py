"""The process of live pictures: shows frames to the outputs that are looked at, and says which those are."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from dataclasses import replace

import cv2

from edged.errors import EdgedError
from edged.model.capturing import TrackOffer
from edged.model.live import LiveReport, LiveSpec, OutputSpec, OutputView
from edged.model.messages import Stop, TrackGone
from edged.model.output import unpack_output
from edged.output.making import Maker
from edged.output.push import CONNECT_S, PushMaker
from edged.output.serving import Serving
from edged.output.stage import Stage
from edged.supervise.channel import RAW, Channel, Packet
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.wire import Decoder
from edged.track.feed import Feed, Feeds

STALL_S = 10.0
"""Without a frame for so long, and players are sent away."""
_DECODER = Decoder((LiveSpec, TrackOffer, TrackGone, Stop))
_TICK_S = 1.0
_IDLE_DEADLINE_S = 2 * CONNECT_S
"""Longer than any push may hold the interpreter: that has a lane of its own."""
_HUNG_S = 30.0
_PACKETS_A_WAKE = 64


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    """Serve until `Stop`. Raises `ChannelClosed` when main is gone."""
    cv2.setNumThreads(1)
    sys.setswitchinterval(0.001)
    with select.epoll() as poll:
        broadcast = Broadcast(channel, heartbeat, poll)
        try:
            broadcast.run()
        finally:
            heartbeat.beat("stop", _IDLE_DEADLINE_S)
            broadcast.close()
            heartbeat.rest()


class Broadcast:
    """The main thread's part."""

    def __init__(self, channel: Channel, heartbeat: Heartbeat, poll: select.epoll) -> None:
        self._channel = channel
        self._heartbeat = heartbeat
        self._poll = poll
        self._feeds = Feeds(poll)
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._serving = Serving(self._woken, self._keyframe_wanted)
        self._stages: dict[str, Stage] = {}
        self._spec: LiveSpec | None = None
        self._told: LiveReport | None = None
        self._tick_s = 0.0
        self._stopping = False

    def run(self) -> None:
        """Until `Stop` came. Raises `ChannelClosed`, and EdgedError where an encoder hangs."""
        self._poll.register(self._channel.fileno(), select.EPOLLIN)
        self._poll.register(self._wake, select.EPOLLIN)
        while not self._stopping:
            self._heartbeat.beat("wait", _IDLE_DEADLINE_S)
            wait_s = max(0.0, self._tick_s - time.monotonic())
            for fd, _ in self._poll.poll(wait_s):
                self._serve(fd)
            if time.monotonic() >= self._tick_s:
                self._tick(time.monotonic())

    def close(self) -> None:
        """Say goodbye to all viewers and let go of all tracks."""
        for stage in self._stages.values():
            stage.stop()
        self._serving.close()
        self._feeds.close()

    def _serve(self, fd: int) -> None:
        if fd == self._channel.fileno():
            for _ in range(_PACKETS_A_WAKE):
                packet = self._channel.receive()
                if packet is None:
                    return
                self._obey(packet)
        elif fd == self._wake:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)
            self._look_who_is_there()
        else:
            feed = self._feeds.woken(fd)
            if feed is not None:
                self._take_in(feed)

    def _obey(self, packet: Packet) -> None:
        if packet.kind == RAW:
            output = unpack_output(packet.body)
            for stage in self._stages.values():
                if stage.spec.source == output.source:
                    stage.saw(output)
            return
        match _DECODER.decode(packet.body):
            case LiveSpec() as spec:
                self._apply(spec)
            case TrackOffer() as offer:
                feed = self._feeds.accept(offer, *packet.fds)
                if feed is not None:
                    self._take_in(feed)
            case TrackGone(source=source):
                self._feeds.retire(source)
            case Stop():
                self._stopping = True

    def _take_in(self, feed: Feed) -> None:
        stages = [stage for stage in self._stages.values() if stage.spec.source == feed.source]
        for header in feed.fresh():
            feed.last_index = header.index
            for stage in stages:
                stage.look(header, feed.reader)

    def _apply(self, spec: LiveSpec) -> None:
        self._spec = spec
        wanted = {output.name: output for output in spec.outputs}
        for name in [name for name, stage in self._stages.items() if stage.spec != wanted.get(name)]:
            self._stages.pop(name).stop()
        self._serving.apply(spec)
        for output in spec.outputs:
            scene = spec.scenes.get(output.source) if output.draw else None
            stage = self._stages.get(output.name)
            if stage is None:
                stage = self._stages[output.name] = Stage(output, scene, self._maker_for(output))
                stage.start()
            stage.scene = scene
        self._look_who_is_there()

    def _maker_for(self, output: OutputSpec) -> Maker:
        if output.to == "push":
            return PushMaker(output, self._beat)
        return self._serving.maker_for(output)

    def _beat(self, phase: str, for_s: float, lane: int) -> None:
        if phase:
            self._heartbeat.beat(phase, for_s, lane=lane)
        else:
            self._heartbeat.rest(lane=lane)

    def _look_who_is_there(self) -> None:
        for name, stage in self._stages.items():
            stage.set_wanted(stage.spec.to == "push" or self._serving.viewers.get(name, 0) > 0)
        self._report()

    def _tick(self, now_s: float) -> None:
        self._tick_s = now_s + _TICK_S
        self._serving.look_after(now_s)
        self._feeds.let_go(lambda _: False)
        for name, stage in self._stages.items():
            if stage.busy_s(now_s) > _HUNG_S:
                raise EdgedError(f"the encoder of {name} hangs")
            if stage.wanted and now_s - stage.last_shot_s > STALL_S:
                stage.last_shot_s = now_s
                stage.stall()
                self._serving.disconnect(name)
        self._report()

    def _report(self) -> None:
        """What is not news is not said."""
        wanted = tuple(name for name, stage in self._stages.items() if stage.wanted)
        views = tuple(map(self._view_of, self._stages.values()))
        report = LiveReport(self._serving.rtsp_port, self._serving.http_port, wanted, views)
        if report != self._told and self._channel.send(report):
            self._told = report

    def _view_of(self, stage: Stage) -> OutputView:
        view, spec = stage.view(), stage.spec
        if spec.to == "push":
            return replace(view, viewers=int(bool(view.encoder)))
        error = view.error or self._serving.errors.get(spec.to, "")
        viewers, dropped = self._serving.playing(spec.name), self._serving.dropped(spec.name)
        return replace(view, viewers=viewers, dropped=dropped, error=error)

    # ---- other threads ----

    def _woken(self) -> None:
        os.eventfd_write(self._wake, 1)

    def _keyframe_wanted(self, name: str) -> None:
        stage = self._stages.get(name)
        if stage is not None:
            stage.want_keyframe()
