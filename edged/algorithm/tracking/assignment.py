"""Who belongs to whom, at the least cost: an exact solver for the assignment problem.

Most of what a tracker asks falls apart into pairs and small groups, since distant boxes have nothing to
do with each other; each group is solved for itself. The solver is the shortest augmenting path of
R. Jonker and A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear assignment
problems", Computing 38 (1987), in the rectangular form of D. F. Crouse, "On implementing 2D rectangular
assignment algorithms", IEEE Transactions on Aerospace and Electronic Systems 52 (2016).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SMALL = 4000
"""Cells of a group up to which plain Python is faster than numpy."""
_INFINITE = float("inf")

Costs = NDArray[np.float64]
Pairs = list[tuple[int, int]]


def match(costs: Costs) -> Pairs:
    """The pairs (row, column) of least total cost; no row and no column stands in two.

    ``costs``: ``(n, m)``, finite. Only pairs of negative cost are made: 0 is what leaving both alone costs.
    Ordered by row.
    """
    rows, columns = (side.tolist() for side in np.nonzero(costs < 0))
    of_row: dict[int, list[int]] = {}
    of_column: dict[int, list[int]] = {}
    for row, column in zip(rows, columns, strict=True):
        of_row.setdefault(row, []).append(column)
        of_column.setdefault(column, []).append(row)
    pairs: Pairs = []
    seen: set[int] = set()
    for row, candidates in of_row.items():
        if row in seen:
            continue
        if len(candidates) == 1 and len(of_column[candidates[0]]) == 1:
            pairs.append((row, candidates[0]))
            continue
        group_rows, group_columns = _group(row, of_row, of_column)
        seen.update(group_rows)
        pairs += _solve_group(costs, group_rows, group_columns)
    pairs.sort()
    return pairs


def solve(costs: Costs) -> list[int]:
    """The column of each row at the least total cost; ``costs`` is ``(n, m)``, finite, n <= m."""
    if costs.size <= _SMALL:
        return _solve_small(costs.tolist())
    return _solve_large(costs)


def _group(
    row: int, of_row: dict[int, list[int]], of_column: dict[int, list[int]]
) -> tuple[list[int], list[int]]:
    """The rows and columns that are tied to ``row`` by possible pairs."""
    rows, columns = {row: None}, dict[int, None]()
    waiting = [row]
    while waiting:
        for column in of_row[waiting.pop()]:
            if column in columns:
                continue
            columns[column] = None
            fresh = [other for other in of_column[column] if other not in rows]
            rows.update(dict.fromkeys(fresh))
            waiting += fresh
    return list(rows), list(columns)


def _solve_group(costs: Costs, rows: list[int], columns: list[int]) -> Pairs:
    part = np.minimum(costs[np.ix_(rows, columns)], 0.0)
    if len(rows) <= len(columns):
        chosen = list(enumerate(solve(part)))
    else:
        chosen = [(row, column) for column, row in enumerate(solve(part.T))]
    return [(rows[row], columns[column]) for row, column in chosen if part[row, column] < 0]


def _solve_small(costs: Sequence[Sequence[float]]) -> list[int]:
    """In plain Python. Prices of columns make every reduced cost of the rows dealt with at least 0."""
    count = len(costs[0]) if costs else 0
    row_of = [-1] * count
    prices, offers = [0.0] * count, [0.0] * len(costs)
    for start in range(len(costs)):
        lengths, before = [_INFINITE] * count, [-1] * count
        open_columns = list(range(count))
        closed: list[int] = []
        row, reached, shortest = start, -1, 0.0
        while reached < 0:
            base = shortest - offers[row]
            shortest, at = _go_on(row, costs[row], prices, base, open_columns, lengths, before)
            open_columns.remove(at)
            if row_of[at] < 0:
                reached = at
            else:
                closed.append(at)
                row = row_of[at]
        offers[start] += shortest
        for column in closed:
            offers[row_of[column]] += shortest - lengths[column]
            prices[column] -= shortest - lengths[column]
        _augment(row_of, before, reached, start)
    return _by_row(row_of, len(costs))


def _go_on(
    row: int,
    costs: Sequence[float],
    prices: Sequence[float],
    base: float,
    open_columns: Sequence[int],
    lengths: list[float],
    before: list[int],
) -> tuple[float, int]:
    """Lengthen the shortest paths by way of ``row``; the nearest column that is open, and how far it is."""
    nearest, at = _INFINITE, -1
    for column in open_columns:
        length = costs[column] - prices[column] + base
        if length < lengths[column]:
            lengths[column], before[column] = length, row
        else:
            length = lengths[column]
        if length < nearest:
            nearest, at = length, column
    return nearest, at


def _solve_large(costs: Costs) -> list[int]:
    """The same, a row of costs at a time."""
    size, count = costs.shape
    prices, offers = np.zeros(count), np.zeros(size)
    row_of = [-1] * count
    for start in range(size):
        lengths, before = np.full(count, _INFINITE), np.full(count, -1)
        reach = np.full(count, _INFINITE)
        """As `lengths`, infinite where a column is closed."""
        closed: list[int] = []
        row, reached, shortest = start, -1, 0.0
        while reached < 0:
            fresh = costs[row] - prices + (shortest - offers[row])
            fresh[closed] = _INFINITE
            shorter = fresh < lengths
            np.copyto(lengths, fresh, where=shorter)
            np.copyto(reach, fresh, where=shorter)
            before[shorter] = row
            at = int(reach.argmin())
            shortest = float(reach[at])
            reach[at] = _INFINITE
            if row_of[at] < 0:
                reached = at
            else:
                closed.append(at)
                row = row_of[at]
        offers[start] += shortest
        if closed:
            gained = shortest - lengths[closed]
            offers[[row_of[column] for column in closed]] += gained
            prices[closed] -= gained
        _augment(row_of, before.tolist(), reached, start)
    return _by_row(row_of, size)


def _augment(row_of: list[int], before: Sequence[int], column: int, start: int) -> None:
    """Shift the pairs along the path that ends at ``column``."""
    row = -1
    while row != start:
        row = before[column]
        row_of[column], column = row, row_of.index(row) if row in row_of else -1


def _by_row(row_of: Sequence[int], size: int) -> list[int]:
    columns = [-1] * size
    for column, row in enumerate(row_of):
        if row >= 0:
            columns[row] = column
    return columns
