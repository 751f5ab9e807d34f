"""A plain tracker after Y. Zhang et al., "ByteTrack", ECCV 2022, to compare with: it counts frames."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.tracking.assignment import match
from edged.algorithm.tracking.look import overlaps
from tests.crowds import Sight


class _Track:
    """Constant velocity per frame, noise in shares of the height as SORT's descendants have it."""

    def __init__(self, box: NDArray[np.float64]) -> None:
        self.mean = np.concatenate((_corners_to_middle(box), np.zeros(4)))
        height = self.mean[3]
        self.covariance = (
            np.diag(np.array([2, 2, 2, 2, 10, 10, 10, 10]) * height * np.array([0.05] * 4 + [0.00625] * 4))
            ** 2
        )
        self.missed = 0
        self.hits = 1
        self.track_id: int | None = None

    @property
    def box(self) -> NDArray[np.float64]:
        x, y, width, height = self.mean[:4]
        return np.array([x - width / 2, y - height / 2, x + width / 2, y + height / 2])

    def predict(self) -> None:
        step = np.eye(8)
        step[:4, 4:] = np.eye(4)
        if self.missed:
            self.mean[7] = 0
        noise = np.diag((self.mean[3] * np.array([0.05] * 4 + [0.00625] * 4)) ** 2)
        self.mean = step @ self.mean
        self.covariance = step @ self.covariance @ step.T + noise

    def update(self, box: NDArray[np.float64]) -> None:
        look = np.eye(4, 8)
        noise = np.diag([(0.05 * self.mean[3]) ** 2] * 4)
        gain = self.covariance @ look.T @ np.linalg.inv(look @ self.covariance @ look.T + noise)
        self.mean = self.mean + gain @ (_corners_to_middle(box) - self.mean[:4])
        self.covariance = (np.eye(8) - gain @ look) @ self.covariance
        self.missed = 0
        self.hits += 1


class PlainByteTrack:
    """High scores first, low ones for what remains, then tentative tracks; lost ones are kept 30 frames."""

    def __init__(self, buffer: int = 30, high: float = 0.5, low: float = 0.1) -> None:
        self._buffer, self._high, self._low = buffer, high, low
        self._tracks: list[_Track] = []
        self._ids = count(1)
        self._frame = 0

    def __call__(self, sight: Sight) -> Sequence[int | None]:
        self._frame += 1
        for track in self._tracks:
            track.predict()
        owners: dict[int, _Track] = {}
        high = [n for n, score in enumerate(sight.scores) if score >= self._high]
        low = [n for n, score in enumerate(sight.scores) if self._low <= score < self._high]
        known = [track for track in self._tracks if track.track_id is not None]
        self._pair(sight, known, high, 0.2, owners)
        rest = [track for track in known if track not in owners.values() and track.missed == 0]
        self._pair(sight, rest, low, 0.5, owners)
        tentative = [track for track in self._tracks if track.track_id is None]
        self._pair(sight, tentative, [n for n in high if n not in owners], 0.3, owners)
        seen = set(map(id, owners.values()))
        for track in self._tracks:
            track.missed = 0 if id(track) in seen else track.missed + 1
        self._tracks = [
            t for t in self._tracks if t.missed <= (self._buffer if t.track_id is not None else 0)
        ]
        for n in high:
            if n not in owners and sight.scores[n] >= self._high + 0.1:
                owners[n] = _Track(sight.boxes[n])
                self._tracks.append(owners[n])
        for track in owners.values():
            if track.track_id is None and (track.hits >= 2 or self._frame == 1):
                track.track_id = next(self._ids)
        return [owners[n].track_id if n in owners else None for n in range(len(sight.scores))]

    def _pair(
        self, sight: Sight, tracks: list[_Track], places: list[int], least: float, owners: dict[int, _Track]
    ) -> None:
        if not tracks or not places:
            return
        overlap = overlaps(np.array([track.box for track in tracks]), sight.boxes[places])
        for row, column in match(least - overlap):
            tracks[row].update(sight.boxes[places[column]])
            owners[places[column]] = tracks[row]


def _corners_to_middle(box: NDArray[np.float64]) -> NDArray[np.float64]:
    x_min, y_min, x_max, y_max = box
    return np.array([(x_min + x_max) / 2, (y_min + y_max) / 2, x_max - x_min, y_max - y_min])
