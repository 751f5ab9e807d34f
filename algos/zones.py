"""Who is in which zone and who crosses which line: the source's zones and lines, on what was found before.

Goes behind a tracker. Without one it still tells which detections lie in which zones, and how many; but who
comes, stays, goes and crosses needs objects that are known again.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from edged.algorithm import Algorithm, AlgorithmError, AlgorithmParams, Context, Detection, Frame, Outcome
from edged.algorithm.labels import WantedLabels
from edged.algorithm.watching.anchors import BoxAnchor, anchor_points
from edged.algorithm.watching.known_objects import KnownObjects
from edged.algorithm.watching.occupancy import Change, Patience
from edged.algorithm.watching.polygons import to_plane
from edged.algorithm.watching.travel import Velocity
from edged.algorithm.watching.watched import WatchedScene, WatchedZone, Wishes

_PATIENCE_US = 10_000_000
"""How long detections come without track ids before somebody is told."""

_log = logging.getLogger(__name__)

_Seconds = Annotated[float, Field(gt=0, le=86_400)]
_Limit = Annotated[int, Field(ge=0, le=100_000)]


class ZonesParams(AlgorithmParams):
    zones: list[str] | None = Field(None, description="only these zones of the source; default: all")
    lines: list[str] | None = Field(None, description="only these lines of the source; default: all")
    labels: WantedLabels | None = Field(None, description="only objects with these labels; default: all")
    anchor: BoxAnchor = Field(BoxAnchor.BOTTOM_CENTER, description="the point of a box that counts")
    margin: float = Field(
        0.1,
        ge=0,
        le=2,
        description="how far outside a zone has left it, and how far from a line is clearly on one side: "
        "times the shorter side of the box",
    )
    enter_after: float = Field(0.0, ge=0, le=3600, description="seconds inside before an object has entered")
    leave_after: float = Field(0.5, ge=0, le=3600, description="seconds outside before it has left")
    lost_after: float = Field(
        3.0, ge=0, le=60, description="seconds that an object inside may be out of sight before it has left"
    )
    dwell: _Seconds | dict[str, _Seconds] | None = Field(
        None, description="seconds inside that make a zone_dwell, for all zones or by name: {door: 10}"
    )
    limit: _Limit | dict[str, _Limit] | None = Field(
        None, description="more objects inside make a count_over, for all zones or by name: {door: 5}"
    )
    limit_after: float = Field(
        1.0, ge=0, le=3600, description="seconds that there must be more, and no more, before it counts"
    )


class _Place(NamedTuple):
    """Where an object is, toward everything that is watched."""

    point: tuple[float, float]
    margin: float
    inside: list[bool]
    """Of each zone, in their order."""
    near: list[bool]
    """Whether its edge is within the margin."""
    ground: tuple[float, float] | None
    """Metres; None where nobody knows."""

    def zones(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for name, inside in zip(names, self.inside, strict=True) if inside)


class _Gone(NamedTuple):
    """An object that will not be seen again, and what becomes of its stay in a zone."""

    zone: str
    detection: Detection
    seconds: float | None
    """None: it was not in there."""


class Zones(Algorithm):
    """Objects in the source's zones and over its lines: who enters, stays, leaves and crosses; counts.

    A line counts `in` from its left to its right, looking from its first point to its second. Speeds, in
    metres per second, where the source is calibrated.
    """

    Params = ZonesParams
    params: ZonesParams
    returns = "detections: zones, attributes.speed (value in m/s, heading); counts: zones, lines"
    sends: ClassVar = {
        "zone_enter": "an object has entered a zone",
        "zone_exit": "it has left the zone, or nobody knows any more",
        "zone_dwell": "it has been inside for `dwell` seconds",
        "count_over": "there are more than `limit` in a zone",
        "line_cross": "it has crossed a line",
    }

    def __init__(self, context: Context, params: BaseModel) -> None:
        super().__init__(context, params)
        self._labels = None if self.params.labels is None else frozenset(self.params.labels)
        wishes = _wishes(self.params, self.context.kept.get("lines", {}))
        self._watched = WatchedScene(None, 1.0, wishes, None)
        self._objects = KnownObjects()
        self._now_us = 0
        self._followed = False
        """Whether there was a track id: then boxes without one are what a tracker is not sure of."""
        self._untracked_us: int | None = None
        """Since when there was none."""
        self._warned = False

    @property
    def may_send(self) -> Collection[str]:
        params = self.params
        silent = set() if params.zones != [] else {"zone_enter", "zone_exit", "zone_dwell", "count_over"}
        silent |= {"line_cross"} if params.lines == [] else set()
        silent |= {"zone_dwell"} if params.dwell in (None, {}) else set()
        silent |= {"count_over"} if params.limit in (None, {}) else set()
        return self.sends.keys() - silent

    @property
    def reads_pixels(self) -> bool:
        return False

    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        frame = window[-1]
        if frame.header.pts_us < self._now_us:
            self.reset()
        self._now_us = int(frame.header.pts_us)
        self._follow_scene(frame.width / frame.height)
        untracked = dict.fromkeys(self._watched.zones, 0)
        found = self._look(before.detections or (), untracked)
        self._let_go()
        zones = self._zone_counts(untracked)
        lines = {name: line.tally.counts() for name, line in self._watched.lines.items()}
        self.context.kept["lines"] = {**self.context.kept.get("lines", {}), **lines}
        counts = dict(before.counts)
        for kind, own in (("zones", zones), ("lines", lines)):
            if own:
                counts[kind] = {**before.counts.get(kind, {}), **own}
        return Outcome(None if before.detections is None else tuple(found), before.data, counts)

    def reset(self) -> None:
        """Positions are forgotten; what lines have counted stands."""
        for track_id in self._objects.track_ids:
            for gone in self._forget(track_id):
                self._tell_gone(gone, "restarted")
        for zone in self._watched.zones.values():
            if zone.crowding is not None:
                zone.crowding.forget_time()
        self._now_us = 0

    def _follow_scene(self, aspect: float) -> None:
        last, self._watched = self._watched, self._watched.follow(self.context.scene, aspect)
        if self._watched.ground is not last.ground:
            self._objects.forget_travel()
        for name, zone in last.zones.items() if self._watched is not last else ():
            if self._watched.zones.get(name) is not zone:
                self._abandon(name, zone)

    def _abandon(self, name: str, zone: WatchedZone) -> None:
        """It lies elsewhere now, or nowhere: whoever was in it has left."""
        for track_id in zone.occupancy.track_ids:
            known = self._objects[track_id]
            seconds = zone.occupancy.lose(track_id, known.seen_us)
            self._tell_gone(_Gone(name, known.detection, seconds), "redrawn")

    def _look(self, detections: Sequence[Detection], untracked: dict[str, int]) -> list[Detection]:
        """All of them, those that are watched with their zones; counts those without a track id."""
        found = list(detections)
        watched = [n for n, item in enumerate(found) if self._labels is None or item.label in self._labels]
        if not watched:
            return found
        boxes = np.array([found[n].box for n in watched], dtype=np.float64)
        if not np.isfinite(boxes).all():
            raise AlgorithmError(
                "a box is NaN or infinite: what comes before zones must leave such boxes out"
            )
        self._check_followed(found[n].track_id for n in watched)
        for n, place in zip(watched, self._places(boxes), strict=True):
            detection, track_id = found[n], found[n].track_id
            velocity = None
            if track_id is None:
                names = place.zones(untracked)
                for name in () if self._followed else names:
                    untracked[name] += 1
            else:
                known = self._objects.see(track_id, detection, self._now_us)
                velocity = known.moved(place.ground)
                names = self._locate(track_id, detection, place, velocity)
                self._cross(track_id, detection, place, velocity)
            if names or velocity is not None:
                found[n] = _marked(detection, names, velocity)
        return found

    def _places(self, boxes: NDArray[np.float64]) -> list[_Place]:
        """Where the objects of ``boxes`` are, toward everything that is watched."""
        watched = self._watched
        points = to_plane(anchor_points(boxes, self.params.anchor), watched.aspect)
        margins = to_plane(boxes[:, 2:] - boxes[:, :2], watched.aspect).min(axis=1) * self.params.margin
        inside, distances = watched.polygons.measure(points)
        near = distances <= margins[:, None]
        return [
            _Place(*each)
            for each in zip(
                points.tolist(),
                margins.tolist(),
                inside.tolist(),
                near.tolist(),
                self._on_ground(boxes),
                strict=True,
            )
        ]

    def _on_ground(self, boxes: NDArray[np.float64]) -> Iterable[tuple[float, float] | None]:
        """Metres; None where nobody knows: without calibration, above the horizon, feet below the frame."""
        ground = self._watched.ground
        if ground is None:
            return [None] * len(boxes)
        places = ground.places(anchor_points(boxes, BoxAnchor.BOTTOM_CENTER))
        known = np.isfinite(places).all(axis=1) & (boxes[:, 3] < 1.0)
        return (
            (x, y) if shown else None for (x, y), shown in zip(places.tolist(), known.tolist(), strict=True)
        )

    def _locate(
        self, track_id: int, detection: Detection, place: _Place, velocity: Velocity | None
    ) -> tuple[str, ...]:
        """The zones that it is in; tells what changed."""
        names = []
        zones = self._watched.zones.items()
        for (name, zone), inside, near in zip(zones, place.inside, place.near, strict=True):
            for change, seconds in zone.occupancy.observe(track_id, self._now_us, inside=inside, near=near):
                is_new = change == Change.ENTER and not seconds
                data: dict[str, Any] = {} if is_new else {"seconds": round(seconds, 3)}
                if change == Change.EXIT:
                    data["reason"] = "left"
                self._emit(change, detection, {**data, **_pace(velocity)}, zone=name)
            if zone.occupancy.holds(track_id):
                names.append(name)
        return tuple(names)

    def _cross(self, track_id: int, detection: Detection, place: _Place, velocity: Velocity | None) -> None:
        for name, line in self._watched.lines.items():
            direction = line.crossings.observe(track_id, *place.point, place.margin)
            if direction is not None:
                line.tally.add(direction, detection.label)
                self._emit("line_cross", detection, _pace(velocity), line=name, direction=direction.value)

    def _let_go(self) -> None:
        """Objects that are out of sight leave their zones after a while, and are forgotten later."""
        patience_us = round(self.params.lost_after * 1e6)
        for name, zone in self._watched.zones.items():
            for track_id in zone.occupancy.track_ids:
                known = self._objects[track_id]
                if self._now_us - known.seen_us > patience_us:
                    seconds = zone.occupancy.lose(track_id, known.seen_us)
                    self._tell_gone(_Gone(name, known.detection, seconds), "lost")
        for track_id in self._objects.overdue(self._now_us):
            for gone in self._forget(track_id):
                self._tell_gone(gone, "lost")

    def _forget(self, track_id: int) -> list[_Gone]:
        """Forget an object; the stays that end with it."""
        known = self._objects.forget(track_id)
        for line in self._watched.lines.values():
            line.crossings.forget(track_id)
        return [
            _Gone(name, known.detection, zone.occupancy.lose(track_id, known.seen_us))
            for name, zone in self._watched.zones.items()
        ]

    def _tell_gone(self, gone: _Gone, reason: str) -> None:
        if gone.seconds is not None:
            data = {"seconds": round(gone.seconds, 3), "reason": reason}
            self._emit(Change.EXIT, gone.detection, data, zone=gone.zone)

    def _zone_counts(self, untracked: Mapping[str, int]) -> dict[str, int]:
        counts = {}
        for name, zone in self._watched.zones.items():
            counts[name] = len(zone.occupancy) + untracked[name]
            crowding = zone.crowding
            if crowding is not None and crowding.observe(counts[name], self._now_us):
                data = {"count": counts[name], "limit": crowding.limit}
                self.context.emit("count_over", {"zone": name, "data": data})
        return counts

    def _emit(self, kind: str, detection: Detection, data: Mapping[str, Any], **place: str) -> None:
        fields: dict[str, Any] = {
            "label": detection.label,
            "score": detection.score,
            "box": list(detection.box),
            "track_id": detection.track_id,
            **place,
        }
        self.context.emit(str(kind), {**fields, "data": dict(data)} if data else fields)

    def _check_followed(self, track_ids: Iterable[int | None]) -> None:
        """Whether anybody follows objects; says once that nothing can be told of those that nobody does."""
        if self._followed:
            return
        self._followed = any(track_id is not None for track_id in track_ids)
        if self._untracked_us is None:
            self._untracked_us = self._now_us
        waited_us = self._now_us - self._untracked_us
        if not self._followed and not self._warned and waited_us > _PATIENCE_US:
            self._warned = True
            _log.warning(
                "%s on %s: no detection has a track id, so zones counts who is inside and nothing else;"
                " put {algorithm: tracker} before it, if there is none",
                self.context.job,
                self.context.source,
            )


def _wishes(params: ZonesParams, counted: Mapping[str, Any]) -> Wishes:
    return Wishes(
        zones=params.zones,
        lines=params.lines,
        patience=Patience(round(params.enter_after * 1e6), round(params.leave_after * 1e6)),
        dwell=params.dwell,
        limit=params.limit,
        limit_after_us=round(params.limit_after * 1e6),
        counted=counted,
    )


def _pace(velocity: Velocity | None) -> dict[str, float]:
    """Metres per second, degrees on the ground."""
    if velocity is None:
        return {}
    return {"speed": round(velocity.speed, 2), "heading": round(velocity.heading, 1)}


def _marked(detection: Detection, zones: tuple[str, ...], velocity: Velocity | None) -> Detection:
    attributes = detection.attributes
    if velocity is not None:
        pace = {"value": round(velocity.speed, 2), "unit": "m/s", "heading": round(velocity.heading, 1)}
        attributes = {**attributes, "speed": pace}
    others = tuple(name for name in detection.zones if name not in zones)
    return detection.marked((*others, *zones), attributes)
