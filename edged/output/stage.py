"""One output at work: takes the newest frame, draws, encodes, passes on; in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass

import av.error
import cv2

from edged.errors import EdgedError, TrackError
from edged.model.frame import FrameHeader
from edged.model.live import OutputSpec, OutputView
from edged.model.output import Output
from edged.model.scene import Scene
from edged.output.findings import Findings
from edged.output.making import Maker
from edged.output.pacing import Pace
from edged.output.painting import Painter
from edged.track.reader import Missing, TrackReader

_LOOK_AGAIN_S = 60.0
_STOP_S = 0.3
_DECALS_S = 0.5
"""For the first picture: what algorithms draw themselves is made only since somebody looks."""
_RATE_OVER_S = 2.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Shot:
    header: FrameHeader
    reader: TrackReader


class Stage:
    """`look`, `saw` and the orders are for the main thread; viewers' threads ask for keyframes."""

    def __init__(self, spec: OutputSpec, scene: Scene | None, maker: Maker) -> None:
        self.spec = spec
        self.scene = scene
        self.wanted = False
        self.last_shot_s = 0.0
        """Monotonic time of the newest frame that was taken, or of when it began to be wanted."""
        self._maker = maker
        self._findings = Findings(spec.hold_s)
        self._painter = Painter(spec.size, draws=bool(spec.draw))
        self._pace = Pace(spec.fps)
        self._change = threading.Condition()
        self._shot: _Shot | None = None
        self._keyframe = False
        self._begins = False
        """Nothing was shown yet since somebody looks."""
        self._stopping = False
        self._stalled = False
        self._busy_since_s: float | None = None
        self._view = OutputView(spec.name)
        self._rate = _Rate()
        self._thread = threading.Thread(target=self._work, name=f"output {spec.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Waits a moment; a thread that hangs is left behind."""
        with self._change:
            self._stopping, self._shot = True, None
            self._change.notify()
        self._thread.join(_STOP_S)

    def set_wanted(self, wanted: bool) -> None:  # noqa: FBT001 — a state, named by its method
        """Whether anybody looks."""
        if wanted == self.wanted:
            return
        with self._change:
            self.wanted = wanted
            self._stalled = False
            self._begins = wanted
            self.last_shot_s = time.monotonic()
            self._pace = Pace(self.spec.fps)
            if not wanted:
                self._shot = None
            self._change.notify()

    def stall(self) -> None:
        """No frame comes: let go of the encoder, or the server, until one does."""
        with self._change:
            self._stalled = True
            self._change.notify()

    def want_keyframe(self) -> None:
        """A viewer begins: the next picture can be decoded alone."""
        self._keyframe = True

    def look(self, header: FrameHeader, reader: TrackReader) -> None:
        """A frame that came; the newest that is due waits to be encoded, and no other."""
        if not (self.wanted and self._pace.takes(header.pts_us)):
            return
        with self._change:
            self._shot = _Shot(header, reader)
            self._stalled = False
            self.last_shot_s = time.monotonic()
            self._change.notify()

    def saw(self, output: Output) -> None:
        """What a job found, counted or drew."""
        self._findings.put(output)

    def busy_s(self, now_s: float) -> float:
        """How long it has been at one picture."""
        since_s = self._busy_since_s
        return now_s - since_s if since_s is not None else 0.0

    def view(self) -> OutputView:
        """But for its viewers."""
        view = self._view
        if self._stalled and self.wanted and not (view.error or view.encoder):
            return _failed(view, f"{self.spec.source} sends no pictures now; its status says why")
        return view

    # ---- its own thread ----

    def _work(self) -> None:
        while True:
            with self._change:
                while not (self._shot or self._stopping or self._should_rest()):
                    self._change.wait(_LOOK_AGAIN_S)
                shot, self._shot = self._shot, None
            if self._stopping:
                self._rest()
                return
            if shot is None:
                self._rest()
                continue
            self._busy_since_s = time.monotonic()
            self._show(shot)
            self._busy_since_s = None

    def _should_rest(self) -> bool:
        return (self._stalled or not self.wanted) and bool(self._view.encoder or self._view.error)

    def _rest(self) -> None:
        self._maker.rest()
        view = self._view
        self._view = OutputView(view.name, pictures=view.pictures, bytes=view.bytes, dropped=view.dropped)

    def _show(self, shot: _Shot) -> None:
        if self._begins:
            self._begins = False
            self._findings.wait_for_decals(shot.header, _DECALS_S)
            if self._stopping:
                return
        try:
            window = shot.reader.lease((shot.header.index,))
        except TrackError:
            window = Missing.OVERWRITTEN  # the track was replaced; the next frame comes on another
        if isinstance(window, Missing):
            self._pace = Pace(self.spec.fps)  # the next frame takes its turn, which may be a minute away
            return
        keyframe, self._keyframe = self._keyframe, False
        error, size = "", 0
        try:
            with window:
                outcome, trails = self._findings.on(shot.header)
                pixels = window.frames[0].pixels
                decals = self._findings.decals_on(shot.header)
                layout = shot.header.format
                painting = self._painter.paint(pixels, layout, self.scene, outcome, trails, decals)
                # encoded while it is leased: a plain picture lies on the track still
                size = self._maker.make(painting, shot.header.pts_us, keyframe=keyframe)
        except EdgedError as failure:
            error = str(failure)
        except (av.error.FFmpegError, OSError, ValueError, MemoryError, cv2.error) as failure:
            error = f"cannot be encoded: {getattr(failure, 'strerror', None) or type(failure).__name__}"
            self._maker.rest()
        if error or not size:
            self._view = _failed(self._view, error or self._view.error, self._maker.again_ns)
        else:
            self._note(size, (painting.format.width, painting.format.height))

    def _note(self, size: int, picture: tuple[int, int]) -> None:
        view = self._view
        self._view = OutputView(
            view.name,
            encoder=self._maker.encoder,
            pictures=view.pictures + 1,
            bytes=view.bytes + size,
            size=picture,
            fps=self._rate.count(time.monotonic()),
        )


def _failed(view: OutputView, error: str, again_ns: int = 0) -> OutputView:
    return OutputView(view.name, pictures=view.pictures, bytes=view.bytes, error=error, again_ns=again_ns)


class _Rate:
    """Pictures per second over the last seconds."""

    def __init__(self) -> None:
        self._begin_s = 0.0
        self._count = 0
        self._rate = 0.0

    def count(self, now_s: float) -> float:
        """One more."""
        passed_s = now_s - self._begin_s
        if passed_s > 2 * _RATE_OVER_S:  # it begins, or stood still
            self._begin_s, self._count = now_s, 0
            return self._rate
        self._count += 1
        if passed_s >= _RATE_OVER_S:
            self._rate = self._count / passed_s
            self._begin_s, self._count = now_s, 0
        return self._rate
