"""The thread that writes clips and segments: a disk that is slow, or hangs, holds up nothing else."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from edged.capture.recording.clip import Clip
from edged.capture.recording.kept import Kept
from edged.capture.recording.leftovers import finish_leftovers
from edged.capture.recording.orders import (
    BeginClip,
    Cut,
    EndClip,
    FinishLeftovers,
    Order,
    Orders,
    ProlongClip,
    Record,
)
from edged.capture.recording.post import Post
from edged.capture.recording.segments import Segments

_TICK_S = 0.25
_STILL_SLOW_NS = 10_000_000_000
_LATE_NS = 1_000_000_000
"""So long after its end a clip ends though no packet came that tells."""


class Writing:
    """Started by the first `start`. Not joined for ever: what it leaves, the next capture finishes."""

    def __init__(self, post: Post) -> None:
        self.orders = Orders()
        self._post = post
        self._clips: dict[int, Clip] = {}
        self._segments: Segments | None = None
        self._recording: Record | None = None
        self._thread: threading.Thread | None = None
        self._busy_ns = 0
        self._lost = 0
        """By segments that are no more."""

    @property
    def busy_ns(self) -> int:
        """Monotonic: since when it has been at one order; 0: it waits."""
        return self._busy_ns

    @property
    def lost(self) -> int:
        """Packets that were to be recorded, and are not."""
        return self.orders.refused + self._lost + (0 if self._segments is None else self._segments.lost)

    def start(self) -> None:
        """Harmless when it runs."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="recording", daemon=True)
            self._thread.start()

    def put(self, order: Order) -> None:
        """As `Orders.put`, if it was started: else there is nothing that could end."""
        if self._thread is not None:
            self.orders.put(order)

    def stop(self, within_s: float) -> None:
        """End all files, unless the disk takes longer."""
        self.orders.close()
        if self._thread is not None:
            self._thread.join(within_s)

    def _run(self) -> None:
        while True:
            is_open = bool(self._clips) or (self._segments is not None and self._segments.is_open)
            order = self.orders.take(_TICK_S if is_open else None)
            self._busy_ns = time.monotonic_ns()
            if order is not None:
                self._do(order)
            elif self.orders.closed:
                self._end_all()
                return
            self._tick(time.monotonic_ns())
            self._busy_ns = 0

    def _do(self, order: Order) -> None:
        match order:
            case Kept():
                self._take(order)
            case BeginClip():
                self._clips[order.request.id] = clip = Clip(order.request)
                clip.begin(order.backlog)
            case ProlongClip() if order.request.id in self._clips:
                self._clips[order.request.id].prolong(order.request)
            case EndClip() if order.id in self._clips:
                self._clips[order.id].is_over = True
            case Record():
                self._record(order)
            case Cut():
                self._cut()
            case FinishLeftovers():
                for report in finish_leftovers(Path(order.folder)):
                    self._post.clip(report)
            case _:
                pass  # of a clip that is over

    def _take(self, kept: Kept) -> None:
        for clip in self._clips.values():
            clip.take(kept)
        if self._segments is not None:
            self._segments.take(kept)

    def _record(self, order: Record) -> None:
        if self._segments is not None:
            self._segments.cut()
            self._lost += self._segments.lost
        self._segments = None
        if order.recording is not None:
            self._segments = Segments(Path(order.folder), order.recording.segment_s, self._say)

    def _cut(self) -> None:
        for clip in self._clips.values():
            clip.is_over = True
        if self._segments is not None:
            self._segments.cut()

    def _tick(self, now_ns: int) -> None:
        for clip in self._clips.values():
            clip.sync_if_due(now_ns)
            if self.orders.is_empty and now_ns > clip.end_ns + _LATE_NS:
                clip.is_over = True
        for number in [number for number, clip in self._clips.items() if clip.is_over]:
            self._post.clip(self._clips.pop(number).finish())
        if self._segments is not None:
            self._segments.sync_if_due(now_ns)

    def _say(self, error: str) -> None:
        """Too slow a disk is not well again with the next write."""
        if error or time.monotonic_ns() - self.orders.refused_ns > _STILL_SLOW_NS:
            self._post.recorder(error)

    def _end_all(self) -> None:
        self._cut()
        self._tick(time.monotonic_ns())
