"""Every head there is, and which one a model has."""

from __future__ import annotations

from dataclasses import dataclass

from edged.algorithm.coco import COCO_LABELS
from edged.algorithm.heads.end2end import END2END, YOLOV7_END2END
from edged.algorithm.heads.fastestdet import FASTESTDET
from edged.algorithm.heads.feeding import Feeding
from edged.algorithm.heads.head import UNTOLD, Head
from edged.algorithm.heads.nanodet import NANODET, NANODET_PLUS
from edged.algorithm.heads.rtdetr import RTDETR, RTDETR_ULTRALYTICS
from edged.algorithm.heads.signature import Signature
from edged.algorithm.heads.ssd import SSD, SSD_OFFSETS
from edged.algorithm.heads.ssd_finished import SSD_FINISHED, SSD_TENSORFLOW
from edged.algorithm.heads.yolov5 import YOLOV5, YOLOV6
from edged.algorithm.heads.yolov8 import YOLOV8
from edged.algorithm.heads.yolox import YOLOX, YOLOX_DECODED
from edged.algorithm.image_input import ImageInput
from edged.algorithm.labels import metadata_labels
from edged.algorithm.session import Session
from edged.errors import AlgorithmError

HEADS: dict[str, Head] = {
    head.name: head
    for head in (
        YOLOV6, YOLOX_DECODED, YOLOX, YOLOV8, YOLOV5, END2END, YOLOV7_END2END, FASTESTDET,
        NANODET, NANODET_PLUS, RTDETR, RTDETR_ULTRALYTICS, SSD_TENSORFLOW, SSD_FINISHED, SSD, SSD_OFFSETS,
    )
}  # fmt: skip
"""By name; where several fit, the first is taken. A new head is a file and its place in this line."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """A head that fits a model."""

    head: Head
    classes: int
    """How many, or `UNTOLD`."""


@dataclass(frozen=True, slots=True)
class Description:
    """What can be told of a model by looking at it once."""

    signature: Signature
    image: ImageInput
    fitting: tuple[Fitting, ...]
    """The first is what ``head: auto`` takes; empty: none is known."""
    reason: str
    """Why none fits, for people; empty where one does."""


def describe(session: Session, input_size: tuple[int, int] | None = None) -> Description:
    """Run a model on a gray picture and say which heads fit.

    ``input_size`` (width, height) is for a model that leaves its size open; 640 x 640 without. Raises
    `AlgorithmError` where it takes no picture or does not run.
    """
    image = ImageInput.of(session, input_size)
    signature = Feeding(session, image).signature()
    names = metadata_labels(signature.metadata)
    found = fitting(signature, len(names) if names else None)
    return Description(signature, image, found, "" if found else unknown(signature))


def fitting(model: Signature, label_count: int | None = None) -> tuple[Fitting, ...]:
    """The heads that fit, the one to take first.

    That is one with ``label_count`` classes, else one with COCO's 80, else the first in `HEADS`; a head
    whose outputs do not tell the number of classes has any.
    """
    counts = ((head, head.classes(model)) for head in HEADS.values())
    found = [Fitting(head, count) for head, count in counts if count is not None]

    def rank(one: Fitting) -> int:
        if label_count is not None and one.classes in (label_count, UNTOLD):
            return 0
        return 1 if one.classes == len(COCO_LABELS) else 2

    return tuple(sorted(found, key=rank))


def recognise(model: Signature, label_count: int | None = None) -> Fitting:
    """The first of `fitting`. Raises `AlgorithmError` naming the outputs and the heads."""
    found = fitting(model, label_count)
    if not found:
        raise AlgorithmError(unknown(model))
    return found[0]


def unknown(model: Signature) -> str:
    """That no head fits, and which there are."""
    outputs = model.outputs
    return (
        f"no head is known for outputs of {outputs} (input {outputs.width}x{outputs.height}). "
        f"Known are {', '.join(HEADS)}: `edged try MODEL PICTURE --algorithm detector` tells what each "
        "expects. Or write your own: head: file:function"
    )
