"""What goes along to machines that do not have it."""

from __future__ import annotations

import shutil
from pathlib import Path

from edged.model.messages import JobSpec, Library, LinkSpec
from edged.model.sampling import Sampling
from edged.offline.cluster.luggage import pack, unpack


def test_files_that_another_machine_lacks_are_put_there(tmp_path: Path) -> None:
    models, algos, cache = tmp_path / "models", tmp_path / "algos", tmp_path / "cache"
    (algos / "inner").mkdir(parents=True)
    models.mkdir()
    (models / "a.onnx").write_bytes(b"model")
    (models / "labels.txt").write_text("person")
    (algos / "mine.py").write_text("X = 1")
    (algos / "inner" / "part.py").write_text("Y = 2")
    absolute = tmp_path / "b.onnx"
    absolute.write_bytes(b"other")
    params = {"model": "a.onnx", "names": "labels.txt", "score": 0.4, "x": {"y": [str(absolute)]}}
    link = LinkSpec("detector", params)
    jobs = (JobSpec("people", ("video",), (link,), Sampling()),)
    library = Library((str(algos),), (str(models),))
    luggage = pack(jobs, library)
    assert unpack(luggage, jobs, library, cache) == (jobs, library)
    assert not cache.exists()

    for path in (models, algos):
        shutil.rmtree(path)
    absolute.write_bytes(b"something else of the same name")
    (moved,), there = unpack(luggage, jobs, library, cache)
    brought = moved.chain[0].models
    assert {name: Path(path).read_bytes() for name, path in brought.items()} == {
        "a.onnx": b"model", "labels.txt": b"person", str(absolute): b"other",
    }  # fmt: skip
    folder = Path(there.algorithms[0])
    assert (folder / "mine.py").read_text() == "X = 1"
    assert (folder / "inner" / "part.py").read_text() == "Y = 2"
