from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from edged.algorithm import engines as engines_module
from edged.algorithm.engines import EngineCache, forget, is_built, is_held
from edged.model.providers import Candidate, Provider
from tests.pictures import constant_model

PATIENCE_S = 20
ONE_THREAD = Candidate(Provider.OPENVINO, "OpenVINO CPU", {"num_of_threads": "1"})
TWO_THREADS = Candidate(Provider.OPENVINO, "OpenVINO CPU", {"num_of_threads": "2"})


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path / "engines", "1.24.1")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return constant_model(tmp_path / "one.onnx", np.ones((1, 3)))


def built(cache: EngineCache, model: Path, candidate: Candidate = ONE_THREAD, size: int = 10) -> Path:
    """The folder of an engine, with one in it."""
    place = cache.place(model, candidate)
    with cache.held(place, model):
        (place / "engine.blob").write_bytes(bytes(size))
    return place


def test_an_engine_is_there_once_it_is_built(cache: EngineCache, model: Path) -> None:
    place = cache.place(model, ONE_THREAD)
    assert not is_built(place)
    with cache.held(place, model):
        assert not is_built(place)
        assert is_held(place)
    assert built(cache, model) == place
    assert is_built(place)
    assert not is_held(place)
    forget(place)
    assert not is_built(place)


def test_other_options_and_other_contents_are_other_engines(cache: EngineCache, model: Path) -> None:
    first, second = cache.place(model, ONE_THREAD), cache.place(model, TWO_THREADS)
    constant_model(model, np.full((1, 3), 2))
    assert len({first, second, cache.place(model, ONE_THREAD)}) == 3


def test_the_engine_of_an_earlier_content_goes_and_those_of_others_stay(
    cache: EngineCache, model: Path, tmp_path: Path
) -> None:
    other = built(cache, constant_model(tmp_path / "other.onnx", np.zeros((1, 3))))
    old, old_too = built(cache, model), built(cache, model, TWO_THREADS)
    constant_model(model, np.full((1, 3), 2))
    new, new_too = built(cache, model), built(cache, model, TWO_THREADS)
    cache.clean(new)
    assert [place.exists() for place in (old, old_too, new, new_too, other)] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_engines_of_another_onnx_runtime_go(cache: EngineCache, model: Path) -> None:
    old = built(EngineCache(cache.folder, "1.20.0"), model)
    new = built(cache, model)
    cache.clean(new)
    assert not old.parent.exists()
    assert is_built(new)


def test_the_cache_is_bounded_and_what_was_used_last_stays(
    cache: EngineCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines_module, "MOST_BYTES", 3500)
    models = [constant_model(tmp_path / f"m{n}.onnx", np.full((1, 3), n)) for n in range(4)]
    places = [built(cache, one, size=1000) for one in models]
    for age, place in enumerate(reversed(places)):
        os.utime(place, (1e9 - age, 1e9 - age))
    cache.clean(places[0])  # the oldest, and just in use
    assert [is_built(place) for place in places] == [True, False, True, True]


def test_two_that_need_the_same_engine_build_it_once(cache: EngineCache, model: Path) -> None:
    place = cache.place(model, ONE_THREAD)
    found: list[bool] = []

    def second() -> None:
        with cache.held(place, model):
            found.append(is_built(place))

    with cache.held(place, model):
        waiting = threading.Thread(target=second)
        waiting.start()
        assert is_held(place)
        (place / "engine.blob").write_bytes(b"engine")
    waiting.join(PATIENCE_S)
    assert found == [True]


def test_no_storage_is_made_that_might_be_another_users(tmp_path: Path, model: Path) -> None:
    cache = EngineCache(tmp_path / "nowhere" / "engines", "1.24.1")
    with pytest.raises(FileNotFoundError), cache.held(cache.place(model, ONE_THREAD), model):
        pass
    assert not (tmp_path / "nowhere").exists()
