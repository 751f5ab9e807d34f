"""The two servers that viewers come to, and who looks at what."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edged.errors import EdgedError
from edged.model.live import LiveSpec, OutputSpec
from edged.output.h264 import Coded, H264Encoder
from edged.output.making import H264Maker, JpegMaker
from edged.output.mjpeg import MjpegServer
from edged.output.rtp.nal import ParameterSets, split_annex_b
from edged.output.rtsp import Login, RtspServer, StreamFacts

_AGAIN_S = 5.0

log = logging.getLogger(__name__)


class Serving:
    """Has each server that the specification needs. One that cannot listen is tried again."""

    def __init__(self, on_change: Callable[[], None], on_keyframe_wanted: Callable[[str], None]) -> None:
        """Both are called from the servers' threads."""
        self.viewers: dict[str, int] = {}
        """Of each output that was ever looked at; single items are written by the servers' threads."""
        self.errors: dict[str, str] = {}
        """By kind of output (rtsp, mjpeg): why nothing listens."""
        self._on_change = on_change
        self._on_keyframe_wanted = on_keyframe_wanted
        self._spec: LiveSpec | None = None
        self._rtsp: RtspServer | None = None
        self._mjpeg: MjpegServer | None = None
        self._again_s = 0.0

    @property
    def rtsp_port(self) -> int:
        """0: it does not listen."""
        return self._rtsp.port if self._rtsp is not None else 0

    @property
    def http_port(self) -> int:
        """0: it does not listen."""
        return self._mjpeg.port if self._mjpeg is not None else 0

    def apply(self, spec: LiveSpec) -> None:
        """Listen where it says; viewers stay unless the address or the login is another."""
        before, self._spec = self._spec, spec
        if before is not None and _place(before) != _place(spec):
            self.close()
        self._again_s = 0.0
        self.look_after(0.0)
        if self._rtsp is not None:
            self._rtsp.set_paths(_names(spec, "rtsp"))
        if self._mjpeg is not None:
            self._mjpeg.set_paths(_names(spec, "mjpeg"))

    def look_after(self, now_s: float) -> None:
        """Called now and then: start what should listen and does not, stop what should not."""
        spec = self._spec
        if spec is None:
            return
        if self._rtsp is not None and not self._rtsp.running:
            raise EdgedError("the RTSP server ended by itself")
        if not _names(spec, "rtsp"):
            self._close_rtsp()
        if not _names(spec, "mjpeg"):
            self._close_mjpeg()
        if now_s >= self._again_s:
            self._again_s = now_s + _AGAIN_S
            self._start(spec)

    def disconnect(self, name: str) -> None:
        """No picture comes: players try again by themselves. Browsers would not, and stay."""
        if self._rtsp is not None:
            self._rtsp.dismiss(name)

    def close(self) -> None:
        """Say goodbye to all."""
        self._close_rtsp()
        self._close_mjpeg()

    def maker_for(self, spec: OutputSpec) -> H264Maker | JpegMaker:
        """What makes an output that is served, and gives it to its server."""
        if spec.to == "mjpeg":
            return JpegMaker(spec, lambda jpeg: self._give_jpeg(spec.name, jpeg))
        return H264Maker(spec, lambda coded, encoder: self._give_coded(spec, coded, encoder))

    def dropped(self, name: str) -> int:
        """Pictures that viewers were too slow for."""
        of_rtsp = self._rtsp.view(name).dropped if self._rtsp is not None else 0
        return of_rtsp + (self._mjpeg.dropped.get(name, 0) if self._mjpeg is not None else 0)

    def playing(self, name: str) -> int:
        """Viewers that see pictures: `viewers` also counts those that are about to."""
        if self._rtsp is not None and self._spec is not None and name in _names(self._spec, "rtsp"):
            return self._rtsp.view(name).viewers
        return self.viewers.get(name, 0)

    def _start(self, spec: LiveSpec) -> None:
        login = Login(spec.username, spec.password) if spec.password else None
        if self._rtsp is None and _names(spec, "rtsp"):
            rtsp = RtspServer(
                spec.host,
                spec.rtsp_port,
                login=login,
                on_viewers=self._looked_at,
                on_keyframe_wanted=self._on_keyframe_wanted,
            )
            if self._listens("rtsp", rtsp.start):
                self._rtsp = rtsp
                rtsp.set_paths(_names(spec, "rtsp"))
        if self._mjpeg is None and _names(spec, "mjpeg"):
            mjpeg = MjpegServer(spec.host, spec.http_port, login=login, on_viewers=self._looked_at)
            if self._listens("mjpeg", mjpeg.start):
                self._mjpeg = mjpeg
                mjpeg.set_paths(_names(spec, "mjpeg"))

    def _listens(self, kind: str, start: Callable[[], None]) -> bool:
        try:
            start()
        except EdgedError as error:
            if self.errors.get(kind) != str(error):
                log.error("%s", error)
            self.errors[kind] = str(error)
            return False
        self.errors.pop(kind, None)
        return True

    def _close_rtsp(self) -> None:
        rtsp, self._rtsp = self._rtsp, None
        if rtsp is not None:
            rtsp.close()

    def _close_mjpeg(self) -> None:
        mjpeg, self._mjpeg = self._mjpeg, None
        if mjpeg is not None:
            mjpeg.close()

    # ---- other threads ----

    def _looked_at(self, name: str, count: int) -> None:
        self.viewers[name] = count
        self._on_change()

    def _give_coded(self, spec: OutputSpec, coded: Coded, encoder: H264Encoder) -> None:
        rtsp = self._rtsp
        if rtsp is None:
            return
        if coded.keyframe:
            sets = ParameterSets.among(split_annex_b(coded.data))
            if sets is not None:
                layout = encoder.layout
                info = StreamFacts(sets.sps, sets.pps, layout.width, layout.height, spec.fps)
                rtsp.describe(spec.name, info)
        rtsp.give(spec.name, coded.data, coded.pts, keyframe=coded.keyframe)

    def _give_jpeg(self, name: str, jpeg: bytes) -> None:
        mjpeg = self._mjpeg
        if mjpeg is not None:
            mjpeg.give(name, jpeg)


def _names(spec: LiveSpec, to: str) -> list[str]:
    return [output.name for output in spec.outputs if output.to == to]


def _place(spec: LiveSpec) -> tuple[object, ...]:
    return spec.host, spec.rtsp_port, spec.http_port, spec.username, spec.password
