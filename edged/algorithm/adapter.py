"""Makes a user's `BaseAlgo` an `Algorithm`: params by the signature of ``init``, BGR in, pixels out."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, create_model

from edged.algorithm.base import Algorithm, BaseAlgo, FrameInfo
from edged.algorithm.frame import Frame
from edged.algorithm.picture_list import PictureList
from edged.algorithm.returned import Shown, in_pixels, outcome_of
from edged.errors import AlgorithmError
from edged.model.detection import Outcome


class BaseAlgoAdapter(Algorithm):
    """An `Algorithm` around one `BaseAlgo`; `adapt` makes the subclass for a user's class."""

    algo_class: ClassVar[type[BaseAlgo]]
    returns: ClassVar[str] = "what its run() returns"

    @property
    def draws(self) -> bool:
        return getattr(self._algo, "draw", None) is not None

    def open(self) -> None:
        """Construct the user's object and call its ``init`` with the params, defaults included."""
        params = _by_users_names(self.params)
        self._algo = self.algo_class()
        self._algo.name = self.context.job
        self._algo.__dict__["_edged_params"] = params
        self._algo._context = self.context
        self._algo.init(**params)

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        newest, wanted = window[-1], self.algo_class._edged_wanted
        shown = wanted.shown(newest)
        self._give(newest, before, shown)
        self._algo._edged_shown = shown
        pictures = PictureList(window, wanted.picture)
        try:
            returned = self._algo.run(pictures)
        finally:
            pictures.settle()
            self._algo._edged_shown = None
        return _joined(before, outcome_of(returned, shown))

    def draw(self, picture: NDArray[np.uint8], outcome: Outcome) -> None:
        """Call the user's ``draw(picture, result)``, where there is one, with pixels of ``picture``.

        A method of that name which takes something else is the user's own business.
        """
        draw = getattr(self._algo, "draw", None)
        if draw is None or not _takes_two(draw):
            return
        height, width = picture.shape[:2]
        result: dict[str, Any] = dict(outcome.data)
        if outcome.detections is not None:
            result["detections"] = [in_pixels(found, Shown(width, height)) for found in outcome.detections]
        draw(picture, result)

    def _give(self, newest: Frame, before: Outcome, shown: Shown) -> None:
        """What the user's object may ask for in this run."""
        header = newest.header
        given = self._algo.__dict__
        given["_edged_frame"] = FrameInfo(
            source=self.context.source,
            index=header.index,
            pts=header.pts_us / 1e6,
            time=datetime.fromtimestamp(header.captured_wall_ns / 1e9, tz=UTC),
        )
        given["_edged_before"] = before.data
        given["_edged_detections"] = [in_pixels(found, shown) for found in before.detections or ()]


def adapt(algo_class: type[BaseAlgo]) -> type[BaseAlgoAdapter]:
    """The `Algorithm` class for a user's; raises `AlgorithmError` for an ``init`` that cannot be."""
    return type(
        algo_class.__name__,
        (BaseAlgoAdapter,),
        {
            "algo_class": algo_class,
            "keeps_state": algo_class._edged_keeps_state,
            "sends": algo_class._edged_sends,
            "Params": _params_of(algo_class),
            "__module__": algo_class.__module__,
            "__doc__": algo_class.__doc__,
        },
    )


def _by_users_names(params: BaseModel) -> dict[str, Any]:
    """The validated values themselves (a dataclass stays one), under the names ``init`` gives them."""
    fields = type(params).model_fields.items()
    named = {str(field.alias): getattr(params, name) for name, field in fields}
    return {**named, **(params.model_extra or {})}


def _params_of(algo_class: type[BaseAlgo]) -> type[BaseModel]:
    """Declare the parameters of ``init`` to pydantic.

    Fields are named by their place and aliased to the user's names, which may be any, ``copy`` or
    ``model_config`` too, without hiding what a BaseModel has.
    """
    parameters = list(inspect.signature(algo_class.init).parameters.values())[1:]
    hints = _hints(algo_class)
    fields: dict[str, Any] = {}
    extra = "forbid"
    for place, parameter in enumerate(parameters):
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            extra = "allow"
        elif parameter.kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY):
            default = ... if parameter.default is inspect.Parameter.empty else parameter.default
            fields[f"param_{place}"] = (
                hints.get(parameter.name, Any),
                Field(default, alias=parameter.name),
            )
    config = ConfigDict(extra=typing.cast(Any, extra), arbitrary_types_allowed=True, protected_namespaces=())
    try:
        return create_model(f"{algo_class.__name__}Params", __config__=config, **fields)
    except PydanticUserError as error:
        raise AlgorithmError(f"{algo_class.__name__}.init: {error}") from error


def _hints(algo_class: type[BaseAlgo]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(algo_class.init, include_extras=True)
    except (NameError, TypeError):
        return {}


def _joined(before: Outcome, found: Outcome) -> Outcome:
    """What the chain knows so far: detections are added to earlier ones, data is merged."""
    if before.detections is None or found.detections is None:
        detections = before.detections if found.detections is None else found.detections
    else:
        detections = (*before.detections, *found.detections)
    return Outcome(detections, {**before.data, **found.data}, before.counts)


def _takes_two(method: Any) -> bool:
    try:
        inspect.signature(method).bind(None, None)
    except (TypeError, ValueError):
        return False
    return True
