"""What lies in the store, and what is swept out of it."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edged.modelstore.store import ModelStore, partial_of

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def put(store: ModelStore, name: str, sha256: str) -> Path:
    place = store.place_of(name, sha256)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(b"x")
    return place


def test_nothing_is_there_before_anything_came(tmp_path: Path) -> None:
    store = ModelStore.below(tmp_path)
    assert list(store.files()) == []
    assert store.sweep(()) == ()
    assert not (tmp_path / "models").exists()


def test_what_is_kept_stays_and_all_else_goes(tmp_path: Path) -> None:
    store = ModelStore.below(tmp_path)
    kept, gone = put(store, "people.onnx", A), put(store, "people.onnx", B)
    other_name = put(store, "men.onnx", A)
    partial_of(store.place_of("x.onnx", B), B).write_bytes(b"half")
    partial_of(kept, A).write_bytes(b"half")
    assert set(store.sweep([str(kept)])) == {str(gone), str(other_name)}
    assert [stored.path for stored in store.files()] == [kept]
    assert sorted(path.name for path in store.folder.iterdir()) == [A, f"{A}.part"]


def test_what_is_wanted_and_not_there_yet_keeps_its_beginning(tmp_path: Path) -> None:
    store = ModelStore.below(tmp_path)
    put(store, "x.onnx", B)
    place = store.place_of("people.onnx", A)
    partial = partial_of(place, A)
    partial.write_bytes(b"half")
    store.sweep([str(place)])
    assert [path.name for path in store.folder.iterdir()] == [partial.name]


def test_what_somebody_else_put_there_is_left_alone(tmp_path: Path) -> None:
    store = ModelStore.below(tmp_path)
    put(store, "people.onnx", A)
    (store.folder / "notes.txt").write_text("mine")
    beside = store.folder.parent / "mine.onnx"
    beside.write_bytes(b"mine")
    store.sweep(())
    assert [path.name for path in store.folder.iterdir()] == ["notes.txt"]
    assert beside.exists()


@given(st.sets(st.sampled_from([A, B, C])), st.sets(st.sampled_from([A, B, C])))
def test_sweeping_leaves_what_was_there_and_is_kept(there: set[str], kept: set[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        store = ModelStore.below(Path(folder))
        for sha256 in there:
            put(store, "m.onnx", sha256)
        store.sweep([str(store.place_of("m.onnx", sha256)) for sha256 in kept])
        assert {stored.sha256 for stored in store.files()} == there & kept
