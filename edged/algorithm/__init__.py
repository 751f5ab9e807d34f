"""The API that algorithms are written against: what ``algos/`` and users' own files import."""

from edged.algorithm.adapter import BaseAlgoAdapter, adapt
from edged.algorithm.background import Background, Movement
from edged.algorithm.base import Algorithm, AlgorithmParams, BaseAlgo, FrameInfo
from edged.algorithm.batched import Batched, Prepared
from edged.algorithm.color import Color
from edged.algorithm.context import Context, TrackIds
from edged.algorithm.frame import WHOLE, Anchor, Box, Fit, Frame, Picture
from edged.algorithm.image_input import ImageInput, Scaling
from edged.algorithm.loading import Catalogue
from edged.algorithm.params import ParamsInvalid, blame, parse_params
from edged.algorithm.session import Session, Sessions, Tensor
from edged.algorithm.values import jsonable
from edged.errors import AlgorithmError
from edged.model.detection import Detection, Outcome

__all__ = [
    "WHOLE",
    "Algorithm",
    "AlgorithmError",
    "AlgorithmParams",
    "Anchor",
    "Background",
    "BaseAlgo",
    "BaseAlgoAdapter",
    "Batched",
    "Box",
    "Catalogue",
    "Color",
    "Context",
    "Detection",
    "Fit",
    "Frame",
    "FrameInfo",
    "ImageInput",
    "Movement",
    "Outcome",
    "ParamsInvalid",
    "Picture",
    "Prepared",
    "Scaling",
    "Session",
    "Sessions",
    "Tensor",
    "TrackIds",
    "adapt",
    "blame",
    "jsonable",
    "parse_params",
]
