"""A head that a user wrote: a function in an allowed folder, as DeepStream's custom parser is.

::

    def my_head(
        outputs: list[np.ndarray],   # all outputs of the model, in its order, batch of one included
        width: int, height: int,     # of the picture that the model was given, in pixels
        score: float,                # boxes below it may be left out
    ):
        return boxes, scores, class_ids   # (n, 4) x_min, y_min, x_max, y_max in pixels, (n,), (n,)
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edged.algorithm.color import Color
from edged.algorithm.frame import Anchor, Fit
from edged.algorithm.heads.head import UNTOLD, Candidates, Head
from edged.algorithm.heads.signature import Outputs, Signature
from edged.algorithm.image_input import Scaling
from edged.algorithm.importing import place_of
from edged.errors import AlgorithmError

HeadFunction = Callable[..., Any]
_MEND = "return boxes (n, 4) in pixels of the model's input, scores (n,) and class ids (n,)"


def own_head(name: str, function: HeadFunction) -> Head:
    """The head that ``function``, called ``name`` in the spec, is.

    The picture is RGB, 0-1, letterboxed in the middle, unless the job's params say otherwise.
    """
    return Head(
        name=name,
        output="any",
        color=Color.RGB,
        scaling=Scaling(1 / 255),
        fit=Fit.LETTERBOX,
        anchor=Anchor.CENTER,
        classes=_any_classes,
        decode=functools.partial(_decode, name, function),
        labels=(),
    )


def _any_classes(model: Signature) -> int:
    return UNTOLD


def _decode(name: str, function: HeadFunction, outputs: Outputs, score: float) -> Candidates:
    try:
        returned = function(list(outputs.arrays), outputs.width, outputs.height, score)
    except Exception as error:
        place = place_of(error, Path(inspect.getsourcefile(function) or ""))
        raise AlgorithmError(f"head {name} failed at {place}: {type(error).__name__}: {error}") from error
    try:
        boxes, scores, label_ids = (np.asarray(part, dtype=np.float64) for part in returned)
    except (TypeError, ValueError) as error:
        raise AlgorithmError(f"head {name} returned {_look(returned)}: {_MEND}") from error
    boxes = boxes.reshape(-1, 4) if boxes.size == 0 else boxes
    number = len(boxes) if boxes.ndim else 0
    if (boxes.shape, scores.shape, label_ids.shape) != ((number, 4), (number,), (number,)):
        raise AlgorithmError(f"head {name} returned {_look(returned)}: {_MEND}")
    if not all(np.isfinite(part).all() for part in (boxes, scores, label_ids)):
        raise AlgorithmError(f"head {name} returned NaN or infinite numbers: leave such boxes out")
    if number and label_ids.min() < 0:
        raise AlgorithmError(f"head {name} returned class {label_ids.min():.0f}: the first class is 0")
    found = Candidates(boxes.astype(np.float32), scores.astype(np.float32), label_ids.astype(np.intp))
    return found[found.scores >= score]


def _look(returned: Any) -> str:
    """What came back, for people."""
    if isinstance(returned, tuple | list):
        parts = (f"{type(part).__name__} {np.shape(part)}" for part in returned[:5] if _has_shape(part))
        return f"{len(returned)} parts ({', '.join(parts)})"
    return f"a {type(returned).__name__}"


def _has_shape(part: Any) -> bool:
    try:
        np.shape(part)
    except ValueError:
        return False
    return True
