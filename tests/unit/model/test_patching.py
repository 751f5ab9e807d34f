"""Merge patches (RFC 7396), operations (RFC 6902), and what neither may do."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import jsonpointer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edged.model.canonical import canonical
from edged.model.patching import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_OPS,
    apply_ops,
    check_bounds,
    compose,
    difference,
    is_same,
    merge,
)

KEYS = st.sampled_from(["a", "b", "c"])
LEAVES = st.booleans() | st.integers(-2, 2) | st.sampled_from(["x", "y", 1.0])
DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda below: (
            st.lists(below | st.none(), max_size=2) | st.dictionaries(KEYS, below | LEAVES, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=3,
)
PATCHES = st.recursive(
    LEAVES | st.none() | st.lists(LEAVES, max_size=2),
    lambda below: st.dictionaries(KEYS, below, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_rfc_7396(target: Any, patch: Any, result: Any) -> None:
    """Its appendix A, all of it."""
    before = copy.deepcopy((target, patch))
    assert merge(target, patch) == result
    assert (target, patch) == before


@given(DOCUMENTS, DOCUMENTS)
def test_a_difference_makes_one_of_the_other(before: Any, after: Any) -> None:
    patch = difference(before, after)
    assert is_same(merge(before, patch), after)
    assert bool(patch) != is_same(before, after)


def test_a_difference_that_no_merge_patch_can_say() -> None:
    with pytest.raises(ValueError, match="null"):
        difference({"a": {"b": 1}}, {"a": {"b": None}})
    with pytest.raises(ValueError, match="null"):
        difference({"a": 1}, {"a": {"b": None}})
    assert difference({"a": None, "b": 1}, {"a": None, "b": [None]}) == {"b": [None]}


def test_true_is_no_number_and_one_is_as_good_as_another() -> None:
    assert difference({"a": 1}, {"a": True}) == {"a": True}
    assert difference({"a": [1]}, {"a": [True]}) == {"a": [True]}
    assert difference({"a": 1}, {"a": 1.0}) == {}


@given(DOCUMENTS, PATCHES, PATCHES)
def test_two_patches_are_one_where_there_is_one(document: Any, first: Any, second: Any) -> None:
    try:
        both = compose(first, second)
    except ValueError:
        return
    assert is_same(merge(document, both), merge(merge(document, first), second))


@pytest.mark.parametrize("first", [{"a": None}, {"a": 1}, {"a": [1]}, None, 1])
def test_what_cannot_be_one_patch_says_so(first: Any) -> None:
    """Whatever the document has below ``a`` would show through."""
    with pytest.raises(ValueError, match="cannot be made one"):
        compose(first, {"a": {"b": 1}} if isinstance(first, dict) else {"b": 1})


@pytest.mark.parametrize(
    ("target", "ops", "result"),
    [
        ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
        (
            {"foo": ["bar", "baz"]},
            [{"op": "add", "path": "/foo/1", "value": "qux"}],
            {"foo": ["bar", "qux", "baz"]},
        ),
        ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
        (
            {"baz": "qux", "foo": "bar"},
            [{"op": "replace", "path": "/baz", "value": "boo"}],
            {"baz": "boo", "foo": "bar"},
        ),
        (
            {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
            [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
            {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
        ),
        (
            {"foo": ["all", "grass", "cows", "eat"]},
            [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
            {"foo": ["all", "cows", "eat", "grass"]},
        ),
        (
            {"baz": "qux", "foo": ["a", 2, "c"]},
            [
                {"op": "test", "path": "/baz", "value": "qux"},
                {"op": "test", "path": "/foo/1", "value": 2},
            ],
            {"baz": "qux", "foo": ["a", 2, "c"]},
        ),
        (
            {"foo": "bar"},
            [{"op": "add", "path": "/child", "value": {"grandchild": {}}}],
            {"foo": "bar", "child": {"grandchild": {}}},
        ),
        (
            {"foo": "bar"},
            [{"op": "add", "path": "/baz", "value": "qux", "xyz": 123}],
            {"foo": "bar", "baz": "qux"},
        ),
        ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
        (
            {"foo": ["bar"]},
            [{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}],
            {"foo": ["bar", ["abc", "def"]]},
        ),
        ({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/c"}], {"a": {"b": 1}, "c": {"b": 1}}),
        ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 2}}], {"b": 2}),
    ],
)
def test_the_examples_of_rfc_6902(target: Any, ops: Any, result: Any) -> None:
    """Those of its appendix A that succeed, in order, and two more."""
    before = copy.deepcopy((target, ops))
    assert apply_ops(target, ops) == result
    assert (target, ops) == before


@pytest.mark.parametrize(
    ("ops", "says"),
    [
        ([{"op": "test", "path": "/baz", "value": "bar"}], 'ops.0: the test failed: at "/baz"'),
        ([{"op": "add", "path": "/nothing/bat", "value": 1}], 'ops.0: add: there is no such place as "/noth'),
        ([{"op": "test", "path": "/one", "value": "1"}], "the test failed"),
        ([{"op": "remove", "path": "/nothing"}], 'there is no such place as "/nothing"'),
        ([{"op": "remove", "path": ""}], "there is no such place"),
        ([{"op": "replace", "path": "/list/2", "value": 1}], "there is no such place"),
        ([{"op": "add", "path": "/list/01", "value": 1}], "there is no such place"),
        ([{"op": "add", "path": "/list/9", "value": 1}], "there is no such place"),
        ([{"op": "move", "from": "/a", "path": "/a/b"}], "there is no such place"),
        ([{"op": "copy", "from": "/nothing", "path": "/b"}], 'there is nothing at "/nothing"'),
        ([{"op": "copy", "from": "/list/-", "path": "/b"}], "there is nothing at"),
        ([{"op": "append", "path": "/baz", "value": "x"}], "op should be one of add, remove"),
        ([{"op": ["add"], "path": "/baz", "value": "x"}], "op should be one of"),
        ([{"path": "/baz"}], "op should be one of"),
        ([{"op": "remove"}], "path should be a JSON pointer"),
        ([{"op": "remove", "path": "baz"}], "path should be a JSON pointer"),
        ([{"op": "remove", "path": "/a~2"}], "path should be a JSON pointer"),
        ([{"op": "remove", "path": 3}], "path should be a JSON pointer"),
        ([{"op": "move", "path": "/b"}], "from should be a JSON pointer"),
        ([{"op": "add", "path": "/b"}], "add needs a value"),
        (["remove"], "ops.0: should be a mapping"),
        ([{"op": "add", "path": "/b", "value": 1}, 5], "ops.1: should be a mapping"),
        ({"op": "remove", "path": "/baz"}, "should be a list"),
        ("[]", "should be a list"),
        ([{"op": "test", "path": "/baz", "value": "qux"}] * (MAX_OPS + 1), "the most is 1000"),
    ],
)
def test_what_cannot_be_done_is_told_without_the_document(ops: Any, says: str) -> None:
    target = {"baz": "hunter2", "one": 1, "list": [1, 2], "a": {"deep": "hunter2"}}
    before = copy.deepcopy(target)
    with pytest.raises(ValueError) as caught:
        apply_ops(target, ops)
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert target == before


def test_copies_of_copies_end_before_memory_does() -> None:
    bomb = [{"op": "copy", "from": "", "path": f"/{number}"} for number in range(200)]
    with pytest.raises(ValueError, match="handles more than 1048576 bytes"):
        apply_ops({"a": [1] * 100}, bomb)
    doubling = [{"op": "copy", "from": "/a", "path": "/a/-"}]
    with pytest.raises(ValueError, match="more than"):
        apply_ops({"a": [1] * 100}, doubling * 100)
    wide = [{"op": "copy", "from": "/a", "path": f"/b{number}"} for number in range(MAX_OPS)]
    to_and_fro = [{"op": "move", "from": f"/{a}", "path": f"/{b}"} for a, b in ("ab", "ba")] * 500
    for ops in (wide, to_and_fro):
        with pytest.raises(ValueError, match="handles more than"):
            apply_ops({"a": "x" * 10_000}, ops)


def test_a_result_is_no_larger_than_a_payload_may_be() -> None:
    half = "x" * (MAX_BYTES // 2 - 20)
    assert apply_ops({"a": half}, [{"op": "copy", "from": "/a", "path": "/b"}])["b"] == half
    with pytest.raises(ValueError, match=f"the most is {MAX_BYTES}"):
        apply_ops({"a": half}, [{"op": "copy", "from": "/a", "path": f"/{name}"} for name in "bc"])


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def test_nothing_is_nested_deeper_than_a_payload_may_be() -> None:
    check_bounds(deep(MAX_DEPTH))
    for levels in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(ValueError, match="nested more than 32"):
            check_bounds(deep(levels))
    with pytest.raises(ValueError, match="nest more than 32"):
        apply_ops(deep(31), [{"op": "add", "path": "/a/a", "value": deep(31)}])


@pytest.mark.parametrize("op", ["copy", "move"])
@pytest.mark.parametrize("path", ["/jobs/auth/params/password", "/jobs/auth/params/auth/user"])
def test_what_may_be_a_secret_is_not_brought_to_light(op: str, path: str) -> None:
    spec = {"jobs": {"auth": {"params": {"password": "hunter2", "auth": {"user": "hunter2"}, "labels": []}}}}
    with pytest.raises(ValueError, match="below a name such as password"):
        apply_ops(spec, [{"op": op, "from": path, "path": "/jobs/auth/params/labels/-"}])
    apply_ops(spec, [{"op": op, "from": path, "path": "/jobs/auth/params/other_password"}])
    assert apply_ops(spec, [{"op": op, "from": "/jobs/auth", "path": "/jobs/other"}])["jobs"]["other"]


HOLDING = {
    "sources": {"gate": {"url": "rtsp://admin:hunter2@h/s"}, "yard": {"url": "rtsp://h/s"}},
    "jobs": {"auth": {"algorithm": "post", "params": {"password": "hunter2", "to": "mqtt://u:hunter2@h"}}},
}


@pytest.mark.parametrize("op", ["copy", "move"])
@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("/sources/gate/url", "/jobs/auth/algorithm"),
        ("/sources/gate/url", "/jobs/auth/params/model"),
        ("/sources/gate", "/jobs/auth/params/password_free"),
        ("/sources", "/jobs/auth/params"),
        ("/jobs/auth/params/to", "/jobs/auth/params/model"),
    ],
)
def test_a_password_in_a_url_goes_nowhere_where_it_may_be_echoed(op: str, source: str, path: str) -> None:
    with pytest.raises(ValueError, match="the same place of another"):
        apply_ops(HOLDING, [{"op": op, "from": source, "path": path}])
    apply_ops(HOLDING, [{"op": op, "from": "/sources/gate/url", "path": "/sources/yard/url"}])
    apply_ops(HOLDING, [{"op": op, "from": "/sources/yard/url", "path": "/jobs/auth/params/model"}])


@pytest.mark.parametrize(
    "path",
    ["", "/sources", "/sources/gate", "/sources/gate/url", "/jobs/auth/params", "/jobs/auth/params/password"],
)
def test_no_password_can_be_tried_out(path: str) -> None:
    """Right or wrong, the answer is the same."""
    right = jsonpointer.resolve_pointer(HOLDING, path)
    said = set()
    for guess in (right, "wrong", None):
        with pytest.raises(ValueError) as caught:
            apply_ops(HOLDING, [{"op": "test", "path": path, "value": guess}])
        said.add(str(caught.value))
    assert len(said) == 1
    beside = {"op": "test", "path": "/sources/yard/url", "value": "rtsp://h/s"}
    referred = {"jobs": {"a": {"params": {"password": "${secret:cam}"}}}}
    is_reference = {"op": "test", "path": "/jobs/a/params/password", "value": "${secret:cam}"}
    assert apply_ops(HOLDING, [beside]) == HOLDING
    assert apply_ops(referred, [is_reference]) == referred


@given(DOCUMENTS, st.lists(st.fixed_dictionaries({
    "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"]),
    "path": st.sampled_from(["", "/a", "/a/b", "/b/0", "/b/-", "/c/a/b", "a", "/~", "/b/1e0"]),
    "from": st.sampled_from(["", "/a", "/a/b", "/b/0", "/b/-", "/c"]),
    "value": PATCHES,
}), max_size=6))  # fmt: skip
def test_any_operations_give_json_or_a_value_error(document: Any, ops: Any) -> None:
    before = canonical(document)
    with contextlib.suppress(ValueError):
        canonical(apply_ops(document, ops))
    assert canonical(document) == before
