"""The exact solver against all permutations."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edged.algorithm.tracking import assignment
from edged.algorithm.tracking.assignment import Pairs, match

NUMBERS = st.one_of(st.integers(-5, 5).map(float), st.floats(-100, 100))


@st.composite
def matrices(draw: st.DrawFn, least: int = 0, most: int = 5) -> NDArray[np.float64]:
    rows, columns = draw(st.integers(least, most)), draw(st.integers(least, most))
    flat = draw(st.lists(NUMBERS, min_size=rows * columns, max_size=rows * columns))
    return np.array(flat, dtype=np.float64).reshape(rows, columns)


def least_cost(costs: NDArray[np.float64]) -> float:
    """Of all sets of pairs, by trying each."""
    rows, columns = costs.shape
    best = 0.0
    for size in range(1, min(rows, columns) + 1):
        for some in combinations(range(rows), size):
            for order in permutations(range(columns), size):
                best = min(best, sum(costs[row, column] for row, column in zip(some, order, strict=True)))
    return best


def cost_of(costs: NDArray[np.float64], pairs: Pairs) -> float:
    return float(sum(costs[row, column] for row, column in pairs))


@given(matrices())
@settings(max_examples=300)
def test_no_set_of_pairs_costs_less(costs: NDArray[np.float64]) -> None:
    pairs = match(costs)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert all(costs[row, column] < 0 for row, column in pairs)
    assert pairs == sorted(pairs)
    assert abs(cost_of(costs, pairs) - least_cost(costs)) < 1e-9


@given(matrices(least=1, most=6).filter(lambda costs: costs.shape[0] <= costs.shape[1]))
@settings(max_examples=300)
def test_the_way_for_large_groups_is_as_exact(costs: NDArray[np.float64]) -> None:
    rows = range(len(costs))
    small = assignment._solve_small(costs.tolist())
    large = assignment._solve_large(costs)
    best = min(
        sum(costs[row, column] for row, column in zip(rows, order, strict=True))
        for order in permutations(range(costs.shape[1]), len(costs))
    )
    for columns in (small, large):
        assert len(set(columns)) == len(costs)
        assert abs(cost_of(costs, list(zip(rows, columns, strict=True))) - best) < 1e-9


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_prices_prove_that_a_large_answer_is_best(seed: int, rows: int, columns: int) -> None:
    """Both ways agree where trying all is out of the question, also with many equal costs."""
    random = np.random.default_rng(seed)
    costs = random.integers(-6, 3, (rows, columns)).astype(np.float64)
    part = np.minimum(costs if rows <= columns else costs.T, 0)
    small, large = assignment._solve_small(part.tolist()), assignment._solve_large(part)
    pairs = match(costs)
    totals = [sum(part[row, column] for row, column in enumerate(found)) for found in (small, large)]
    assert totals == [cost_of(costs, pairs)] * 2


def test_nothing_to_match() -> None:
    assert match(np.zeros((0, 4))) == match(np.zeros((3, 0))) == match(np.ones((3, 3))) == []
