"""Tells main each change of state of the source, once."""

from __future__ import annotations

from dataclasses import replace

from edged.model.capturing import SourceReport, SourceState
from edged.supervise.channel import Channel

_CODECS = {"wrapped_avframe": "generated"}
"""FFmpeg's names that mean nothing to people."""


class Reporter:
    """Remembers what was said, and says it again later when main had no room for it."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._report: SourceReport | None = None
        self._sent = True

    @property
    def state(self) -> SourceState | None:
        return None if self._report is None else self._report.state

    def picture(self, codec: str, width: int, height: int, fps: float, reconnects: int) -> None:
        """Frames come."""
        self._say(
            SourceReport(SourceState.RUNNING, "", _CODECS.get(codec, codec), width, height, fps, reconnects)
        )

    def state_is(self, state: SourceState, error: str = "", *, again_ns: int = 0) -> None:
        """No frames come; what is known of the picture stays. ``again_ns`` as in `SourceReport`."""
        known = self._report or SourceReport(state)
        self._say(replace(known, state=state, error=error, again_ns=again_ns))

    def flush(self) -> None:
        """Send what main had no room for."""
        if not self._sent and self._report is not None:
            self._sent = self._channel.send(self._report)

    def _say(self, report: SourceReport) -> None:
        if report != self._report:
            self._report = report
            self._sent = False
        self.flush()
