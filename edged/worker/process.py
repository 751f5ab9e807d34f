"""The worker: runs everything that is due, in one thread, until it is told to stop.

It sleeps until a track has new frames, main says something, or a job is loaded. Between two runs it
looks for newer frames, so that a run that waits is always about the newest due frame.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import sys
import time
from collections.abc import Callable

import cv2

from edged.model.capturing import TrackOffer
from edged.model.messages import Stop, TrackGone, WorkerSpec
from edged.supervise.channel import Channel, Packet
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.wire import Decoder
from edged.track.feed import Feed, Feeds
from edged.worker.backlog import Backlog
from edged.worker.decals import Decals
from edged.worker.images import Images
from edged.worker.jobs import Jobs
from edged.worker.lane import Due
from edged.worker.loader import Loader
from edged.worker.pictures import Album
from edged.worker.publisher import Publisher
from edged.worker.runner import Runner
from edged.worker.snapshot import Snapshots
from edged.worker.studio import Studio
from edged.worker.surroundings import Surroundings
from edged.worker.tray import Tray

_DECODER = Decoder((WorkerSpec, TrackOffer, TrackGone, Stop))
_IDLE_DEADLINE_S = 5.0
_TICK_NS = 1_000_000_000
_DRAIN_NS = 300_000_000
_LAST_WORDS_S = 0.3
"""For main to take what waits for room in its channel."""
_PACKETS_A_WAKE = 64
_SWITCH_S = 0.0005


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    """Serve until `Stop`. Raises `ChannelClosed` when main is gone."""
    # A run should not wait 5 ms at each step for an `init` that computes in Python beside it.
    sys.setswitchinterval(_SWITCH_S)
    # OpenCV's second thread costs half as much CPU again and saves no time at frames of this size.
    cv2.setNumThreads(1)
    surroundings = Surroundings()
    loader, studio = Loader(heartbeat, surroundings), Studio(heartbeat)
    tray = Tray(channel)
    with select.epoll() as poll:
        worker = Worker(channel, heartbeat, surroundings, loader, studio, tray, poll)
        loader.start()
        tray.start()
        studio.start()
        try:
            worker.run()
        finally:
            heartbeat.beat("stop", 2 * _IDLE_DEADLINE_S)
            worker.close()
            if studio.stop():
                tray.close()
            loader.stop()
            heartbeat.rest()


class Worker:
    """The main thread's part."""

    def __init__(
        self,
        channel: Channel,
        heartbeat: Heartbeat,
        surroundings: Surroundings,
        loader: Loader,
        studio: Studio,
        tray: Tray,
        poll: select.epoll,
    ) -> None:
        self._channel = channel
        self._heartbeat = heartbeat
        self._surroundings = surroundings
        self._loader = loader
        self._album = Album(studio)
        self._snapshots = Snapshots(studio, tray)
        self._decals = Decals(studio.trace, tray.put_decal)
        self._tray = tray
        self._poll = poll
        self._feeds = Feeds(poll)
        self._publisher = Publisher(channel)
        self._jobs = Jobs(
            loader, self._publisher.report, self._publisher.has_numbered, self._publisher.end_lane
        )
        self._runner = Runner(
            heartbeat,
            self._jobs,
            self._publisher,
            self._album,
            self._snapshots,
            Images(studio, tray),
            self._decals,
        )
        self._backlog: Backlog[Due] = Backlog()
        self._tick_ns = 0
        """When the next tick is due."""
        self._tuned = False
        """Since the jobs changed last."""
        self._watched = select.EPOLLIN
        """What the channel is polled for."""
        self._stopping = False
        self._ending: set[str] = set()
        """Sources without a track, of which frames may still wait to be looked at."""

    def run(self) -> None:
        """Until `Stop` came and what was due then is done. Raises `ChannelClosed`."""
        for fd in (self._channel.fileno(), self._loader.wake, self._tray.wake):
            self._poll.register(fd, select.EPOLLIN)
        while not self._stopping:
            self._look()
            due = self._backlog.take()
            if due is not None:
                self._runner.run(due, self._backlog)
        self._drain()

    def close(self) -> None:
        """Hand the chains to the loader to close, and let go of all tracks."""
        self._jobs.close()
        self._feeds.close()

    def _look(self) -> None:
        """Take in what is new; sleep only while nothing waits to be run."""
        now_ns = time.monotonic_ns()
        wait_s = 0.0
        if not self._backlog:
            self._heartbeat.beat("wait", _IDLE_DEADLINE_S)
            wait_s = max(0.0, (self._tick_ns - now_ns) / 1e9)
        self._watch_channel()
        for fd, _ in self._poll.poll(wait_s):
            if fd == self._channel.fileno():
                self._publisher.flush()
                self._tray.deliver()
                self._listen()
            elif fd == self._loader.wake:
                self._take_over()
            elif fd == self._tray.wake:
                self._tray.deliver()
            else:
                feed = self._feeds.woken(fd)
                if feed is not None:
                    self._take_in(feed)
        if time.monotonic_ns() >= self._tick_ns:
            self._tick()

    def _watch_channel(self) -> None:
        """For what main says, and for room in it exactly while something waits for that."""
        is_behind = self._publisher.is_behind or self._tray.waits_for_room
        wanted = select.EPOLLIN | (select.EPOLLOUT if is_behind else 0)
        if wanted != self._watched:
            self._watched = wanted
            self._poll.modify(self._channel.fileno(), wanted)

    def _take_in(self, feed: Feed) -> None:
        """Show the new headers of a track to all lanes of its source."""
        lanes = self._jobs.on(feed.source)
        for header in feed.fresh():
            gap = header.index != feed.last_index + 1
            feed.last_index = header.index
            for lane in lanes:
                lane.look(header, feed, self._backlog, gap=gap)

    def _listen(self) -> None:
        for _ in range(_PACKETS_A_WAKE):
            packet = self._channel.receive()
            if packet is None:
                return
            self._obey(packet)

    def _obey(self, packet: Packet) -> None:
        match _DECODER.decode(packet.body):
            case WorkerSpec() as spec:
                self._apply(spec)
            case TrackOffer() as offer:
                self._accept(offer, packet.fds)
            case TrackGone(source=source):
                self._look_at_the_last_of(source)
                self._feeds.retire(source)
                self._ending.add(source)
            case Stop():
                self._stopping = True

    def _apply(self, spec: WorkerSpec) -> None:
        self._surroundings.show(spec.scenes)
        self._surroundings.continue_numbers(spec.jobs)
        self._publisher.introduce(spec.device, spec.boot, spec.jobs)
        self._publisher.shown = frozenset(spec.shown)
        self._album.settings = spec.pictures
        self._snapshots.apply(spec.snapshots)
        for job in self._jobs.apply(spec, time.monotonic_ns()):
            self._publisher.forget(job)
            self._tuned = False
        self._decals.show(self._publisher.shown, self._jobs.on)

    def _accept(self, offer: TrackOffer, fds: tuple[int, ...]) -> None:
        memfd, wake = fds
        self._look_at_the_last_of(offer.source)
        self._ending.discard(offer.source)  # whatever comes is of another epoch, so it begins anew
        feed = self._feeds.accept(offer, memfd, wake)
        if feed is not None:
            self._take_in(feed)

    def _look_at_the_last_of(self, source: str) -> None:
        """Before a track goes or another takes its place."""
        feed = self._feeds.get(source)
        if feed is not None:
            self._take_in(feed)

    def _take_over(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._loader.wake)
        while (loaded := self._loader.take()) is not None:
            for lane in self._jobs.take_over(loaded, time.monotonic_ns()):
                feed = self._feeds.get(lane.source)
                if feed is not None:
                    lane.catch_up(feed, self._backlog)
            self._tuned = False

    def _tick(self) -> None:
        now_ns = time.monotonic_ns()
        self._tick_ns = now_ns + _TICK_NS
        for stats in self._jobs.stats(now_ns):
            self._publisher.stats(stats)
        self._end_sources()
        self._publisher.tell_sights()
        self._publisher.flush()
        self._tray.deliver()
        self._jobs.retry(now_ns)
        self._feeds.let_go(lambda feed: self._backlog.any(lambda due: due.feed is feed))
        if not self._tuned and self._jobs.settled and self._loader.is_idle:
            self._tuned = True
            _freeze_what_stays()

    def _end_sources(self) -> None:
        waiting = {source for source in self._ending if self._backlog.any(_is_on(source))}
        for source in self._ending - waiting:
            self._publisher.end_source(source)
        self._ending = waiting

    def _drain(self) -> None:
        """Run what came before the stop, as far as there is time: main gives a worker less than a second."""
        for feed in self._feeds:
            self._take_in(feed)
        end_ns = time.monotonic_ns() + _DRAIN_NS
        while (due := self._backlog.take()) is not None and time.monotonic_ns() < end_ns:
            self._runner.run(due, self._backlog)
        self._jobs.end()
        self._publisher.flush(wait_s=_LAST_WORDS_S)
        self._tick()


def _is_on(source: str) -> Callable[[Due], bool]:
    return lambda due: due.lane.source == source


def _freeze_what_stays() -> None:
    """Modules, models and algorithms live as long as their jobs: without them a collection takes no time.

    Those of jobs that are gone must have been let go of by then: what is frozen is never collected.

    Takes 20 ms, once after each change of the jobs.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
