"""Which frames are decoded and copied, given what the jobs of a source need. Pure."""

from __future__ import annotations

from enum import Enum

from edged.model.capturing import Demand
from edged.model.frame import FrameHeader
from edged.model.sampling import is_due


class DecodeMode(Enum):
    EVERY = "every"
    KEYFRAMES = "keyframes"
    GLANCE = "glance"
    """Nobody needs a frame: a keyframe now and then, so that state and size stay known."""


def decode_mode(demand: Demand) -> DecodeMode:
    """What has to be decoded for this demand."""
    if demand.nothing:
        return DecodeMode.GLANCE
    return DecodeMode.KEYFRAMES if demand.keyframes_only else DecodeMode.EVERY


def is_wanted(demand: Demand, frame: FrameHeader) -> bool:
    """Whether some job needs this frame on the track."""
    return demand.every_frame or any(is_due(sampling, frame) for sampling in demand.samplings)
