"""`edged try` and `edged models info`, as a user runs them: on real models, and on what is none."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import psutil
import pytest
from onnx import TensorProto, helper, numpy_helper

from edged.app.commands.model_description import info
from edged.settings import parse_settings
from tests.pictures import constant_model, save_model

PATIENCE_S = 60


def tried(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """``edged try …`` in ``folder``, which is also where its state goes."""
    return subprocess.run(
        [sys.executable, "-m", "edged", "try", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state"), "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )


def told(folder: Path, *words: object) -> dict[str, Any]:
    """What it says with ``--json``; it succeeded."""
    done = tried(folder, *words, "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def picture_in(folder: Path, width: int = 64, height: int = 48) -> Path:
    path = folder / "street.png"
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))
    return path


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


# ---- real models ----


@pytest.mark.assets
@pytest.mark.parametrize(
    ("model", "algorithm", "label", "least", "most"),
    [
        ("yolox_nano_416", "detector", "person", 8, 13),
        ("fastestdet_352", "detector", "person", 8, 20),
        ("yunet_n_320", "faces", "face", 5, 8),
        ("yunet_n_dynamic", "faces", "face", 5, 10),
        ("mnist", "classifier", "", 0, 0),
        ("deeplab_v3_257", "segmentation", "", 0, 0),
        ("person_reid_retail_0288", "embedding", "frame", 1, 1),
    ],
)
def test_real_models_are_recognised_run_drawn_and_made_a_job(
    assets: Path, tmp_path: Path, model: str, algorithm: str, label: str, least: int, most: int
) -> None:
    answer = told(tmp_path, assets / f"{model}.onnx", assets / "pedestrians.jpg")
    assert answer["algorithm"] == algorithm
    counts = {card["label"]: card["most"] for card in answer["found"]}
    assert least <= counts.get(label, 0) <= most
    drawn = cv2.imread(str(tmp_path / f"{model}-pedestrians.jpg"))
    plain = cv2.imread(str(assets / "pedestrians.jpg"))
    assert drawn.shape == plain.shape
    if algorithm != "classifier":
        assert np.mean(np.abs(drawn.astype(int) - plain).max(axis=2) > 60) > 0.002
    cost = answer["cost"]
    assert cost["runs"] > 1
    assert min(cost["model_ms"], cost["pre_ms"], cost["memory_mb"]) > 0
    (job,) = parse_settings(answer["config"], file="c", folder=tmp_path).settings.spec.jobs.values()
    assert algorithm in (job.algorithm, *(link.algorithm for link in job.then))


@pytest.mark.assets
def test_a_video_becomes_a_film_that_any_player_shows(assets: Path, tmp_path: Path) -> None:
    words = (assets / "yolox_nano_416.onnx", assets / "store-aisle-detection.mp4", "--interval", "0.5")
    answer = told(tmp_path, *words, "-o", "out.mp4")
    assert answer["found"][0]["label"] == "person"
    assert answer["found"][0]["number"] == answer["frames"] >= 8
    with av.open(str(tmp_path / "out.mp4")) as film:
        context = film.streams.video[0].codec_context
        assert (context.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", 480, 270)
        times = [frame.time for frame in film.decode(video=0)]
    assert len(times) == answer["frames"]
    assert np.diff(times) == pytest.approx(0.5, abs=0.1)
    content = (tmp_path / "out.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # a browser shows it while it loads
    assert "interval: 0.5" in answer["config"]


@pytest.mark.assets
def test_ctrl_c_leaves_nothing_half_written(assets: Path, tmp_path: Path) -> None:
    program = subprocess.Popen(
        [sys.executable, "-m", "edged", "try", assets / "yolox_nano_416.onnx",
         assets / "one-by-one-person-detection.mp4", "--interval", "0", "-o", tmp_path / "out.mp4"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    )  # fmt: skip
    part = tmp_path / "out.part.mp4"
    until = time.monotonic() + PATIENCE_S
    while not part.exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    children = psutil.Process(program.pid).children()
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=PATIENCE_S)
    assert program.returncode == 130
    assert not part.exists()
    assert not (tmp_path / "out.mp4").exists()
    assert children
    psutil.wait_procs(children, timeout=PATIENCE_S)
    assert not any(child.is_running() for child in children)


@pytest.mark.assets
def test_info_tells_and_measures(assets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    info(str(assets / "yolox_nano_416.onnx"), as_json=True)
    answer = json.loads(capsys.readouterr().out)
    assert answer["sha256"].startswith("695e750a")
    assert answer["size"] == (assets / "yolox_nano_416.onnx").stat().st_size
    assert answer["opsets"] == {"ai.onnx": 11}
    assert answer["outputs"][0]["shape"] == "1x3549x85"
    fits = {card["algorithm"]: card["detail"] for card in answer["fits"] if card["fits"]}
    assert "yolox, 80 classes" in fits["detector"]
    assert "faces" not in fits
    on_cpu = [timing for timing in answer["timings"] if timing["provider"] == "CPU"]
    assert on_cpu[0]["threads"] == 1
    assert all(timing["median_ms"] >= timing["least_ms"] > 0 for timing in on_cpu)


# ---- what nobody knows, and what is no model ----


def test_a_model_that_nobody_knows_is_shown_as_it_is(tmp_path: Path) -> None:
    odd = np.linspace(-2, 3, 7 * 11).reshape(1, 7, 11)
    constant_model(tmp_path / "odd.onnx", odd, input_shape=(1, 3, 32, 32))
    done = tried(tmp_path, "odd.onnx", picture_in(tmp_path), "--algorithm", "detector")
    assert done.returncode == 1
    assert not (tmp_path / "odd-street.jpg").exists()
    for text in ("images", "1x3x32x32", "output0", "1x7x11", "-2", "yolox: ", "yolov8: "):
        assert text in done.stdout
    assert "no head" in done.stderr


def test_what_fits_no_other_is_run_raw(tmp_path: Path) -> None:
    constant_model(tmp_path / "odd.onnx", np.ones((1, 1, 3, 1, 5)), input_shape=(1, 3, 32, 32))
    answer = told(tmp_path, "odd.onnx", picture_in(tmp_path))
    assert answer["algorithm"] == "onnx"
    assert "output0" in answer["data"]
    assert answer["outputs"][0]["shape"] == "1x1x3x1x5"
    (job,) = parse_settings(answer["config"], file="c", folder=tmp_path).settings.spec.jobs.values()
    assert job.algorithm == "onnx"


def test_a_model_that_takes_no_picture_is_told_by_its_inputs(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Add", ["words", "one"], ["sum"])],
        "text",
        [helper.make_tensor_value_info("words", TensorProto.FLOAT, [1, 12])],
        [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [1, 12])],
        [numpy_helper.from_array(np.float32(1), "one")],
    )
    save_model(tmp_path / "text.onnx", graph)
    done = tried(tmp_path, "text.onnx", picture_in(tmp_path))
    assert done.returncode == 1
    assert "no algorithm takes text.onnx" in done.stderr
    assert "words 1x12" in done.stderr
    assert left_in(tmp_path) == {"text.onnx", "street.png"}


def test_params_are_those_of_the_job(tmp_path: Path) -> None:
    constant_model(tmp_path / "odd.onnx", np.ones((1, 1, 3, 1, 5)), input_shape=(1, 3, 32, 32))
    words = ("odd.onnx", picture_in(tmp_path), "--algorithm", "onnx")
    answer = told(tmp_path, *words, "-p", "resize=stretch", "-p", "max_values=3")
    assert "resize: stretch, max_values: 3" in answer["config"]
    done = tried(tmp_path, *words, "-p", "max_valeus=3")
    assert done.returncode == 1
    assert "did you mean 'max_values'?" in done.stderr


def test_who_takes_the_model_tells_what_is_wrong_with_the_params(tmp_path: Path) -> None:
    constant_model(tmp_path / "m.onnx", np.zeros((1, 6, 84)), input_shape=(1, 3, 64, 64))
    words = ("m.onnx", picture_in(tmp_path), "-p", "names=[person, car]")
    assert 'names: ["person", "car"]' in told(tmp_path, *words)["config"]
    for more, message in (
        (("-p", "labels=[persn]"), "detector: labels: the model knows no 'persn': did you mean 'person'?"),
        (("-p", "scor=0.3"), "detector: scor: no such parameter: did you mean 'score'?"),
        (("--head", "yolo"), "detector: head: must be auto"),
        (("--algorithm", "zones"), "zones takes no model"),
        (("-p", "labels=[person"), "labels=[person"),
    ):
        done = tried(tmp_path, *words, *more)
        assert message in done.stderr
        assert "Known are" not in done.stdout
        assert done.returncode in (1, 2)


@pytest.mark.parametrize(
    ("model", "picture", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n", None, "git lfs pull"),
        (b"<!DOCTYPE html><title>Sign in</title>", None, "a web page"),
        (b"\x08\x07\x12\x07pytorch", None, "broke off after 11 bytes"),
        (None, b"\xff\xd8\xff\xe0 torn", "cannot be read as a picture"),
        (None, b"", "cannot be read as a picture (0 bytes)"),
    ],
)
def test_files_that_are_not_what_they_should_be(
    tmp_path: Path, model: bytes | None, picture: bytes | None, message: str
) -> None:
    constant_model(tmp_path / "m.onnx", np.ones((1, 1, 3, 1, 5)), input_shape=(1, 3, 32, 32))
    picture_in(tmp_path)
    if model is not None:
        (tmp_path / "m.onnx").write_bytes(model)
    if picture is not None:
        (tmp_path / "street.png").write_bytes(picture)
    done = tried(tmp_path, "m.onnx", "street.png")
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert left_in(tmp_path) == {"m.onnx", "street.png"}


def test_a_video_that_is_none(tmp_path: Path) -> None:
    constant_model(tmp_path / "m.onnx", np.ones((1, 1, 3, 1, 5)), input_shape=(1, 3, 32, 32))
    (tmp_path / "film.mp4").write_text("no film")
    done = tried(tmp_path, "m.onnx", "film.mp4")
    assert done.returncode == 1
    assert done.stderr.startswith("edged: ")
    assert left_in(tmp_path) == {"m.onnx", "film.mp4"}


def test_what_is_read_is_never_written_over(tmp_path: Path) -> None:
    constant_model(tmp_path / "m.onnx", np.ones((1, 1, 3, 1, 5)), input_shape=(1, 3, 32, 32))
    picture = picture_in(tmp_path)
    before = picture.read_bytes()
    for output, message in (
        (picture, "is what is read"),
        ("out.mp4", "ends with .jpg"),
        ("no/x.jpg", "no folder"),
    ):
        done = tried(tmp_path, "m.onnx", picture, "-o", output)
        assert done.returncode == 1
        assert message in done.stderr
    assert picture.read_bytes() == before


def test_pictures_of_odd_size_and_nan_outputs(tmp_path: Path) -> None:
    constant_model(tmp_path / "m.onnx", np.full((1, 1, 3, 1, 5), np.nan), input_shape=(1, 3, 32, 32))
    answer = told(tmp_path, "m.onnx", picture_in(tmp_path, 33, 17))
    assert answer["outputs"][0]["odd"] == 15
    assert (answer["width"], answer["height"]) == (33, 17)
    assert cv2.imread(str(tmp_path / "m-street.jpg")).shape == (17, 33, 3)


OWN = """
from edged import BaseAlgo

class Brightness(BaseAlgo):
    def init(self, model):
        self.session = self.model(model)
    def run(self, frames):
        spot = {"box": [1, 2, 20, 30], "label": "spot"}
        return {"brightness": float(frames[-1].mean()), "detections": [spot]}
"""


def test_an_algorithm_of_ones_own_runs_and_its_folder_stands_in_the_config(tmp_path: Path) -> None:
    constant_model(tmp_path / "m.onnx", np.ones((1, 1, 3, 1, 5)), input_shape=(1, 3, 32, 32))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "brightness.py").write_text(OWN)
    words = ("m.onnx", picture_in(tmp_path), "--algorithm", "brightness")
    answer = told(tmp_path, *words, "--folder", "mine")
    assert "brightness" in json.loads(answer["data"])
    assert answer["found"][0]["label"] == "spot"
    settings = parse_settings(answer["config"], file="c", folder=tmp_path).settings
    assert [str(folder) for folder in settings.algorithms] == [str(tmp_path / "mine")]
    done = tried(tmp_path, *words)
    assert done.returncode == 1
    assert "there is no algorithm 'brightness'" in done.stderr
