"""PROCESS, short-lived: makes the film that `edged bench` plays where it is given none."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import av.error

from edged.model.bench import FilmReport, FilmRequest
from edged.supervise.channel import Channel
from edged.supervise.child import serve
from edged.supervise.heartbeat import Heartbeat
from edged.supervise.wire import Decoder

WIDTH, HEIGHT, RATE = 1920, 1080, 30
_PICTURE = f"testsrc2=size={WIDTH}x{HEIGHT}:rate={RATE},noise=alls=2:allf=t,format=yuv420p"
"""The noise is a sensor's: without it a film of shapes decodes faster than any camera's."""
_CODING = {"preset": "veryfast", "crf": "28", "g": str(2 * RATE), "threads": "0"}
_ASKED_WITHIN_S = 10.0
_A_FRAME_S = 30.0


def run(channel: Channel, heartbeat: Heartbeat) -> None:
    """Answer one `FilmRequest` with a `FilmReport`."""
    packet = channel.receive(wait_s=_ASKED_WITHIN_S)
    if packet is None:
        return
    request = Decoder([FilmRequest]).decode(packet.body)
    if isinstance(request, FilmRequest):
        with heartbeat.doing("encode", _A_FRAME_S, lane=0):
            report = _answer(request, heartbeat)
        channel.send(report, wait_s=1.0)


def _answer(request: FilmRequest, heartbeat: Heartbeat) -> FilmReport:
    path = Path(request.path)
    part = path.with_name(f"{path.stem}.part{path.suffix}")
    try:
        frames = make(part, round(request.seconds * RATE), heartbeat)
        part.replace(path)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        part.unlink(missing_ok=True)
        return FilmReport(error=str(error))
    return FilmReport(frames=frames)


def make(path: Path, frames: int, heartbeat: Heartbeat) -> int:
    """Encode ``frames`` pictures to ``path``; returns how many."""
    with av.open(_PICTURE, format="lavfi") as source, av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=RATE, options=_CODING)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        made = 0
        for picture in source.decode(video=0):
            if made == frames:
                break
            heartbeat.extend(_A_FRAME_S)
            picture.pts, picture.time_base = made, Fraction(1, RATE)
            film.mux(stream.encode(picture))
            made += 1
        film.mux(stream.encode(None))
    return made


if __name__ == "__main__":
    serve(run)
