"""From packets to pictures, in full or keyframes only."""

from __future__ import annotations

import logging
import time

import av.error
from av import Packet, VideoFrame
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from edged.capture.counters import Counters
from edged.model.gauges import CaptureGauge

_LEAD_IN = 500
"""Packets after which a stream without keyframes is decoded from anywhere."""
_LOG_EVERY_S = 60.0

log = logging.getLogger("edged.capture")


class Decoder:
    """Decodes one opened stream. Between full and keyframes only it changes at keyframes: in the
    middle of a group the pictures would be wrong without saying so."""

    def __init__(self, context: VideoCodecContext, counters: Counters, *, keyframes_only: bool) -> None:
        self._context = context
        self._counters = counters
        self._keyframes_only = keyframes_only
        self.keyframes_only = keyframes_only
        """What is wanted; it holds from the next keyframe on."""
        self._lead_in = _LEAD_IN
        self._errors = 0
        self._logged_s = -_LOG_EVERY_S

    @property
    def between_keyframes(self) -> bool:
        """Whether nothing is held back and any keyframe may be left out."""
        return self._keyframes_only and self.keyframes_only

    @property
    def awaits_keyframe(self) -> bool:
        """Whether nothing but a keyframe would be decoded next."""
        return self._keyframes_only or self._lead_in > 0

    def passes_over(self, *, keyframe: bool) -> bool:
        """Whether the next packet is not for decoding."""
        if keyframe:
            self._lead_in = 0
            return False
        self._lead_in = max(self._lead_in - 1, 0)
        return self.awaits_keyframe

    def decode(self, packet: Packet[VideoStream], *, keyframe: bool) -> list[VideoFrame]:
        """The pictures that are complete now, in the order they are shown. Errors are counted."""
        frames: list[VideoFrame] = []
        if keyframe and self._keyframes_only is not self.keyframes_only:
            frames = self.drain()
            self._keyframes_only = self.keyframes_only
        frames += self._send(packet)
        if self._keyframes_only:
            frames += self.drain()
        return frames

    def drain(self) -> list[VideoFrame]:
        """The pictures that were held back; afterwards only a keyframe can follow."""
        frames = self._send(None)
        self._context.flush_buffers()
        return frames

    def _send(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        start_ns = time.thread_time_ns()
        try:
            frames = self._context.decode(packet)
        except av.error.EOFError:  # drained twice
            return []
        except av.error.FFmpegError as error:
            self._complain(error)
            return []
        self._counters.add(CaptureGauge.DECODE_NS, time.thread_time_ns() - start_ns)
        self._counters.add(CaptureGauge.DECODED, len(frames))
        return frames

    def _complain(self, error: av.error.FFmpegError) -> None:
        self._errors += 1
        now_s = time.monotonic()
        if now_s - self._logged_s >= _LOG_EVERY_S:
            self._logged_s = now_s
            log.warning("%d packets could not be decoded so far: %s", self._errors, error.strerror)
