"""What the quality of a JPEG costs: bytes, time, and what models see in it afterwards."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from edged.algorithm.frame import Frame
from edged.algorithm.jpeg import JpegFailed, encode_jpeg
from edged.algorithm.runtime import OnBuild
from edged.errors import AlgorithmError, EdgedError
from edged.model.detection import Detection
from edged.model.frame import FrameFormat
from edged.model.jpeg_bench import JpegReport, JpegRequest, JpegRow
from edged.model.messages import Library
from edged.offline.looking.hd_frames import expected_frames, frames_of
from edged.offline.looking.likeness import LikenessTally
from edged.offline.looking.look import look_at
from edged.offline.looking.recognition import LINKS, recognise
from edged.offline.looking.trial import check_file
from edged.worker.chain import Chain
from edged.worker.fault import describe_fault
from edged.worker.opening import Opener

SAMPLINGS = ("4:2:0", "4:4:4")
_TRIES = 3
"""Of encoding each picture, the fastest counts: what else the machine does is not its cost."""
OnStep = Callable[[int, int], None]
"""``on_step(done, total)``, pictures; a total of 0 is not known yet."""


def measure_jpegs(request: JpegRequest, on_build: OnBuild, on_step: OnStep) -> JpegReport:
    """All of it. What is wrong with footage or models is told in the report."""
    try:
        with ExitStack() as opened:
            chains = []
            for model in request.models:
                on_step(0, 0)
                chains.append(_chain_of(Path(model), request.cache, on_build))
                opened.callback(chains[-1].close)
            on_step(0, 0)
            return _measured(request, chains, on_step)
    except (EdgedError, JpegFailed) as error:
        return JpegReport(error=str(error), code=getattr(error, "code", "internal"))
    except OSError as error:
        return JpegReport(error=f"{error.filename}: {error.strerror}", code="not_found")


def _measured(request: JpegRequest, chains: Sequence[Chain], on_step: OnStep) -> JpegReport:
    """Frame by frame, so that only one is in memory."""
    paths = tuple(Path(path) for path in request.footage)
    rows = [
        _Row(quality, sampling, [LikenessTally() for _ in chains])
        for sampling in SAMPLINGS
        for quality in sorted(set(request.qualities))
    ]
    total = expected_frames(paths, request.frames) * len(rows)
    frames = 0
    for frame in frames_of(paths, request.frames):
        before = [_seen(chain, frame) for chain in chains]
        for number, row in enumerate(rows):
            on_step(frames * len(rows) + number, total)
            row.add(frame, chains, before)
        frames += 1
    return JpegReport(frames=frames, rows=tuple(row.told() for row in rows))


@dataclass(slots=True)
class _Row:
    """One quality and sampling, frame by frame."""

    quality: int
    sampling: str
    tallies: list[LikenessTally]
    sizes: list[int] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)

    def add(self, frame: Frame, chains: Sequence[Chain], before: Sequence[Sequence[Detection]]) -> None:
        """``before`` is what each chain saw on the frame itself."""
        encode = encode_jpeg if self.sampling == "4:2:0" else _full
        took_s = math.inf
        for _ in range(_TRIES):
            begun_s = time.perf_counter()
            jpeg = encode(frame, self.quality)
            took_s = min(took_s, time.perf_counter() - begun_s)
        self.times_ms.append(took_s * 1e3)
        self.sizes.append(len(jpeg))
        again = _decoded(jpeg, frame)
        for chain, seen, tally in zip(chains, before, self.tallies, strict=True):
            tally.add(seen, _seen(chain, again))

    def told(self) -> JpegRow:
        return JpegRow(
            self.quality,
            self.sampling,
            round(statistics.fmean(self.sizes)),
            min(self.sizes),
            max(self.sizes),
            round(statistics.median(self.times_ms), 2),
            tuple(tally.told() for tally in self.tallies),
        )


def _full(frame: Frame, quality: int) -> bytes:
    """With all of its colours, 4:4:4."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    encoded, jpeg = cv2.imencode(".jpg", frame.bgr(), options)
    if not encoded:
        raise JpegFailed("OpenCV does not encode it")
    return bytes(jpeg.tobytes())


def _decoded(jpeg: bytes, like: Frame) -> Frame:
    """The picture as whoever receives it sees it: BGR, which our algorithms take as planes again."""
    pixels = cv2.imdecode(np.frombuffer(jpeg, dtype=np.uint8), cv2.IMREAD_COLOR)
    picture = np.asarray(pixels, dtype=np.uint8)
    planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), dtype=np.uint8)
    return like.showing(planes.reshape(-1), FrameFormat(like.width, like.height))


def _seen(chain: Chain, frame: Frame) -> tuple[Detection, ...]:
    try:
        outcome = chain.run((frame,))
    except Exception as error:
        raise EdgedError(describe_fault(error), code="algorithm_failed") from error
    chain.emissions.take()
    return outcome.detections or ()


def _chain_of(model: Path, cache: str, on_build: OnBuild) -> Chain:
    """The algorithm that takes the model and detects. Raises `EdgedError`."""
    check_file(model)
    opener = Opener(Library((str(LINKS),), (str(model.parent),), cache), on_build=on_build)
    look = look_at(opener.sessions.get(str(model)))
    for verdict in recognise(look, opener, {"model": model.name}):
        if verdict.chain is not None and verdict.card.algorithm in ("detector", "faces", "keypoints"):
            return verdict.chain
        if verdict.chain is not None:
            verdict.chain.close()
            break
    raise AlgorithmError(f"{model.name} finds no boxes: give a model of the detector, faces or keypoints")
