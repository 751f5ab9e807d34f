"""The frame tracks that a process reads: one current one for each source."""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Callable, Iterator

from edged.model.capturing import TrackOffer
from edged.model.frame import FrameHeader
from edged.track.reader import TrackReader


class Feed:
    """One generation of a source's frame track, its wake-up, and how far it was looked at."""

    def __init__(self, offer: TrackOffer, reader: TrackReader, wake: int, last_index: int) -> None:
        self.source = offer.source
        self.generation = offer.generation
        self.reader = reader
        self.wake = wake
        """An eventfd, non-blocking; owned."""
        self.last_index = last_index
        """Of the newest frame looked at; -1: none yet."""

    def fresh(self) -> tuple[FrameHeader, ...]:
        """The frames that came since the last call, oldest first; the caller moves `last_index`."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self.wake)  # before looking, or a frame written in between would be slept over
        return self.reader.headers(self.last_index)

    def close(self) -> None:
        self.reader.close()
        os.close(self.wake)


class Feeds:
    """Feeds by source, registered with a poll. Those that are replaced live until nobody needs them."""

    def __init__(self, poll: select.epoll) -> None:
        self._poll = poll
        self._current: dict[str, Feed] = {}
        self._by_wake: dict[int, Feed] = {}
        self._retired: list[Feed] = []

    def __iter__(self) -> Iterator[Feed]:
        return iter(tuple(self._current.values()))

    def get(self, source: str) -> Feed | None:
        return self._current.get(source)

    def woken(self, fd: int) -> Feed | None:
        """The feed whose wake-up ``fd`` is; None for one that was replaced since."""
        return self._by_wake.get(fd)

    def accept(self, offer: TrackOffer, memfd: int, wake: int) -> Feed | None:
        """Read this generation from now on; takes both descriptors.

        None when it is not newer than the current one. Raises `TrackError` when the memory is not
        what the offer says.
        """
        before = self._current.get(offer.source)
        if before is not None and before.generation >= offer.generation:
            os.close(memfd)
            os.close(wake)
            return None
        try:
            reader = TrackReader(memfd, offer.format, offer.slots).open()
        except BaseException:
            os.close(wake)
            raise
        os.set_blocking(wake, False)
        feed = Feed(offer, reader, wake, before.last_index if before is not None else -1)
        self.retire(offer.source)
        self._current[offer.source] = feed
        self._by_wake[wake] = feed
        self._poll.register(wake, select.EPOLLIN)
        return feed

    def retire(self, source: str) -> None:
        """The source's track will not be written again; it stays open until `let_go`."""
        feed = self._current.pop(source, None)
        if feed is not None:
            self._poll.unregister(feed.wake)
            del self._by_wake[feed.wake]
            self._retired.append(feed)

    def let_go(self, needed: Callable[[Feed], bool]) -> None:
        """Close the retired feeds that are not ``needed`` any more."""
        if self._retired:
            for feed in self._retired:
                if not needed(feed):
                    feed.close()
            self._retired = [feed for feed in self._retired if needed(feed)]

    def close(self) -> None:
        for source in tuple(self._current):
            self.retire(source)
        self.let_go(lambda _: False)
