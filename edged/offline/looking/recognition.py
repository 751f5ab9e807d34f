"""Which algorithm a model is for.

One table, in the order in which it is asked. What a model *may* be is told by the shapes of its outputs; what
it *is*, the algorithm itself decides: it opens the model, or says why it cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edged.algorithm.heads import UNTOLD, describe
from edged.errors import AlgorithmError
from edged.model.messages import JobSpec, LinkSpec
from edged.model.sampling import Sampling
from edged.model.trying import FitCard
from edged.offline.looking.look import Look
from edged.worker.chain import Chain
from edged.worker.opening import Opener, OpenFailed

RAW = "onnx"
"""The algorithm that takes any model."""
_KEYPOINTS = (5, 14, 16, 17, 18, 19, 21, 23, 33, 68, 98, 106, 133)
"""As many as bodies, hands and faces have in the data sets that models are trained on."""
_CLASSES = (19, 21)
"""As many classes as Cityscapes and Pascal VOC have: maps of so many are taken for segmentation."""
_POWERS = tuple(2**power for power in range(6, 13))


@dataclass(frozen=True, slots=True)
class Kind:
    """One row: an algorithm, and whether a model looks like one of its own."""

    algorithm: str
    looks_like: Callable[[Look], bool]
    wants: str
    """For people."""
    tell: Callable[[Look, Mapping[str, Any]], str] | None = None
    """As what the model was recognised; None: as ``wants`` says."""
    on_crops: bool = False
    """It looks at what a detector found; here that is the whole frame."""


def _is_pose(look: Look) -> bool:
    metadata = look.session.metadata
    if "kpt_shape" in metadata or metadata.get("task") == "pose":
        return True
    for shape in look.shapes:
        is_map = len(shape) == 4 and shape[1] in _KEYPOINTS and min(shape[2:]) > 1
        is_map = is_map and shape[1] not in _CLASSES
        is_list = len(shape) >= 3 and shape[-1] in (2, 3) and shape[-2] in _KEYPOINTS
        is_axis = len(shape) == 3 and shape[1] in _KEYPOINTS and len(look.shapes) == 2
        if is_map or is_list or is_axis:
            return True
    return False


def _is_of_faces(look: Look) -> bool:
    """Landmarks beside boxes, or boxes of two classes: a face and none."""
    names = [output.name.lower() for output in look.session.outputs]
    if any("kps" in name or "landm" in name for name in names):
        return True
    return len(look.shapes) == 2 and {shape[-1] for shape in look.shapes} == {2, 4}


def _may_be_boxes(look: Look) -> bool:
    """Not one row whose length is fixed: those are classes, though some heads return rows of boxes."""
    declared = look.session.outputs[0].shape
    return len(look.session.outputs) > 1 or len(declared) > 2 or None in declared


def _is_map(look: Look) -> bool:
    return any(len(shape) >= 3 and sum(size > 1 for size in shape[1:]) >= 2 for shape in look.shapes)


def _is_row(look: Look) -> bool:
    """One number for each of something: classes, or the dimensions of a vector."""
    return len(look.outputs) == 1 and look.outputs[0].size == max(look.shapes[0], default=0)


def _is_vector(look: Look) -> bool:
    """A row that is no probabilities, as long as vectors are: a power of two."""
    if not _is_row(look) or look.outputs[0].size not in _POWERS:
        return False
    return "names" not in look.session.metadata and abs(float(look.outputs[0].sum()) - 1) > 1e-3


def _any(look: Look) -> bool:
    return True


def _head(look: Look, params: Mapping[str, Any]) -> str:
    """``head yolox, 80 classes``"""
    if params.get("head", "auto") != "auto":
        return f"head {params['head']}"
    found = describe(look.session, params.get("input_size")).fitting
    if not found:
        return "a head that its params describe"
    others = f" ({', '.join(one.head.name for one in found[1:])} would fit, too)" if found[1:] else ""
    classes = "" if found[0].classes == UNTOLD else f", {found[0].classes} classes"
    return f"head {found[0].head.name}{classes}{others}"


KINDS: tuple[Kind, ...] = (
    Kind("keypoints", _is_pose, "heat maps or coordinates of 17 (or as many) points"),
    Kind("faces", _is_of_faces, "YuNet (12 outputs) or UltraFace (scores and boxes of two classes)"),
    Kind("detector", _may_be_boxes, "boxes as one of its heads returns them", _head),
    Kind("segmentation", _is_map, "scores of classes for each place, or a map of classes"),
    Kind("embedding", _is_vector, "one vector for a picture", on_crops=True),
    Kind("classifier", _is_row, "one number for each class"),
    Kind(RAW, _any, "any model that takes a picture"),
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """An algorithm that took the model, opened; or why it did not."""

    card: FitCard
    params: Mapping[str, Any]
    chain: Chain | None = None


def recognise(
    look: Look, opener: Opener, params: Mapping[str, Any], algorithm: str = ""
) -> Iterator[Recognised]:
    """Each algorithm's verdict, in order; whoever takes one closes its chain.

    ``params`` beside ``model`` are given to all; with ``algorithm`` it alone is asked, also one of the
    user's own. Raises `AlgorithmError` where one takes the model, but not the params.
    """
    if algorithm:
        known = (kind for kind in KINDS if kind.algorithm == algorithm)
        yield _asked(next(known, Kind(algorithm, _any, "as it was asked for")), look, opener, params)
        return
    for kind in KINDS:
        if not _is_there(kind.algorithm, opener):
            continue
        if look.outputs and not kind.looks_like(look):
            yield Recognised(FitCard(kind.algorithm, False, f"it wants {kind.wants}"), params)
            continue
        yield _asked(kind, look, opener, params)


LINKS = Path(__file__).parent / "links"
"""The folder of algorithms that stand in for what a job has before the one that is tried."""
_WHOLE_FRAME = LinkSpec("whole_frame")


def _job(kind: Kind, params: Mapping[str, Any]) -> JobSpec:
    """The job that runs one algorithm on each frame it is given."""
    link = LinkSpec(kind.algorithm, dict(params))
    return JobSpec(
        "try", ("try",), (_WHOLE_FRAME, link) if kind.on_crops else (link,), Sampling(interval_us=0)
    )


def _asked(kind: Kind, look: Look, opener: Opener, params: Mapping[str, Any]) -> Recognised:
    """Raises `AlgorithmError` where it takes the model, but not what was asked of it."""
    try:
        chain = opener.open(_job(kind, params), "try")
    except OpenFailed as error:
        detail = _why(kind, error, opener, params)
        return Recognised(FitCard(kind.algorithm, False, detail), params)
    detail = kind.wants if kind.tell is None else kind.tell(look, params)
    return Recognised(FitCard(kind.algorithm, True, detail), params, chain)


def _why(kind: Kind, error: OpenFailed, opener: Opener, params: Mapping[str, Any]) -> str:
    param = error.path.partition("params.")[2]
    name = param.partition(".")[0]
    if name == "model":
        return f"{kind.algorithm} takes no model" if error.code == "unknown_key" else str(error)
    if name in params and _takes_model(kind, opener, params):
        raise AlgorithmError(f"{kind.algorithm}: {param}: {error.below_path}", code=error.code) from error
    return f"{param}: {error.below_path}" if param else str(error)


def _takes_model(kind: Kind, opener: Opener, params: Mapping[str, Any]) -> bool:
    try:
        opener.open(_job(kind, {"model": params["model"]}), "try").close()
    except OpenFailed:
        return False
    return True


def _is_there(algorithm: str, opener: Opener) -> bool:
    try:
        opener.catalogue.find(algorithm)
    except AlgorithmError as error:
        return error.code != "algorithm_not_found"
    return True
