"""The zones and lines of a scene that are watched, and what is known of each, while the scene changes."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from edged.algorithm.params import ParamsInvalid
from edged.algorithm.watching.crossing import Crossings, Tally
from edged.algorithm.watching.ground import Ground
from edged.algorithm.watching.occupancy import Crowding, Occupancy, Patience
from edged.algorithm.watching.polygons import Polygons, to_plane
from edged.errors import AlgorithmError
from edged.model.scene import Point, Scene

_Value = TypeVar("_Value", int, float)


@dataclass(frozen=True, slots=True)
class WatchedZone:
    corners: tuple[Point, ...]
    occupancy: Occupancy
    crowding: Crowding | None
    """None: no number is too many."""


@dataclass(frozen=True, slots=True)
class WatchedLine:
    ends: tuple[Point, ...]
    crossings: Crossings
    tally: Tally


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked of a scene, whatever its zones."""

    zones: Collection[str] | None = None
    """None: all."""
    lines: Collection[str] | None = None
    patience: Patience = field(default_factory=Patience)
    dwell: float | Mapping[str, float] | None = None
    """Seconds: one for all zones, or by name."""
    limit: int | Mapping[str, int] | None = None
    limit_after_us: int = 0
    counted: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What the lines of the first scene have counted already, as `Tally.counts` tells it."""


class WatchedScene:
    """Zones and lines at work. `follow` makes the next one; what did not change is taken over."""

    def __init__(self, scene: Scene | None, aspect: float, wishes: Wishes, last: WatchedScene | None) -> None:
        """``aspect``: the frame's width by its height. None for a scene that nobody knows: it has no zones.

        Raises `ParamsInvalid` for a name that the scene does not have, `AlgorithmError` for a zone without
        area, a line without length, and a calibration that fixes no plane.
        """
        self.scene = scene
        self.aspect = aspect
        self._wishes = wishes
        known = scene or Scene()
        if scene is not None:
            _check_names(scene, wishes)
        zones = _wanted(known.zones, wishes.zones)
        lines = _wanted(known.lines, wishes.lines)
        self.polygons = Polygons(zones, aspect)
        self.ground = self._ground(known, last)
        turned = last is None or last.aspect != aspect
        is_first = last is None or last.scene is None
        counted = wishes.counted if is_first else {}
        self.zones: dict[str, WatchedZone] = {
            name: self._zone(name, corners, None if last is None or turned else last.zones.get(name))
            for name, corners in zones.items()
        }
        self.lines: dict[str, WatchedLine] = {
            name: _line(
                name, ends, aspect, None if last is None else last.lines.get(name), counted.get(name, {})
            )
            for name, ends in lines.items()
        }

    def follow(self, scene: Scene | None, aspect: float) -> WatchedScene:
        """The same one as long as nothing changed."""
        if scene is self.scene and aspect == self.aspect:
            return self
        return WatchedScene(scene, aspect, self._wishes, self)

    def _ground(self, scene: Scene, last: WatchedScene | None) -> Ground | None:
        if last is not None and last.scene is not None and last.scene.calibration == scene.calibration:
            return last.ground
        return None if scene.calibration is None else Ground(scene.calibration)

    def _zone(self, name: str, corners: tuple[Point, ...], last: WatchedZone | None) -> WatchedZone:
        if last is not None and last.corners == corners:
            return last
        wishes = self._wishes
        dwell, limit = _for_zone(wishes.dwell, name), _for_zone(wishes.limit, name)
        dwell_us = None if dwell is None else round(dwell * 1e6)
        patience = Patience(wishes.patience.enter_us, wishes.patience.leave_us, dwell_us)
        crowding = None if limit is None else Crowding(limit, wishes.limit_after_us)
        return WatchedZone(corners, Occupancy(patience), crowding)


def _line(
    name: str,
    ends: tuple[Point, ...],
    aspect: float,
    last: WatchedLine | None,
    counted: Mapping[str, Any],
) -> WatchedLine:
    """``counted`` is where one that was never watched goes on."""
    if len(ends) != 2 or ends[0] == ends[1]:
        raise AlgorithmError(f"line {name!r} has no length: give two different points")
    begin, end = (tuple(point) for point in to_plane(ends, aspect).tolist())
    crossings = Crossings(begin, end)
    if last is None:
        return WatchedLine(ends, crossings, Tally.of(counted))
    if last.ends != ends:
        return WatchedLine(ends, crossings, Tally())
    return last if last.crossings.lies_as(crossings) else WatchedLine(ends, crossings, last.tally)


def _wanted(
    known: Mapping[str, tuple[Point, ...]], names: Collection[str] | None
) -> dict[str, tuple[Point, ...]]:
    return {name: points for name, points in known.items() if names is None or name in names}


def _for_zone(wish: _Value | Mapping[str, _Value] | None, name: str) -> _Value | None:
    return wish.get(name) if isinstance(wish, Mapping) else wish


def _check_names(scene: Scene, wishes: Wishes) -> None:
    asked: Sequence[tuple[str, str, Collection[str], Collection[str]]] = (
        ("zones", "zone", wishes.zones or (), scene.zones),
        ("lines", "line", wishes.lines or (), scene.lines),
        ("dwell", "zone", wishes.dwell if isinstance(wishes.dwell, Mapping) else (), scene.zones),
        ("limit", "zone", wishes.limit if isinstance(wishes.limit, Mapping) else (), scene.zones),
    )
    for param, kind, names, known in asked:
        for name in names:
            if name not in known:
                message = f"the source has no {kind} {name!r}{_mend(kind, name, known)}"
                raise ParamsInvalid(f"{param}: {message}", path=param, code="not_found")


def _mend(kind: str, name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return (
        f"; it has {', '.join(sorted(known))}" if known else f"; it has no {kind}s: draw some in the source"
    )
