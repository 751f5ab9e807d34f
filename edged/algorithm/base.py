"""What an algorithm is: the richer API, which the built-in ones use, and the small one for users' own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from edged.algorithm.context import Context
from edged.algorithm.declared import check_declaration, types_with
from edged.algorithm.frame import Frame
from edged.algorithm.returned import Shown, event_fields
from edged.algorithm.session import Session
from edged.algorithm.wanted import Wanted
from edged.model.detection import Outcome


class AlgorithmParams(BaseModel):
    """The base of declared parameters: unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)


class Algorithm(ABC):
    """One link of a job's chain. One instance per job and source.

    ``__init__`` → `open` → (`run` …, `reset` at each new epoch) → `close`: one at a time. Only `draw`
    is called from another thread, maybe while `run` runs: a slow one never holds up a run.
    """

    Params: ClassVar[type[BaseModel]] = AlgorithmParams
    summary: ClassVar[str] = ""
    """One line for people; by default the first of the docstring."""
    returns: ClassVar[str] = "detections"
    """What it adds to the result, for people."""
    sends: ClassVar[Mapping[str, str] | None] = None
    """The types of events that it may send, and what each tells; ``<event>`` is the type that its param
    ``event`` gives. Not inherited: a subclass may send more. None: anything, and no name can be checked."""
    keeps_state: ClassVar[bool] = True
    """Whether a run depends on earlier ones. Where not, offline analysis runs many frames at once, each
    thread with an instance of its own."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls.sends = vars(cls).get("sends")
        check_declaration(cls.__name__, cls.sends)

    def __init__(self, context: Context, params: BaseModel) -> None:
        """``params`` is an instance of ``Params``."""
        self.context = context
        self.params = params

    @property
    def may_send(self) -> Collection[str] | None:
        """Which types of `sends` it may send with its params; None: that cannot be told.

        Asked before `open`.
        """
        return types_with(self.sends or {}, self.params)

    @property
    def reads_pixels(self) -> bool:
        """Whether it looks at the pixels of frames, not only at their headers and at what came before."""
        return True

    @property
    def draws(self) -> bool:
        """Whether `draw` adds anything."""
        return type(self).draw is not Algorithm.draw

    def open(self) -> None:  # noqa: B027 - a hook, not a duty
        """Load models and warm them up; called once, may take long. Raises `AlgorithmError`."""

    @abstractmethod
    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        """Look at ``window`` (oldest first; the result is about the last) and add to ``before``.

        ``before`` is what earlier links of the chain found, empty for the first. Frames must not be
        kept beyond the call.
        """

    def reset(self) -> None:  # noqa: B027 - a hook, not a duty
        """Forget what came before: the next frame begins a new epoch."""

    def close(self) -> None:  # noqa: B027 - a hook, not a duty
        """Let go of what `open` took."""

    def draw(  # noqa: B027 - a hook, not a duty
        self, picture: NDArray[np.uint8], outcome: Outcome
    ) -> None:
        """Add to a BGR picture of any size on which the detections are drawn already.

        ``outcome`` is what `run` found on it. Take all from there and change nothing of the algorithm's
        own: a `run` on a later frame may be going on.
        """


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """What a `BaseAlgo` knows of its newest frame."""

    source: str
    index: int
    """Counts the frames of the source."""
    pts: float
    """Seconds on the source's own clock."""
    time: datetime
    """When it was captured, UTC."""


T = TypeVar("T")


class Given(Generic[T]):
    """An attribute that edged provides, and that a user's own of the same name hides.

    An algorithm written elsewhere may keep its state in ``self.frame`` or ``self.detections``: it goes on to.
    """

    def __init__(self, kept_as: str) -> None:
        self._kept_as = kept_as

    @overload
    def __get__(self, algo: None, owner: type) -> Given[T]: ...
    @overload
    def __get__(self, algo: BaseAlgo, owner: type) -> T: ...
    def __get__(self, algo: BaseAlgo | None, owner: type) -> Given[T] | T:
        if algo is None:
            return self
        try:
            value: T = algo.__dict__[self._kept_as]
        except KeyError:
            name = self._kept_as.removeprefix("_edged_")
            raise AttributeError(f"there is no {name} before the first run()") from None
        return value


