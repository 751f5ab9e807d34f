"""What algorithms say they send: what is a declaration, and what it means with which params."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algos.camera_health import FAULTS, CameraHealth
from algos.temporal import Temporal
from algos.zones import Zones
from edged.algorithm import (
    Algorithm,
    AlgorithmParams,
    BaseAlgo,
    Catalogue,
    Context,
    Frame,
    Outcome,
    Sessions,
    adapt,
    parse_params,
)
from edged.algorithm.declared import MOST_TYPES, declared_by

TYPES = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


class Quiet(Algorithm):
    def run(self, window: Sequence[Frame], before: Outcome) -> Outcome:
        return before


def made(algorithm: type[Algorithm], **params: Any) -> Algorithm:
    """Not opened."""
    context = Context("people", "gate", Sessions([]), lambda kind, fields: None)
    return algorithm(context, parse_params(algorithm, params))


def test_who_says_nothing_may_send_anything() -> None:
    class Own(BaseAlgo):
        pass

    assert declared_by(made(Quiet)) is None
    assert declared_by(made(adapt(Own))) is None


@given(st.dictionaries(TYPES, st.text(max_size=20), max_size=8))
def test_both_kinds_of_algorithms_declare_theirs(sends: dict[str, str]) -> None:
    declaring = type("Declaring", (Quiet,), {"sends": sends})
    own = type("Own", (BaseAlgo,), {}, sends=sends)
    for algorithm in (declaring, adapt(own)):
        assert declared_by(made(algorithm)) == frozenset(sends)
        assert algorithm.sends == sends


def test_a_subclass_may_send_more_and_so_says_its_own() -> None:
    class Falls(Quiet):
        sends: ClassVar = {"fall": "somebody fell"}

    class More(Falls):
        pass

    class Own(BaseAlgo, sends={"fall": "somebody fell"}):
        pass

    class MoreOwn(Own, size=(8, 8)):
        pass

    assert declared_by(made(More)) is None
    assert declared_by(made(adapt(MoreOwn))) is None
    assert declared_by(made(adapt(Own))) == {"fall"}


WRONG: list[tuple[Any, str]] = [
    (["fall"], "it is a list"),
    ("fall", "it is a str"),
    ({"a fall": "x"}, "'a fall' is no type"),
    ({1: "x"}, "1 is no type"),
    ({"": "x"}, "'' is no type"),
    ({"<a b>": "x"}, "'<a b>' is no type"),
    ({"fall": None}, "of fall it is none"),
    ({"fall": "x" * 201}, "a line of at most 200 characters"),
    ({f"fall{number}": "" for number in range(MOST_TYPES + 1)}, "the most is 256"),
]


@pytest.mark.parametrize(("sends", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_is_no_declaration_is_refused_where_the_class_stands(sends: Any, said: str) -> None:
    with pytest.raises(TypeError, match="Own: sends") as rich:
        type("Own", (Quiet,), {"sends": sends})
    with pytest.raises(TypeError, match="Own: sends") as small:
        type("Own", (BaseAlgo,), {}, sends=sends)
    assert said in str(rich.value)
    assert str(rich.value) == str(small.value)


class NamedParams(AlgorithmParams):
    event: Any = None


class Named(Quiet):
    Params = NamedParams
    sends: ClassVar = {"<event>": "as it is named", "<nobody>": "there is no such param", "plain": "always"}


class NamedOwn(BaseAlgo, sends={"<event>": "", "<nobody>": "", "plain": ""}):
    def init(self, event: Any = None) -> None: ...


@pytest.mark.parametrize("algorithm", [Named, adapt(NamedOwn)])
@pytest.mark.parametrize(
    ("event", "sent"),
    [
        (None, {"plain"}),
        ("fall", {"plain", "fall"}),
        (["fall", "rise"], {"plain", "fall", "rise"}),
        (7, None),
        ({"fall": 1}, None),
        ([1], None),
        ("no type", None),
        ([f"kind{number}" for number in range(MOST_TYPES)], None),
    ],
)
def test_a_param_may_name_the_type(
    algorithm: type[Algorithm], event: Any, sent: Collection[str] | None
) -> None:
    assert declared_by(made(algorithm, event=event)) == sent


# ---- those that come with edged ----


def test_all_of_them_say_what_they_send() -> None:
    catalogue = Catalogue([])
    assert len(catalogue.built_in()) >= 12
    for name in catalogue.built_in():
        assert catalogue.find(name).sends is not None, name


@pytest.mark.parametrize(
    ("params", "left_out"),
    [
        ({"dwell": 1, "limit": 0}, set()),
        ({"dwell": {"door": 1}, "limit": {"door": 0}}, set()),
        ({}, {"zone_dwell", "count_over"}),
        ({"dwell": {}, "limit": {}}, {"zone_dwell", "count_over"}),
        ({"dwell": 1, "limit": 1, "lines": []}, {"line_cross"}),
        ({"dwell": 1, "limit": 1, "zones": []}, {"zone_enter", "zone_exit", "zone_dwell", "count_over"}),
    ],
)
def test_zones_sends_what_its_params_ask_for(params: dict[str, Any], left_out: set[str]) -> None:
    assert declared_by(made(Zones, **params)) == set(Zones.sends) - left_out


def test_camera_health_sends_the_faults_that_it_looks_for() -> None:
    assert declared_by(made(CameraHealth)) == set(CameraHealth.sends)
    assert declared_by(made(CameraHealth, faults=["black"])) == {"camera_black"}
    assert set(CameraHealth.sends) == {f"camera_{fault}" for fault in FAULTS}


def test_a_subclass_of_one_of_them_sends_what_it_declares() -> None:
    class Mine(Zones):
        sends: ClassVar = {**Zones.sends, "mine": "something else"}

    sent = declared_by(made(Mine))
    assert sent == {"zone_enter", "zone_exit", "line_cross", "mine"}


def test_temporal_sends_what_its_event_is_called() -> None:
    assert declared_by(made(Temporal, model="none.onnx")) == set()
    assert declared_by(made(Temporal, model="none.onnx", event="fall", labels=["a"])) == {"fall"}
