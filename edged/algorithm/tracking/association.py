"""How badly a sighting fits what is known of an object: the costs that the assignment weighs.

A cost is the negative logarithm of a likelihood ratio: that the sighting is of the object, against that it
is of something else. So an object that was lost for seconds, and may be anywhere, does not take a sighting
from one that is expected just there; and no threshold on overlaps has to fit both 30 looks a second, where
boxes hardly move, and one, where people go further than their own width. Two beliefs compete: that the
object went on as predicted, and that it stood still where it was seen last (the recovery of J. Cao et al.,
"Observation-Centric SORT", CVPR 2023).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edged.algorithm.tracking import kinematics as k
from edged.algorithm.tracking.kinematics import Sightings, States

STILL = 0.15
"""How far off an object that stands still is seen, in sizes."""
STOPPED = 2.5
"""-log of how likely it is that it stopped."""
SIZE_WEIGHT = 0.5
"""Of the difference of width and height: it depends on posture and on what hides a part."""


def fit_costs(states: States, known: States, seen: Sightings) -> NDArray[np.float64]:
    """``(n, m)``: of each of ``n`` objects with each of ``m`` sightings.

    ``states`` are predicted to the time of the look, ``known`` as of each object's latest sighting.
    """
    size = states[k.SIZE]
    moving = states[k.POS] + (k.JITTER * size) ** 2
    still = (STILL * size) ** 2
    area = size * size
    half = k.TAIL / 2 + 1
    went = half * np.log1p(_apart(states[: k.Y + 1], seen, k.TAIL * moving)) + np.log(moving / area)[:, None]
    stood = half * np.log1p(_apart(known[: k.Y + 1], seen, k.TAIL * still))
    stood += 2 * math.log(STILL) + STOPPED
    spread = (states[k.SPREAD] + k.SIZE_JITTER**2) * k.TAIL
    shape = np.log1p(_apart(states[k.LOG_W : k.LOG_H + 1], seen[2:], spread))
    costs = np.minimum(went, stood, out=went)
    costs += (SIZE_WEIGHT * half) * shape
    return np.asarray(costs)


def _apart(
    one: NDArray[np.float64], other: NDArray[np.float64], unit: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Squared distances ``(n, m)`` between points ``(2, n)`` and ``(2, m)``, in units ``(n,)`` of the
    former."""
    across = one[0][:, None] - other[0]
    down = one[1][:, None] - other[1]
    across *= across
    down *= down
    across += down
    across /= unit[:, None]
    return np.asarray(across)
