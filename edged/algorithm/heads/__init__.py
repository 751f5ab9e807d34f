"""Heads: what the numbers that a detector's model returns mean. One small file each."""

from edged.algorithm.heads.feeding import Feeding
from edged.algorithm.heads.head import UNTOLD, Candidates, Head
from edged.algorithm.heads.own import own_head
from edged.algorithm.heads.priors import PRESETS, PriorMap, PriorMaps
from edged.algorithm.heads.registry import (
    HEADS,
    Description,
    Fitting,
    describe,
    fitting,
    recognise,
)
from edged.algorithm.heads.signature import Outputs, Signature
from edged.algorithm.heads.ssd import with_priors

__all__ = [
    "HEADS",
    "PRESETS",
    "UNTOLD",
    "Candidates",
    "Description",
    "Feeding",
    "Fitting",
    "Head",
    "Outputs",
    "PriorMap",
    "PriorMaps",
    "Signature",
    "describe",
    "fitting",
    "own_head",
    "recognise",
    "with_priors",
]
