"""Results that are not kept here: to standard output, or to main, which publishes them."""

from __future__ import annotations

from edged.errors import EdgedError
from edged.model.analyzing import AnalysisRequest, VideoFile
from edged.model.output import Output, OutputKind, pack_output
from edged.offline.journal import Done, write_all
from edged.offline.sinks.piece import Piece
from edged.offline.sinks.tail import Tail
from edged.offline.sinks.text import encode, header
from edged.supervise.channel import Channel

STDOUT = 1
_MAIN_S = 120.0
"""Main takes nothing for so long only if its broker does: then it has given up itself."""


class StreamSink:
    """To a descriptor, as it comes; whoever reads it slowly is waited for."""

    def __init__(self, request: AnalysisRequest, fd: int = STDOUT) -> None:
        self._form = request.form
        self._fd = fd

    def prepare(self) -> bool:
        return True

    def clear(self) -> None:
        """Raises OSError, as all that writes here; BrokenPipeError when nobody reads any more."""
        write_all(self._fd, header(self._form))

    def begin(self, video: VideoFile) -> Tail | Done:
        return Tail(0)

    def begin_again(self) -> None:
        """There is nothing to take back."""

    def write(self, piece: Piece) -> None:
        write_all(self._fd, encode(self._form, piece))

    def end(self, done: Done) -> None:
        """It went out already."""

    def finish(self, *, all_done: bool) -> None:
        """It went out already."""


class ChannelSink:
    """To main, which publishes them; its pace is the broker's."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def prepare(self) -> bool:
        """Main has connected already."""
        return True

    def clear(self) -> None:
        """There is nothing old."""

    def begin(self, video: VideoFile) -> Tail | Done:
        return Tail(0)

    def begin_again(self) -> None:
        """There is nothing to take back."""

    def write(self, piece: Piece) -> None:
        kind = OutputKind.EVENT if piece.is_event else OutputKind.RESULT
        packet = pack_output(Output(kind, piece.job, piece.source, piece.text, piece.seq, qos=1))
        if not self._channel.send_raw(packet, wait_s=_MAIN_S):
            raise EdgedError("the broker takes no more results", code="timeout")

    def end(self, done: Done) -> None:
        """Main waits for the acknowledgements at the end."""

    def finish(self, *, all_done: bool) -> None:
        """Main waits for the acknowledgements at the end."""
