"""What is kept of a source outlives it, and keeps nothing else of it alive."""

from __future__ import annotations

import gc
from pathlib import Path

from av import VideoFrame
from av.container import InputContainer

from edged.capture.opening import open_source
from edged.capture.recording.keeping import Keeping
from edged.capture.sources import plan_open
from edged.model.capturing import CaptureSpec
from edged.model.gauges import CaptureGauge
from tests.integration.capture_rig import EVERY, capture, spec
from tests.integration.clips import Clip, make_clip


def reached_from(thing: object) -> list[object]:
    """All that it keeps alive, but for modules and classes and what they hold."""
    found, seen = [thing], {id(thing)}
    for one in found:
        for other in gc.get_referents(one):
            if id(other) not in seen and not isinstance(other, type):
                seen.add(id(other))
                found.append(other)
    return found


def test_a_kept_packet_keeps_no_decoder_alive(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "film.mp4", Clip(frames=30))
    capture = CaptureSpec(0, "cam", str(film), "film.mp4")
    source = open_source(plan_open(capture), capture)
    packet = source.read()
    assert packet is not None
    assert any(isinstance(one, InputContainer) for one in reached_from(packet)), "it is found where it is"
    kept = Keeping(source).keep(packet, 0, keyframe=True)
    assert bytes(kept.packet) == bytes(packet)
    assert not any(isinstance(one, InputContainer) for one in reached_from(kept))
    source.close()


def test_a_capture_keeps_no_picture_that_was_passed_on(tmp_path: Path) -> None:
    film = make_clip(tmp_path / "film.mp4", Clip(frames=200, fps=20))
    gc.collect()
    gc.disable()  # as good as: a capture makes so little that is to be collected that it takes minutes
    try:
        with capture(spec(film, EVERY)) as main:
            main.until(lambda: main.gauge(CaptureGauge.FRAMES) > 60)
            first = [one for one in gc.get_objects() if isinstance(one, VideoFrame) and one.pts == 0]
    finally:
        gc.enable()
    assert not first, "the first picture, which was asked how it is turned"