class BaseAlgo:
    """A user's own algorithm: subclass it with `init` and `run`.

    One instance per job and source. ``init``'s parameters are the job's ``params``: those with a type are
    checked against it and shown by ``edged algos NAME``. What `run` returns: a dict of JSON or None. Its key
    ``detections`` is a list of dicts with ``box`` (x_min, y_min, x_max, y_max in pixels of the
    picture given) and, as known, ``score``, ``label``, ``label_id``, ``track_id``, ``attributes``,
    ``keypoints``; they are added to what came before in the chain. An optional method ``draw(self, picture,
    result)`` adds to the pictures that people see: ``picture`` is BGR, ``result`` what `run` returned for it,
    boxes in its pixels. It is called in a thread of its own, maybe while `run` runs on a later frame: it must
    not change what `run` uses.

    Frames come as BGR of their own size. Smaller ones, scaled before they are converted, cost a fraction;
    a class says so where it is declared::

        class Heads(BaseAlgo, size=(320, 320), color="rgb", resize="letterbox"):

    ``size`` is width and height, ``color`` one of bgr (the default), rgb, gray, ``resize`` stretch (the
    default) or letterbox. Boxes are in pixels of these pictures then. ``keeps_state=False`` says that a run
    does not depend on earlier ones: offline analysis then runs many frames at once, each thread with an
    instance of its own. ``sends={"fall": "somebody fell"}`` says which events it may emit and what they
    tell, so that ``edged check`` knows which ones a job would wait for in vain.
    """

    name: str = ""
    """The job's name."""
    params = Given[Mapping[str, Any]]("_edged_params")
    """The params given to `init`, defaults included."""
    frame = Given[FrameInfo]("_edged_frame")
    """The newest frame of the window; there is none before the first `run`."""
    detections = Given[list[dict[str, Any]]]("_edged_detections")
    """What earlier links of the chain detected, as `run` would return it; none before the first `run`."""
    before = Given[Mapping[str, Any]]("_edged_before")
    """The ``data`` of earlier links of the chain; none before the first `run`."""
    _edged_wanted: ClassVar[Wanted] = Wanted()
    _edged_keeps_state: ClassVar[bool] = True
    _edged_sends: ClassVar[Mapping[str, str] | None] = None
    _context: Context | None = None
    _edged_shown: Shown | None = None

    def __init__(self, name: str | None = None) -> None:
        self.name = name or type(self).__name__

    def __init_subclass__(
        cls,
        *,
        size: tuple[int, int] | None = None,
        color: str | None = None,
        resize: str | None = None,
        keeps_state: bool | None = None,
        sends: Mapping[str, str] | None = None,
        **keywords: Any,
    ) -> None:
        try:
            super().__init_subclass__(**keywords)
        except TypeError as error:
            known = "a BaseAlgo takes size, color, resize, keeps_state, sends"
            raise TypeError(f"{cls.__name__}: {', '.join(keywords)}: {error}; {known}") from error
        if (size, color, resize) != (None, None, None):
            cls._edged_wanted = cls._edged_wanted.but(size=size, color=color, resize=resize)
        if keeps_state is not None:
            cls._edged_keeps_state = bool(keeps_state)
        check_declaration(cls.__name__, sends)
        cls._edged_sends = sends  # not inherited: a subclass may send more

    def init(self) -> None:
        """Called once before the first `run`, with the job's ``params`` by name."""

    def run(self, frames: list[NDArray[np.uint8]]) -> Any:
        """Look at ``frames``: uint8 ``(height, width, 3)``, BGR where the class says nothing else, oldest
        first, yours to draw on; ``(height, width)`` where it asks for gray.
        """
        raise NotImplementedError(f"{type(self).__name__} has no run(self, frames)")

    def model(self, name: str, *, provider: str = "auto", threads: int | None = None) -> Session:
        """An ONNX session, shared by all who ask for the same model."""
        return self._bound().model(name, provider=provider, threads=threads)

    def emit(self, event: str, **fields: Any) -> None:
        """Make an event of the type ``event``.

        ``label``, ``score``, ``box`` (pixels), ``track_id``, ``zone``, ``line``, ``direction`` and ``id``
        as they apply; any other fields become its ``data``.
        """
        if self._edged_shown is None:
            raise RuntimeError("emit() works inside run(): an event belongs to a frame")
        self._bound().emit(event, event_fields(event, fields, self._edged_shown))

    def _bound(self) -> Context:
        if self._context is None:
            raise RuntimeError(f"{type(self).__name__} works inside a job: use it from init() or run() on")
        return self._context
