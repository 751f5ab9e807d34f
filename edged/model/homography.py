"""Whether points of a picture can be points of flat ground, and how one becomes the other. Needs no numpy.

A homography by the direct linear transform with normalised points (Hartley and Zisserman, Multiple
View Geometry, 2nd edition, 4.1 and 4.4.4), least squares over all points given. The singular vector that it
wants is an eigenvector of a 9 x 9 matrix: Jacobi's rotations (Golub and Van Loan, Matrix Computations, 8.5).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

from edged.model.scene import Point

_DEGENERATE = 1e-4
"""A second direction this much weaker than the rest is none."""
_MISFIT = 0.1
"""Of the ground's extent, by which no point may be off."""
_FURTHEST = 1e7
"""Metres; no numbers overflow."""
_CLOSE = 1e-9
"""Points that lie no further apart are in one place."""
_SWEEPS = 30
"""Six are enough; it ends whatever the numbers are."""

Matrix = list[list[float]]
"""By rows."""


def homography(image: Sequence[Point], ground: Sequence[Point]) -> Matrix:
    """3 x 3: a point ``(u, v, 1)`` of the picture → ``(x, y, 1)`` on the ground, times its depth, which is
    positive where the picture shows ground.

    Raises ValueError, which says the mend, for points that fix no plane or fit none.
    """
    _check_points(image, ground)
    from_image, from_ground = _normalisation(image), _normalisation(ground)
    rows = list(_equations(_mapped(image, from_image), _mapped(ground, from_ground)))
    values, vector = _weakest(_product(_transposed(rows), rows))
    normal = [vector[:3], vector[3:6], vector[6:]]
    if values[1] < _DEGENERATE**2 * values[-1] or abs(_determinant(normal)) < _DEGENERATE**2:
        raise ValueError(
            "the points fix no plane, three or more of them lie on one line or in one place;"
            " give four corners of something flat, such as a parking space"
        )
    matrix = _product(_undone(from_ground), _product(normal, from_image))
    sign = math.copysign(1.0, _depth(matrix, image[0]))
    matrix = [[sign * value for value in row] for row in matrix]
    _check_fit(matrix, image, ground)
    return matrix


def calibration_fault(image: Sequence[Point], ground: Sequence[Point]) -> str:
    """Why these points of a picture cannot be those of flat ground; empty where they can."""
    try:
        homography(image, ground)
    except ValueError as error:
        return str(error)
    return ""


def _check_points(image: Sequence[Point], ground: Sequence[Point]) -> None:
    if len(image) != len(ground) or len(image) < 4:
        raise ValueError(
            f"{len(image)} image and {len(ground)} ground points; give at least four of each,"
            " in the same order"
        )
    if not all(abs(number) <= _FURTHEST for point in (*image, *ground) for number in point):
        raise ValueError(f"points must be finite numbers, and none beyond {_FURTHEST:g}")


def _check_fit(matrix: Matrix, image: Sequence[Point], ground: Sequence[Point]) -> None:
    if min(_depth(matrix, point) for point in image) <= 0:
        raise ValueError("the points turn the ground over; give image and ground points in the same order")
    off_m = [math.dist(_place(matrix, seen), real) for seen, real in zip(image, ground, strict=True)]
    extent_m = max(max(values) - min(values) for values in zip(*ground, strict=True))
    worst = off_m.index(max(off_m))
    if not off_m[worst] <= _MISFIT * extent_m:
        raise ValueError(
            f"the points fit no flat ground (number {worst + 1} is {off_m[worst]:.1f} m off, the furthest):"
            " are they in the same order, and the ground's in metres? Leave out what you are not sure of;"
            " four will do"
        )


def _depth(matrix: Matrix, point: Point) -> float:
    return matrix[2][0] * point[0] + matrix[2][1] * point[1] + matrix[2][2]


def _place(matrix: Matrix, point: Point) -> Point:
    x, y = (row[0] * point[0] + row[1] * point[1] + row[2] for row in matrix[:2])
    depth = _depth(matrix, point)
    return x / depth, y / depth


def _normalisation(points: Sequence[Point]) -> Matrix:
    """Moves the centroid to the origin and the mean distance to √2."""
    middle = tuple(sum(values) / len(points) for values in zip(*points, strict=True))
    spread = sum(math.dist(point, middle) for point in points) / len(points)
    scale = math.sqrt(2) / spread if spread > _CLOSE else 1.0
    return [[scale, 0.0, -scale * middle[0]], [0.0, scale, -scale * middle[1]], [0.0, 0.0, 1.0]]


def _undone(normalisation: Matrix) -> Matrix:
    scale, x, y = normalisation[0][0], normalisation[0][2], normalisation[1][2]
    return [[1 / scale, 0.0, -x / scale], [0.0, 1 / scale, -y / scale], [0.0, 0.0, 1.0]]


def _mapped(points: Sequence[Point], matrix: Matrix) -> list[Point]:
    return [_place(matrix, point) for point in points]


def _equations(image: Sequence[Point], ground: Sequence[Point]) -> Iterator[list[float]]:
    for (u, v), (x, y) in zip(image, ground, strict=True):
        yield [u, v, 1.0, 0.0, 0.0, 0.0, -x * u, -x * v, -x]
        yield [0.0, 0.0, 0.0, u, v, 1.0, -y * u, -y * v, -y]


def _weakest(symmetric: Matrix) -> tuple[list[float], list[float]]:
    """The eigenvalues, the smallest first, and the vector of that one."""
    size = len(symmetric)
    rotated = [list(row) for row in symmetric]
    vectors = [[float(row == column) for column in range(size)] for row in range(size)]
    """By rows, so the transpose of what the textbook has."""
    for _ in range(_SWEEPS):
        largest = max(abs(rotated[p][q]) for p, q in combinations(range(size), 2))
        if largest <= 1e-15 * max(rotated[n][n] for n in range(size)):
            break
        for p, q in combinations(range(size), 2):
            _rotate(rotated, vectors, p, q)
    ordered = sorted((rotated[n][n], n) for n in range(size))
    return [value for value, _ in ordered], vectors[ordered[0][1]]


def _rotate(matrix: Matrix, vectors: Matrix, p: int, q: int) -> None:
    """Makes the element at (p, q) vanish."""
    if matrix[p][q] == 0.0:
        return
    ratio = (matrix[q][q] - matrix[p][p]) / (2 * matrix[p][q])
    tangent = math.copysign(1.0, ratio) / (abs(ratio) + math.hypot(1.0, ratio))
    cosine = 1 / math.hypot(1.0, tangent)
    sine = tangent * cosine
    for row in matrix:
        row[p], row[q] = cosine * row[p] - sine * row[q], sine * row[p] + cosine * row[q]
    for rows in (matrix, vectors):
        first, second = rows[p], rows[q]
        rows[p] = [cosine * one - sine * other for one, other in zip(first, second, strict=True)]
        rows[q] = [sine * one + cosine * other for one, other in zip(first, second, strict=True)]


def _transposed(matrix: Matrix) -> Matrix:
    return [list(column) for column in zip(*matrix, strict=True)]


def _product(one: Matrix, other: Matrix) -> Matrix:
    columns = _transposed(other)
    return [[sum(map(float.__mul__, row, column)) for column in columns] for row in one]


def _determinant(matrix: Matrix) -> float:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    return a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
