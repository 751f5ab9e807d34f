"""Whether the camera is well: a picture that is black, too bright, covered, blurred, frozen or another view.

Without a model, in a fraction of a millisecond. What the camera usually shows is learned in its first
seconds and followed slowly, so day and night change nothing, and who walks through is soon forgotten.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import Field

from edged.algorithm import Algorithm, AlgorithmParams, Frame, Outcome
from edged.algorithm.health import Comparison, Look, View, look_at

_Fault = Literal["black", "overexposed", "covered", "blurred", "frozen", "moved"]
FAULTS: tuple[_Fault, ...] = ("black", "overexposed", "covered", "blurred", "frozen", "moved")
_EMPTY = 0.6
"""Share of the usual structure below which the picture is hidden rather than another one."""
_AS_LIGHT = 0.5
"""Share of the usual light from which on detail that is gone is no matter of dusk."""
_LEAST_LOOKS = 3
"""Of the same picture, or at a view, before anything is said of it."""


class CameraHealthParams(AlgorithmParams):
    faults: list[_Fault] = Field(list(FAULTS), description="which to look for")
    after: float = Field(5.0, ge=0, description="seconds that a fault lasts before it is told")
    clear: float = Field(5.0, ge=0, description="seconds without it before its end is told")
    black: float = Field(0.98, gt=0, le=1, description="share of the picture that is black")
    overexposed: float = Field(0.7, gt=0, le=1, description="share of the picture that is white")
    covered: float = Field(0.6, gt=0, le=1, description="share of what it showed that is hidden")
    blurred: float = Field(0.4, gt=0, lt=1, description="sharpness, in proportion to what is usual")
    frozen: float = Field(20.0, gt=0, description="seconds of the same picture")
    moved: float = Field(
        0.02, gt=0, le=0.5, description="how far the view is shifted, share of the frame's side"
    )
    gone: float = Field(0.7, gt=0, le=1, description="share of what it showed that is gone: moved, too")
    moved_after: float = Field(10.0, ge=0, description="as `after`, for moved")
    learn: float = Field(10.0, ge=0, description="seconds that a view is learned in")
    memory: float = Field(300.0, gt=0, description="seconds in which a view that changes slowly is followed")
    relearn: float = Field(600.0, gt=0, description="seconds after which moved or blurred is what is usual")


@dataclass(slots=True)
class _Switch:
    """One fault: on or off, and since when the picture says otherwise."""

    on: bool = False
    turning_us: int | None = None
    turned_us: int = 0

    def turn(self, holds: bool | None, now_us: int, after_us: float, clear_us: float) -> bool:  # noqa: FBT001 - None is: cannot be told
        """Take in whether the fault is there now; True when that has lasted and the switch turned."""
        if holds is None or holds == self.on:
            self.turning_us = None
            return False
        if self.turning_us is None or self.turning_us > now_us:
            self.turning_us = now_us
        if now_us - self.turning_us < (clear_us if self.on else after_us):
            return False
        self.on, self.turning_us, self.turned_us = not self.on, None, now_us
        return True


class CameraHealth(Algorithm):
    """The camera's health, without a model: black, overexposed, covered, blurred, frozen, moved.

    After `reset` the view is learned anew; a fault that is on ends when it can be seen that it is over.
    """

    Params = CameraHealthParams
    params: CameraHealthParams
    returns = "data.camera: luma, sharpness, match, lost, shift, still, faults"
    sends: ClassVar = {
        "camera_black": "the picture is black, or no longer: data.state on or off",
        "camera_overexposed": "it is white, or no longer",
        "camera_covered": "something hides the view, or no longer",
        "camera_blurred": "it is out of focus, or no longer",
        "camera_frozen": "it has been the same for `frozen` seconds, or no longer",
        "camera_moved": "it shows another view, or the old one again",
    }

    _view: View | None = None
    _last: Look | None = None
    _still_us = 0
    """For how long the picture has been the same,"""
    _same = 0
    """and in how many frames after the first."""

    @property
    def may_send(self) -> Collection[str]:
        return self.sends.keys() - {f"camera_{fault}" for fault in FAULTS if fault not in self.params.faults}

    def open(self) -> None:
        self._switches: dict[_Fault, _Switch] = {fault: _Switch() for fault in self.params.faults}
        self._seen_us = 0

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        frame = window[-1]
        now_us = int(frame.header.pts_us)
        look = look_at(frame)
        self._watch_stillness(look, now_us)
        view = self._view if self._view is not None and self._learned(self._view) else None
        compared = None if view is None else view.compare(look)
        now = self._faults(look, compared)
        values = _values(look, compared, self._still_us)
        self._turn(now, now_us, values)
        self._learn(look, now, now_us)
        values["faults"] = [fault for fault, switch in self._switches.items() if switch.on]
        return Outcome(before.detections, {**before.data, "camera": values}, before.counts)

    def reset(self) -> None:
        self._view = self._last = None
        self._still_us = self._same = 0
        for switch in self._switches.values():
            switch.turning_us = None

    def _watch_stillness(self, look: Look, now_us: int) -> None:
        same = self._last is not None and look.same_as(self._last)
        passed = max(now_us - self._seen_us, 0)
        self._still_us, self._same = (self._still_us + passed, self._same + 1) if same else (0, 0)
        self._last, self._seen_us = look, now_us

    def _learned(self, view: View) -> bool:
        return view.looks >= _LEAST_LOOKS and view.learned_us >= self.params.learn * 1e6

    def _faults(self, look: Look, compared: Comparison | None) -> dict[_Fault, bool | None]:
        """What is wrong with this picture; None: one fault hides whether there is another, or too little
        is known of the view.
        """
        params = self.params
        black, white = look.dark >= params.black, look.bright >= params.overexposed
        now: dict[_Fault, bool | None] = dict.fromkeys(FAULTS)
        now["black"], now["overexposed"] = black, white
        if black or white:
            return now
        now["frozen"] = self._same + 1 >= _LEAST_LOOKS and self._still_us >= params.frozen * 1e6
        if compared is None:
            return now
        hidden = compared.lost >= params.covered
        empty = hidden and compared.structure < _EMPTY
        now["covered"] = empty and not compared.same_light
        if now["covered"]:
            return now
        now["moved"] = not empty and self._is_elsewhere(compared)
        if now["moved"]:
            return now
        if compared.sharpness is not None:
            now["blurred"] = compared.sharpness < params.blurred
        elif empty and compared.light >= _AS_LIGHT:
            now["blurred"] = True
        return now

    def _is_elsewhere(self, compared: Comparison) -> bool:
        if compared.shift is not None:
            return max(map(abs, compared.shift)) >= self.params.moved
        return 1 - compared.match >= self.params.gone

    def _turn(self, now: dict[_Fault, bool | None], now_us: int, values: dict[str, Any]) -> None:
        params = self.params
        after = {"moved": params.moved_after, "frozen": 0.0}
        for fault, switch in self._switches.items():
            after_us = after.get(fault, params.after) * 1e6
            if switch.turn(now[fault], now_us, after_us, params.clear * 1e6):
                state = "on" if switch.on else "off"
                self.context.emit(f"camera_{fault}", {"data": {"state": state, **values}})

    def _learn(self, look: Look, now: dict[_Fault, bool | None], now_us: int) -> None:
        """Follow the view while nothing is wrong; begin anew with one that stays, or that showed nothing."""
        view = self._view
        if now["black"] or now["overexposed"]:
            return
        if view is None or self._stays(now_us) or self._showed_nothing(view, look):
            self._view = View.begin(look, now_us)
        elif not any(now[fault] for fault in ("covered", "moved", "blurred")):
            self._view = view.follow(look, now_us, int(self.params.memory * 1e6))

    def _stays(self, now_us: int) -> bool:
        """Whether the view was another one, or out of focus, for so long that it is what is usual now."""
        switches = [self._switches[fault] for fault in ("moved", "blurred") if fault in self._switches]
        long = self.params.relearn * 1e6
        staying = [each for each in switches if each.on and now_us - each.turned_us >= long]
        for each in staying:
            each.turned_us = now_us
        return bool(staying)

    def _showed_nothing(self, view: View, look: Look) -> bool:
        """Whether the view was learned while there was nothing to be seen, and now there is."""
        return self._learned(view) and view.compare(look) is None and look.shows_something


def _values(look: Look, compared: Comparison | None, still_us: int) -> dict[str, Any]:
    values: dict[str, Any] = {"luma": round(look.luma, 1), "still": round(still_us / 1e6, 1)}
    if compared is not None:
        values["match"], values["lost"] = round(compared.match, 3), round(compared.lost, 3)
        if compared.shift is not None:
            values["shift"] = [round(share, 3) + 0.0 for share in compared.shift]
        if compared.sharpness is not None:
            values["sharpness"] = round(compared.sharpness, 3)
    return values
