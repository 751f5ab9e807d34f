"""Where objects are and where they go: a Kalman filter over real time, for all objects of a source at once.

The centre of a box moves with a velocity that wanders and calms down (an integrated Ornstein-Uhlenbeck
process: R. A. Singer, "Estimating optimal tracking filter performance for manned maneuvering targets", IEEE
Transactions on Aerospace and Electronic Systems 6 (1970), with the velocity in place of the acceleration).
Its equations are exact for any time between two looks: two steps of 0.1 s are one of 0.2 s, so irregular
sampling needs no care, and after a second without a look nobody is expected a street further on. (So the
re-update along virtual sightings, with which OC-SORT repairs a filter that ran blind in steps of frames,
has nothing to repair here: in crowds whose truth is known it made no difference.) The logarithms of width
and height only drift. All noise is in units of the object's own size, since what is near moves faster.

Lengths are in heights of the frame; seconds. The columns of a state are objects, its rows the numbers
below: x and y of the centre and its velocity, logarithms of width and height, the mean of width and height,
variance of the position, covariance of position and velocity, variance of the velocity (the same for x and
y), variance of the logarithms.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

X, Y, VX, VY, LOG_W, LOG_H, SIZE, POS, COV, VEL, SPREAD = range(11)
ROWS = 11

States = NDArray[np.float64]
"""``(ROWS, n)``"""
Sightings = NDArray[np.float64]
"""``(4, n)``: x and y of the centre, logarithms of width and height."""

CALM_S = 2.0
"""How long a velocity lasts: the time constant of the process."""
JITTER = 0.05
"""Of a sure detection's centre, in sizes: standard deviation."""
DOUBT = 0.08
"""What a score of 0 adds to it."""
SIZE_JITTER = 0.1
"""Of the logarithms of width and height."""
SIZE_DRIFT = 0.15
"""Of the same within a second."""
TAIL = 6.0
"""Degrees of freedom of the errors: boxes jump when something hides a part of an object, more often than
a normal distribution has it."""
_LEAST = 1e-4
"""Width and height of a box that has none."""


def sightings_of(boxes: NDArray[np.float64], aspect: float) -> Sightings:
    """From boxes ``(n, 4)`` in fractions of a frame that is ``aspect`` times as wide as high."""
    x_min, y_min, x_max, y_max = boxes.T
    seen = np.empty((4, len(boxes)))
    seen[0] = (x_min + x_max) * (aspect / 2)
    seen[1] = (y_min + y_max) / 2
    seen[2] = np.log(np.maximum((x_max - x_min) * aspect, _LEAST))
    seen[3] = np.log(np.maximum(y_max - y_min, _LEAST))
    return seen


def boxes_of(states: States, aspect: float) -> NDArray[np.float64]:
    """The boxes ``(n, 4)`` of ``states`` in fractions of the frame, cut off at its edges."""
    half_w, half_h = np.exp(states[LOG_W]) / 2, np.exp(states[LOG_H]) / 2
    x, y = states[X], states[Y]
    corners = ((x - half_w) / aspect, y - half_h, (x + half_w) / aspect, y + half_h)
    return np.asarray(np.clip(np.array(corners).reshape(4, -1).T, 0.0, 1.0))


def begin(seen: Sightings, jitter: NDArray[np.float64], speed: float) -> States:
    """States of objects seen for the first time, which may go anywhere.

    ``jitter`` is that of `jitter_of`; ``speed`` the usual one, in sizes a second.
    """
    states = np.zeros((ROWS, seen.shape[1]))
    states[(X, Y, LOG_W, LOG_H), :] = seen
    states[SIZE] = _size(seen[2], seen[3])
    states[POS] = (jitter * states[SIZE]) ** 2
    states[VEL] = (speed * states[SIZE]) ** 2
    states[SPREAD] = SIZE_JITTER**2
    return states


def predict(states: States, passed_s: float, speed: float) -> None:
    """Let ``passed_s`` seconds pass over ``states``, in place."""
    if passed_s <= 0:
        return
    lasts = math.exp(-passed_s / CALM_S)
    reach = CALM_S * (1 - lasts)
    wander = 2 * CALM_S * (passed_s - 2 * reach + CALM_S * (1 - lasts * lasts) / 2)
    states[X] += reach * states[VX]
    states[Y] += reach * states[VY]
    states[VX : VY + 1] *= lasts
    usual = (speed * states[SIZE]) ** 2
    covariance, velocity = states[COV], states[VEL]
    states[POS] += reach * (2 * covariance + reach * velocity) + usual * wander
    states[COV] = lasts * (covariance + reach * velocity) + usual * (reach * (1 - lasts))
    states[VEL] = lasts * lasts * velocity + usual * (1 - lasts * lasts)
    states[SPREAD] += SIZE_DRIFT**2 * passed_s


def jitter_of(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far a detection's centre may be off, in sizes: the less sure, the further."""
    return JITTER + DOUBT * (1 - scores)


def update(states: States, seen: Sightings, jitter: NDArray[np.float64]) -> States:
    """What ``states`` are once each was seen: a sighting, and its jitter, for each.

    One that is far off counts less, as errors with a long tail have it.
    """
    after = states.copy()
    dx, dy = seen[0] - states[X], seen[1] - states[Y]
    noise = (jitter * states[SIZE]) ** 2
    off = (dx * dx + dy * dy) / (states[POS] + noise)
    noise *= (TAIL + off) / (TAIL + 2)
    total = states[POS] + noise
    gain, drag = states[POS] / total, states[COV] / total
    after[X] += gain * dx
    after[Y] += gain * dy
    after[VX] += drag * dx
    after[VY] += drag * dy
    after[POS] = gain * noise
    after[COV] = drag * noise
    after[VEL] -= drag * states[COV]
    gain = states[SPREAD] / (states[SPREAD] + SIZE_JITTER**2)
    after[LOG_W : LOG_H + 1] += gain * (seen[2:] - states[LOG_W : LOG_H + 1])
    after[SPREAD] = gain * SIZE_JITTER**2
    after[SIZE] = _size(after[LOG_W], after[LOG_H])
    return after


def _size(log_w: NDArray[np.float64], log_h: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((np.exp(log_w) + np.exp(log_h)) / 2)
