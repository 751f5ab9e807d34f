from __future__ import annotations

import json

import pytest
from rich.console import Console

from edged.app.bench.figures import Figure, Verdict, all_well, median_figure
from edged.app.bench.report import as_json, show


@pytest.mark.parametrize(
    ("measured", "at_most", "at_least", "verdict"),
    [
        (1.25, 1.25, None, Verdict.OK),
        (1.26, 1.25, None, Verdict.OVER),
        (0.8, None, 0.8, Verdict.OK),
        (0.79, None, 0.8, Verdict.OVER),
        (7.0, None, None, Verdict.NONE),
        (float("nan"), 5.0, None, Verdict.OVER),
        (float("nan"), None, 5.0, Verdict.OVER),
    ],
)
def test_a_figure_is_held_against_its_limit(
    measured: float, at_most: float | None, at_least: float | None, verdict: Verdict
) -> None:
    figure = Figure("cost", measured, "x", at_most, at_least)
    assert figure.verdict is verdict
    assert all_well([figure]) is (verdict is not Verdict.OVER)


def test_medians_are_of_all_repeats() -> None:
    figure = median_figure("stop", [3.0, 1.0, 2.0], "s", at_most=2.0)
    assert (figure.measured, figure.verdict, figure.samples) == (2.0, Verdict.OK, (3.0, 1.0, 2.0))
    assert median_figure("stop", [], at_most=2.0).verdict is Verdict.OVER


@pytest.mark.parametrize(
    ("measured", "shown"),
    [(1234.5, "1234 s"), (43.21, "43.2 s"), (1.254, "1.25 s"), (0.0821, "0.082 s"), (3.0, "3 s")],
)
def test_three_digits_are_shown(measured: float, shown: str) -> None:
    assert Figure("x", measured, "s").value == shown


def test_the_table_has_figure_value_limit_and_verdict() -> None:
    console = Console(width=120, record=True, quiet=False)
    with console.capture() as caught:
        show(console, "on [this] machine", [Figure("stop", 3.5, "s", at_most=3.0, note="[of main]")])
    line = caught.get().splitlines()[-1]
    assert line.split() == ["stop", "3.50", "s", "≤", "3", "s", "over", "[of", "main]"]
    assert "on [this] machine" in caught.get()


def test_json_leaves_out_what_does_not_apply() -> None:
    figures = [Figure("rate", 9.98765, "a second"), Figure("stop", float("nan"), "s", at_most=3.0)]
    content = json.loads(as_json({"film": "f"}, figures))
    assert content["film"] == "f"
    assert content["figures"] == [
        {"name": "rate", "measured": 9.9877, "unit": "a second"},
        {"name": "stop", "measured": None, "unit": "s", "at_most": 3.0, "verdict": "over"},
    ]
